"""The command line of another server, read by the flags of its table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from penstock.bridge.draft import Said
from penstock.bridge.rules import Server


class Flag(NamedTuple):
    """One spelling of a setting's flag. `takes`: "value", "maybe" (a value that may be left out) or
    "nothing"; then `value` is what it says."""

    name: str
    takes: str
    value: Any
    many: bool


class Words(NamedTuple):
    """What a command line holds: values by setting, other words, and flags that nobody knows."""

    given: dict[str, Said]
    positional: list[str]
    unknown: list[str]


def flags_of(server: Server) -> dict[str, Flag]:
    """Spelling → flag, of all settings of `server`."""
    found: dict[str, Flag] = {}
    for setting in server.settings:
        spec, takes = setting.spec, "nothing"
        if spec.endswith("="):
            spec, takes = spec[:-1], "value"
        elif spec.endswith("?"):
            spec, takes = spec[:-1], "maybe"
        for spelling in filter(None, spec.split(",")):
            on, _, off = spelling.partition("/")
            found[on] = Flag(setting.name, takes, True, setting.many)
            if off:
                found[off] = Flag(setting.name, takes, False, setting.many)
            if takes == "nothing" and on.startswith("--no-") and not off:
                found[on] = Flag(setting.name, takes, False, setting.many)
    return found


def read(words: Iterable[str], server: Server) -> Words:
    """Tell values, positional words and unknown flags of a command line apart."""
    flags = flags_of(server)
    given: dict[str, Said] = {}
    positional: list[str] = []
    unknown: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            positional += rest
            break
        if not word.startswith("-") or word == "-":
            positional.append(word)
            continue
        spelling, attached = _split(word, flags)
        flag = flags.get(spelling) or _abbreviated(spelling, flags, server)
        if flag is None:
            unknown.append(word)
            # What follows an unknown flag is more likely its value than an application
            if attached is None and rest and not rest[0].startswith("-") and positional:
                unknown[-1] += f" {rest.pop(0)}"
            continue
        value: Any = flag.value
        if flag.takes == "value" and attached is None:
            value = rest.pop(0) if rest else ""
        elif flag.takes == "maybe" and attached is None and rest and not rest[0].startswith("-"):
            value = rest.pop(0) if positional else True
        elif attached is not None:
            value = attached
        if flag.many:
            before = given[flag.name].value if flag.name in given else []
            value = [*before, value]
        given[flag.name] = Said(value, spelling)
    return Words(given, positional, unknown)


def _split(word: str, flags: dict[str, Flag]) -> tuple[str, str | None]:
    """The flag and the value that is attached to it: `--x=1`, `-w4`, `-w=4`."""
    if word.startswith("--"):
        spelling, equals, value = word.partition("=")
        return spelling, value if equals else None
    if word in flags or len(word) == 2:
        return word, None
    return word[:2], word[2:].removeprefix("=")


def _abbreviated(spelling: str, flags: dict[str, Flag], server: Server) -> Flag | None:
    """The one flag that `spelling` is the beginning of, as argparse takes it."""
    if not server.abbreviates or not spelling.startswith("--"):
        return None
    meant = {flags[known] for known in flags if known.startswith(spelling)}
    return meant.pop() if len(meant) == 1 else None
