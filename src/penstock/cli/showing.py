"""The values of a Config as a table for people, or as JSON for programs."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import click

from penstock.config.config import DEFAULT, ENVIRONMENT, FILE, GIVEN, Config
from penstock.config.kinds import Option
from penstock.config.options import OPTIONS

_RANKS = {DEFAULT: "default", FILE: "file", ENVIRONMENT: "environment", GIVEN: "command line"}
_TELLING = re.compile(r"password|passwd|secret|token|credential|api_?key", re.IGNORECASE)
_SECRET = "secret"  # noqa: S105 - the name of a kind


def as_table(config: Config, files: list[str], *, changed: bool) -> list[str]:
    """The lines of the table: option, value and place in columns, groups as headings.

    With `changed` only what is not the default is in it. What does not come from a default is bold.
    """
    options = _options(config, changed=changed)
    lines = [f"read: {', '.join(files) if files else 'no file'}"]
    rows = {option.name: (option.toml, shown(config, option)) for option in options}
    names = max((len(name) for name, _ in rows.values()), default=0)
    # A single long value does not push all places out of sight
    values = sorted(len(value) for _, value in rows.values())
    column = min(values[-1], 56) if values else 0
    group = ""
    for option in options:
        if option.group != group:
            group = option.group
            lines += ["", _styled(group, underline=True)]
        name, value = rows[option.name]
        source = config.sources[option.name]
        text = f"  {name:<{names}}  {value:<{column}}  "
        place = derived(config, option) or source.place.removesuffix(f": {option.toml}")
        lines.append(_styled(text + place, bold=not changed and source.rank != DEFAULT))
    if not options:
        lines += ["", "everything is as by default"]
    listening = ", ".join(f"{bind} ({bind.scheme})" for bind in config.listeners)
    return [*lines, "", f"listens on {listening}"]


def shown(config: Config, option: Option) -> str:
    """The value of `option` on one line; of a secret only that there is one."""
    value = getattr(config, option.name)
    if option.kind == "headers":
        return ", ".join(_header(field) for field in value) or "(empty)"
    if isinstance(value, dict):
        return f"(a table of {', '.join(map(str, value)) or 'nothing'})"
    text = option.show(value)
    return text if text.isprintable() else ascii(text)


def derived(config: Config, option: Option) -> str:
    """Where a value came from that depends on others, "" for all others."""
    value = getattr(config, option.name)
    if config.sources[option.name].rank != DEFAULT or value == option.parse(option.default):
        return ""
    return "follows from other values"


def as_json(config: Config, *, changed: bool) -> str:
    """An object of option → value, source, place: durations in seconds, sizes in bytes, no limit null.

    Of a secret that is set, also in a log configuration, the value is true.
    """
    document = {
        option.toml: {
            "value": _plain(option, getattr(config, option.name)),
            "source": _RANKS[config.sources[option.name].rank],
            "place": config.sources[option.name].place,
        }
        for option in _options(config, changed=changed)
    }
    return json.dumps(document, indent=2, ensure_ascii=False, default=str)


def _options(config: Config, *, changed: bool) -> list[Option]:
    if not changed:
        return list(OPTIONS)
    return [
        option for option in OPTIONS if getattr(config, option.name) != option.parse(option.default)
    ]


def _plain(option: Option, value: Any) -> Any:
    if option.kind == _SECRET:
        return value is not None
    if option.kind == "headers":
        return [_header(field) for field in value]
    if option.kind == "mode" and value is not None:
        return f"{value:o}"
    if isinstance(value, tuple):
        return [str(item) for item in value]
    return _without_secrets(value)


def _without_secrets(value: Any) -> Any:
    """A log configuration may hold what its handlers log in with."""
    if isinstance(value, dict):
        return {
            name: True if _TELLING.search(str(name)) else _without_secrets(each)
            for name, each in value.items()
        }
    return [_without_secrets(each) for each in value] if isinstance(value, list) else value


def _header(field: tuple[bytes, bytes]) -> str:
    name, value = field
    return f"{name.decode('ascii')}: {value.decode('latin-1')}"


def _styled(text: str, **style: bool) -> str:
    return text if "NO_COLOR" in os.environ else click.style(text.rstrip(), **style)
