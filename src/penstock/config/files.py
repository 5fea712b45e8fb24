"""The TOML file with options: which one it is, what it holds, and on which lines.

It is `penstock.toml`, or the table `[tool.penstock]` of `pyproject.toml`, in the current folder, or
the file that `--config` names.
"""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple

from penstock.errors import UsageError

# The ways to write a key below `tool.penstock`: [tool.penstock], tool.penstock.port = 1, [tool] with
# penstock.port = 1 below, tool = {penstock = ...}. Matches more than these, and none less.
_MAY_HAVE_TABLE = re.compile(rb"""tool['"]?[ \t]*(?:\.[ \t]*['"]?penstock|[]=])""")
_TABLE = re.compile(r"[ \t]*\[+([^]\[]+)]")
_KEY = re.compile(r"""[ \t]*["']?([\w-]+)["']?[ \t]*[=.]""")
_SHARED = "pyproject.toml"
_OWN_TABLE = "tool.penstock"


class TomlFile(NamedTuple):
    """A file with options: how messages call it, its options, and the line of each as far as it can
    be told (tomllib does not say)."""

    shown: str
    table: dict[str, Any]
    lines: dict[str, int]

    def place(self, key: str) -> str:
        """Where `key` stands, for a person; with the line as editors and terminals understand it."""
        line = self.lines.get(key)
        name = f"{self.shown}:{line}" if line else self.shown
        whole = self.shown.endswith(_SHARED) and not line
        return f"{name} [{_OWN_TABLE}]: {key}" if whole else f"{name}: {key}"


def read(config_file: str, folder: str) -> TomlFile | None:
    """The file with options, None where there is none.

    `config_file` is what `--config` names; "" looks into `folder`, "none" reads no file. UsageError
    says what is wrong with the file as a whole.
    """
    if config_file == "none":
        return None
    path = _named(config_file, folder) if config_file else _found(folder)
    if path is None:
        return None
    document = _parse(path)
    shown = config_file or os.path.basename(path)
    shared = os.path.basename(path) == _SHARED
    table = document.get("tool", {}).get("penstock", {}) if shared else document
    if not isinstance(table, dict):
        raise UsageError(
            f"{shown} [{_OWN_TABLE}] is no table", f"write [{_OWN_TABLE}], then one option a line"
        )
    text = _read(path).decode("utf-8")
    return TomlFile(shown, table, lines_of(text, _OWN_TABLE if shared else ""))


def lines_of(text: str, table: str) -> dict[str, int]:
    """The line, from 1, of each key of `table` ("" for the top) in TOML `text`.

    Keys that seem to stand there twice are left out: one of them is inside a text of several lines.
    """
    inside = not table
    found: dict[str, int] = {}
    twice: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        heading = _TABLE.match(line)
        key = ""
        if heading is not None:
            name = re.sub(r"""[\s"']""", "", heading[1])
            inside = name == table
            below = name.removeprefix(f"{table}." if table else "")
            if not inside and (not table or name.startswith(f"{table}.")):
                key = below.partition(".")[0]
        elif inside:
            match = _KEY.match(line)
            key = match[1] if match is not None else ""
        if not key:
            continue
        if key in found and heading is None:
            twice.add(key)
        found.setdefault(key, number)
    return {key: number for key, number in found.items() if key not in twice}


def _named(config_file: str, folder: str) -> str:
    path = os.path.join(folder, config_file)
    if path.endswith(".py") or config_file.startswith("python:"):
        raise UsageError(
            f"--config {config_file}: gunicorn's Python configuration is not read",
            f"make a penstock.toml of it: penstock migrate {config_file} -o penstock.toml",
        )
    if not os.path.isfile(path):
        raise UsageError(f"--config {config_file}: there is no such file, seen from {folder}")
    return path


def _found(folder: str) -> str | None:
    own, shared = os.path.join(folder, "penstock.toml"), os.path.join(folder, _SHARED)
    has_own = os.path.isfile(own)
    if not os.path.isfile(shared) or not _MAY_HAVE_TABLE.search(_read(shared)):
        return own if has_own else None  # most pyproject.toml: not worth a TOML parser's start
    in_shared = "penstock" in _parse(shared).get("tool", {})
    if has_own and in_shared:
        raise UsageError(
            "penstock.toml and [tool.penstock] in pyproject.toml are both here",
            "keep one, or choose with --config FILE",
        )
    return own if has_own else shared if in_shared else None


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None


def _parse(path: str) -> dict[str, Any]:
    import tomllib  # only who has a file pays for it

    try:
        return tomllib.loads(_read(path).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{os.path.basename(path)} is no valid TOML: {error}") from None
