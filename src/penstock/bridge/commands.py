"""Command lines of servers, wherever they stand: in a Procfile, a Dockerfile, a systemd unit, a
script, or in quotes."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from penstock.bridge.draft import Said

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::?-([^}]*))?\})")
_OPERATORS = re.compile(r"[;<>|&()]+|[0-9]>")
_PROCESS = re.compile(r"([A-Za-z0-9_-]+):\s*(.+)")
# What may stand before a server without meaning anything for it
_SILENT = frozenset({"exec", "env", "python", "python3", "-m", "-u", "-O", "/usr/bin/env", "--"})


class Command(NamedTuple):
    """A server's command line: the program, the words behind it, the variables that are set for it,
    the words that stand before it, and where all that was found."""

    program: str
    words: list[str]
    environ: dict[str, str]
    before: list[str]
    origin: str


def command(line: str, programs: Collection[str], origin: str) -> Command | None:
    """The command of a shell's `line` that starts one of `programs`, None if there is none.

    ValueError for quotes that are not closed.
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    return of_words(list(lexer), programs, origin)


def of_words(words: list[str], programs: Collection[str], origin: str) -> Command | None:
    """The same, of words that a shell has split already."""
    for index, word in enumerate(words):
        program = os.path.basename(word)
        if program not in programs:
            continue
        if index and words[index - 1] not in _SILENT and _is_value(words, index):
            continue
        start = max(
            (place + 1 for place in range(index) if _OPERATORS.fullmatch(words[place])), default=0
        )
        before = words[start:index]
        environ = dict(each.split("=", 1) for each in before if _ASSIGNMENT.match(each))
        others = [
            each
            for each in before
            if not _ASSIGNMENT.match(each) and os.path.basename(each) not in _SILENT
        ]
        behind: list[str] = []
        for each in words[index + 1 :]:
            if _OPERATORS.fullmatch(each):
                break
            behind.append(each)
        return Command(program, behind, environ, others, origin)
    return None


def _is_value(words: list[str], index: int) -> bool:
    """Whether the word at `index` belongs to a flag before it, as in `pip install -r gunicorn`."""
    return words[index - 1].startswith("-")


# ------------------------------------------------------------------------------------------ files


def in_file(path: str, text: str, programs: Collection[str]) -> list[Command]:
    """The commands of `programs` in a file's `text`, by the kind of file that its name says."""
    name = os.path.basename(path)
    lowered = name.lower()
    if lowered.startswith("procfile"):
        lines = _procfile(text)
    elif "dockerfile" in lowered or "containerfile" in lowered:
        return list(_dockerfile(text, programs, name))
    elif lowered.endswith(".service"):
        return list(_unit(text, programs, name))
    else:
        lines = ((f"line {number}", line) for number, line in _logical(text))
    found = []
    for place, line in lines:
        if line.lstrip().startswith("#"):
            continue
        try:
            one = command(line, programs, f"{name}: {place}")
        except ValueError:
            continue  # a line of a script that only a shell can read
        if one is not None:
            found.append(one)
    return found


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Lines, those joined that end with a backslash; with the number of the first."""
    begun, number = "", 0
    for index, line in enumerate(text.splitlines(), 1):
        number = number or index
        if line.rstrip().endswith("\\"):
            begun += line.rstrip()[:-1] + " "
            continue
        yield number, begun + line
        begun, number = "", 0
    if begun:
        yield number, begun


def _procfile(text: str) -> Iterator[tuple[str, str]]:
    for _, line in _logical(text):
        match = _PROCESS.match(line.strip())
        if match:
            yield match[1], match[2]


def _dockerfile(text: str, programs: Collection[str], name: str) -> Iterator[Command]:
    """The last ENTRYPOINT and CMD, together as Docker runs them, with the image's ENV."""
    environ: dict[str, str] = {}
    entry: list[str] | str = []
    arguments: list[str] | str = []
    for _, line in _logical(text):
        word, _, rest = line.strip().partition(" ")
        match word.upper():
            case "FROM":
                environ, entry, arguments = {}, [], []
            case "ENV":
                environ |= _environment(rest)
            case "ENTRYPOINT":
                entry = _exec_form(rest)
            case "CMD":
                arguments = _exec_form(rest)
    if isinstance(entry, str) or not entry:
        whole = entry or arguments
    else:
        # In shell form CMD is the argument of a shell
        whole = [*entry, *(arguments if isinstance(arguments, list) else [arguments])]
    one: Command | None
    if isinstance(whole, str):
        one = command(whole, programs, f"{name}: CMD")
    else:
        one = of_words(whole, programs, f"{name}: CMD")
        if one is None and whole[1:2] in (["-c"], ["-lc"], ["-ec"]) and len(whole) > 2:
            one = command(whole[2], programs, f"{name}: CMD")
    if one is not None:
        yield one._replace(environ={**environ, **one.environ})


