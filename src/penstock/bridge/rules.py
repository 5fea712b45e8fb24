"""How one setting of another server becomes an option, or is told to have none.

A server's table is a tuple of `Setting`s, one for each setting that it has. The rule of each is
data for two readers: `act` translates, `page` is what docs/migrating.md prints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from penstock.bridge.draft import Draft, NoCounterpart, Said
from penstock.config.options import BY_NAME

Read = Callable[[Any], Any]


class Rule(NamedTuple):
    """What happens to a setting; `page` says it in one line of Markdown."""

    act: Callable[[Draft, str, Said], None]
    page: str


class Setting(NamedTuple):
    """A setting by the name that its server's configuration has for it.

    `spec` are its flags, with commas between: `-w,--workers=` takes a value, `--reload` none,
    `--ws/--no-ws` is a pair, `--proxy-protocol?` may have a value behind an equals sign or as the
    next word; "" where there is no flag. `many`: each use adds a value.
    """

    name: str
    rule: Rule
    spec: str = ""
    many: bool = False


class Server(NamedTuple):
    """All that is known of another server.

    - `programs`: how its command is called, also as `python -m`.
    - `finish`: what follows from several settings, or from defaults that are not ours.
    - `abbreviates`: its long flags may be cut short (argparse).
    - `prefix`: its environment variables are this and a parameter's name; "" where there are none.
    """

    name: str
    settings: tuple[Setting, ...]
    finish: Callable[[Draft], None]
    programs: tuple[str, ...] = ()
    abbreviates: bool = False
    prefix: str = ""


# ------------------------------------------------------------------------------------------- rules


def to(name: str, read: Read | None = None, note: str = "") -> Rule:
    """The option `name`, with the value that `read` makes of theirs (default: the same); `read` may
    return None for nothing to write, and raise NoCounterpart."""
    option = BY_NAME[name]

    def act(draft: Draft, setting: str, said: Said) -> None:
        try:
            value = said.value if read is None else read(said.value)
        except NoCounterpart as error:
            draft.leave(f"{setting} = {shown(said.value)}", str(error))
            return
        except (TypeError, ValueError) as error:
            draft.leave(f"{setting} = {shown(said.value)}", f"{option.toml}: {error}")
            return
        if value is not None:
            draft.put(name, value, f"{setting} = {shown(said.value)}", note)

    return Rule(act, f"`{option.toml}`{'; ' + note if note else ''}")


def no(why: str, unless: Iterable[Any] = (False, None, "")) -> Rule:
    """No counterpart. Values of `unless` ask for nothing, so nothing is said of them."""
    silent = tuple(unless)

    def act(draft: Draft, setting: str, said: Said) -> None:
        if not any(said.value is value or said.value == value for value in silent):
            draft.leave(f"{setting} = {shown(said.value)}", why)

    return Rule(act, f"none: {why}")


def hidden(why: str) -> Rule:
    """No counterpart, and the value is not to be shown."""

    def act(draft: Draft, setting: str, said: Said) -> None:
        if said.value:
            draft.leave(setting, why)

    return Rule(act, f"none: {why}")


def moot(why: str) -> Rule:
    """Nothing is needed: it is what happens anyway."""

    def act(draft: Draft, setting: str, said: Said) -> None:
        if said.value not in {None, False, ""} if _hashable(said.value) else True:
            draft.spare(setting, why)

    return Rule(act, f"not needed: {why}")


def words(name: str, known: Mapping[Any, Any], why: str = "") -> Rule:
    """The option `name`, by a table of their words; others have no counterpart, for `why`."""

    def read(value: Any) -> Any:
        key = value.strip().lower() if isinstance(value, str) else value
        if key not in known:
            raise NoCounterpart(why or f"{BY_NAME[name].toml} has no word for it")
        return known[key]

    return to(name, read)


def by(act: Callable[[Draft, str, Said], None], page: str) -> Rule:
    """A rule of its own; `page` as in `Rule`."""
    return Rule(act, page)


def _hashable(value: Any) -> bool:
    return not isinstance(value, list | dict | set)


# ------------------------------------------------------------------------------------------ values


def flag(value: Any) -> bool:
    """On or off, as INI files, environments and Python say it."""
    if isinstance(value, str):
        return value.strip().lower() in {"1", "true", "t", "yes", "y", "on", "enabled"}
    return bool(value)


def only_on(value: Any) -> bool | None:
    """True, or nothing to write."""
    return True if flag(value) else None


def count(value: Any) -> int | None:
    """A number; 0 and none mean no limit, which is nothing to write."""
    if value is None or value == "":
        return None
    return int(value) or None


def number(value: Any) -> int:
    """A whole number."""
    return int(value)


def duration(value: Any) -> Any:
    """A time as a person would write it here: seconds, or text with units."""
    from penstock.config import units

    if value is None:
        return None
    return units.format_duration(units.parse_duration(value))


def milliseconds(value: Any) -> str:
    """Theirs are milliseconds."""
    return f"{int(value)}ms"


def size(value: Any) -> Any:
    """A size as a person would write it here; theirs are bytes."""
    from penstock.config import units

    return units.format_size(int(value))


def mebibytes(value: Any) -> str:
    """Theirs are MiB."""
    return f"{int(value)}MiB"


def text(value: Any) -> str | None:
    """Text; nothing to write for none."""
    return None if value in {None, ""} else str(value)


def texts(value: Any) -> list[str] | None:
    """A list, of one text as well."""
    if value is None or value == "":
        return None
    items = [value] if isinstance(value, str | int) else list(value)
    return [str(item) for item in items] or None


def octal(value: Any) -> str | None:
    """File mode bits, from a number or octal digits, as octal digits."""
    if value is None:
        return None
    bits = int(value, 8) if isinstance(value, str) else int(value)
    return f"{bits:03o}"


def log_level(value: Any) -> str:
    """A level's name, from its name in any case or its number."""
    import logging

    name = logging.getLevelName(value) if isinstance(value, int) else str(value)
    return {"notset": "trace"}.get(name.lower(), name.lower())


def bind(value: str, port: int) -> str:
    """An address as gunicorn and hypercorn write it, as ours: `port` where it names none."""
    address = value.strip().removeprefix("tcp://").removeprefix("http://")
    if address.startswith("unix:"):
        return "unix:" + address.removeprefix("unix:").removeprefix("//")
    if address.startswith(("fd://", "/")):
        return address
    bare = address.rpartition("]")[2] if address.startswith("[") else address
    return address if ":" in bare else f"{address}:{port}"


def shown(value: Any) -> str:
    """A value on one line, cut where it is long."""
    line = " ".join(str(value).split()) if isinstance(value, str) else repr(value)
    line = line if line.isprintable() else ascii(line)
    return line if len(line) <= 60 else f"{line[:57]}..."
