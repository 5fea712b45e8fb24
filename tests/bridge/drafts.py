"""Translations without files: what becomes of settings that are given as values."""

from typing import Any

from penstock.bridge.draft import Draft, Said
from penstock.bridge.migration import Found, Migration
from penstock.bridge.rules import Server


def drafted(server: Server, **given: Any) -> Draft:
    """The draft of settings by name; a name's `__` stands for a dot, `_` of uWSGI's for a dash."""
    migration = Migration("/nowhere", lambda _text: None, trust=False)
    said = {name.replace("__", "."): Said(value, "here") for name, value in given.items()}
    migration.found.append(Found(server, said, [], []))
    migration.sources.append("here")
    return migration.draft()


def options(draft: Draft) -> dict[str, Any]:
    """Option's TOML key → value."""
    return {line.option.toml: line.value for line in draft.lines.values()}


def commanded(line: str) -> Draft:
    """The draft of a command line."""
    migration = Migration("/nowhere", lambda _text: None, trust=False)
    migration.add_line(line)
    return migration.draft()


def told(draft: Draft) -> str:
    """All that is said besides the options."""
    entries = [*draft.left, *draft.moot]
    return "\n".join([*draft.remarks, *(f"{setting}: {why}" for setting, why in entries)])