def _environment(text: str) -> dict[str, str]:
    try:
        words = shlex.split(text)
    except ValueError:
        return {}
    if words and "=" not in words[0]:
        return {words[0]: " ".join(words[1:])}
    return dict(each.split("=", 1) for each in words if "=" in each)


def _exec_form(text: str) -> list[str] | str:
    if text.lstrip().startswith("["):
        try:
            words = json.loads(text)
        except ValueError:
            return text
        if isinstance(words, list):
            return [str(each) for each in words]
    return text


def _unit(text: str, programs: Collection[str], name: str) -> Iterator[Command]:
    environ: dict[str, str] = {}
    found: list[Command] = []
    for _, line in _logical(text):
        key, equals, value = line.strip().partition("=")
        if not equals or key.startswith(("#", ";")):
            continue
        if key == "Environment":
            environ |= _environment(value)
        elif key == "ExecStart":
            one = of_words(shlex.split(value.lstrip("@-:+!")), programs, f"{name}: ExecStart")
            if one is not None:
                found.append(one)
    for one in found:
        yield one._replace(environ=environ)


# -------------------------------------------------------------------------------------- variables


class Filled(NamedTuple):
    """Values with their variables filled in as far as a file can; the others, by setting; and where
    `$PORT` was to be the port, the host beside it ("" for none), else None."""

    given: dict[str, Said]
    open: dict[str, Said]
    host: str | None


def fill(given: Mapping[str, Said], environ: Mapping[str, str]) -> Filled:
    """Put values in the place of `$NAME` and `${NAME:-default}`.

    `environ` are the variables that are set beside the command. `$PORT` is taken out of addresses:
    the server reads it by itself.
    """
    found: dict[str, Said] = {}
    left: dict[str, Said] = {}
    host: str | None = None
    for name, said in given.items():
        beside = None if "PORT" in environ else _beside_port(name, said.value)
        if beside is not None:
            host = beside
            continue
        filled = _filled(said.value, environ)
        if filled is None and said.value is not None:
            left[name] = said
        else:
            found[name] = Said(filled, said.origin)
    return Filled(found, left, host)


def _beside_port(name: str, value: Any) -> str | None:
    """The host in an address whose port is `$PORT`, "" where there is none; None for other values."""
    if name == "port":
        return "" if value in {"$PORT", "${PORT}"} else None
    only = value[0] if isinstance(value, list) and len(value) == 1 else value
    if name in {"bind", "http", "http-socket"} and isinstance(only, str):
        host, colon, port = only.rpartition(":")
        if colon and port in {"$PORT", "${PORT}", "$(PORT)"}:
            return host or "0.0.0.0"
    return None


def _filled(value: Any, environ: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        items = [_filled(each, environ) for each in value]
        return None if None in items else items
    if not isinstance(value, str):
        return value

    def stands_for(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        found = environ.get(name) or match[3]
        if found is None:
            raise KeyError(name)
        return found

    try:
        return _VARIABLE.sub(stands_for, value)
    except KeyError:
        return None
