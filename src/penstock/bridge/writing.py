"""The text of penstock.toml, from a draft."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from penstock.bridge.draft import Draft, Left, Line
from penstock.config.options import OPTIONS

_WIDTH = 100
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def text(draft: Draft, sources: Iterable[str]) -> str:
    """The file: options in the order of docs/options.md, then what has no counterpart, as comments."""
    lines = [
        *_comment(f"Made by `penstock migrate` from {', '.join(sources)}, of {draft.server}."),
        "# `penstock config check` looks at it, `penstock config show` shows every value.",
    ]
    for remark in draft.remarks:
        lines += _comment(remark)
    group = ""
    tables: list[Line] = []
    for option in OPTIONS:
        line = draft.lines.get(option.name)
        if line is None:
            continue
        if isinstance(line.value, dict):
            tables.append(line)  # what follows a table would belong to it
            continue
        if option.group != group:
            group = option.group
            lines += ["", f"# {group}"]
        lines.append(_assignment(line))
    for line in tables:
        lines += ["", *_comment(line.note), *_table(line.option.toml, line.value)]
    lines += _told("Without a counterpart:", draft.left)
    lines += _told("Not needed:", draft.moot)
    return "\n".join(lines) + "\n"


def _assignment(line: Line) -> str:
    written = f"{line.option.toml} = {_value(line.value)}"
    return f"{written}  # {_plain(line.note)}" if line.note else written


def _told(heading: str, entries: list[Left]) -> list[str]:
    if not entries:
        return []
    lines = ["", f"# {heading}"]
    for setting, why in entries:
        lines += _comment(f"{setting}: {why}", indent="  ")
    return lines


def _comment(sentence: str, indent: str = "") -> list[str]:
    if not sentence:
        return []
    return textwrap.wrap(
        _plain(sentence), _WIDTH, initial_indent=f"# {indent}", subsequent_indent=f"# {indent}  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _plain(sentence: str) -> str:
    """One line without control characters, which TOML's comments may not hold."""
    return "".join(char if char.isprintable() else " " for char in sentence)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f"{_key(name)} = {_value(each)}" for name, each in value.items()) + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    raise TypeError(f"TOML has nothing for {value!r}")


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's; DEL is the one character that only TOML wants escaped
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _table(path: str, table: Mapping[str, Any]) -> list[str]:
    """A table and those below it; None, which TOML does not have, is left out."""
    plain = {name: each for name, each in table.items() if each is not None}
    lines = [f"[{path}]"]
    lines += [
        f"{_key(name)} = {_value(each)}"
        for name, each in plain.items()
        if not isinstance(each, Mapping)
    ]
    for name, each in plain.items():
        if isinstance(each, Mapping):
            lines += ["", *_table(f"{path}.{_key(name)}", each)]
    return lines
