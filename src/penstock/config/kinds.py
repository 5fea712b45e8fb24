"""What an option is made of, and the kinds: how values of each are parsed, typed and written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from penstock.config import parsers, units

NONE_WORDS = frozenset({"none", "off", "unlimited"})


class Option(NamedTuple):
    """One option, declared in `options`; everything else about it is derived from this."""

    name: str  # attribute of Config and keyword in Python
    kind: str  # key of KINDS
    default: object  # a raw value, as a person would write it
    group: str  # heading in --help and in the reference
    help: str
    reason: str  # why the default is what it is
    unit: str = ""  # for kind "count": what is counted
    flag: str = ""  # where it is not --name-with-dashes
    aliases: tuple[str, ...] = ()  # other spellings of the flag, `-b` among them
    env: tuple[str, ...] = ()  # further environment variables; PENSTOCK_NAME wins over them
    choices: tuple[str, ...] = ()
    synonyms: Mapping[str, str] = {}  # other servers' words for a choice
    low: int | None = None
    high: int | None = None
    optional: bool = False  # None, or the word `none`, means: no limit, or switched off

    @property
    def toml(self) -> str:
        """The key in `[tool.penstock]` and `penstock.toml`."""
        return self.name.replace("_", "-")

    @property
    def spelling(self) -> str:
        """The flag as messages name it."""
        return self.flag or (f"--{self.toml}" if self.kind != "app" else "APP")

    @property
    def environment(self) -> tuple[str, ...]:
        """The variables that set it, the strongest first."""
        return (f"PENSTOCK_{self.name.upper()}", *self.env)

    @property
    def measure(self) -> str:
        """The unit, or for values without one the form of the value."""
        if self.choices:
            return " | ".join(self.choices)
        return self.unit or KINDS[self.kind].unit

    @property
    def annotation(self) -> str:
        """The type of the value in `Config`, as source text."""
        return self._typed(KINDS[self.kind].annotation)

    @property
    def accepts(self) -> str:
        """The type of the keyword in Python, as source text."""
        return self._typed(KINDS[self.kind].accepts)

    def _typed(self, text: str) -> str:
        if self.kind == "choice":
            text = "Literal[" + ", ".join(f'"{choice}"' for choice in self.choices) + "]"
        return f"{text} | None" if self.optional else text

    def parse(self, raw: object) -> Any:
        """Return the value that `raw` stands for; ValueError says what is wrong with it."""
        if raw is None or (self.kind != "flag" and isinstance(raw, str) and raw in NONE_WORDS):
            if self.optional:
                return None
            if raw is None:
                raise ValueError("None is no value for it: leave it out to have the default")
        return KINDS[self.kind].parse(self, raw)

    def show(self, value: object) -> str:
        """`value` (parsed or raw) as a person would write it."""
        if value is None:
            return "none"
        return KINDS[self.kind].show(value)


def _plain(value: object) -> str:
    return str(value)


def _on_off(value: object) -> str:
    return "on" if value is True else "off" if value is False else str(value)


def _shown_text(value: object) -> str:
    return str(value) or "(empty)"


def _shown_list(value: object) -> str:
    return (
        ", ".join(str(item) for item in value) if isinstance(value, tuple) and value else "(empty)"
    )


def _shown_duration(value: object) -> str:
    return units.format_duration(units.parse_duration(value))


def _shown_size(value: object) -> str:
    return units.format_size(units.parse_size(value))


def _shown_mode(value: object) -> str:
    return f"{value:o}" if isinstance(value, int) else str(value)


def _hidden(_value: object) -> str:
    return "(hidden)"


class Kind(NamedTuple):
    """How values of one kind are read, typed and shown."""

    unit: str
    metavar: str
    annotation: str
    accepts: str
    parse: Callable[[Option, object], Any]
    show: Callable[[object], str]
    repeats: bool = False  # the flag may be given several times


KINDS: dict[str, Kind] = {
    "app": Kind("module:attribute", "APP", "Any", "Any", parsers.app, _plain),
    "text": Kind("text", "TEXT", "str", "str", parsers.text, _shown_text),
    "path": Kind("path", "PATH", "str", "str | PathLike[str]", parsers.text, _shown_text),
    "paths": Kind(
        "paths", "PATH", "tuple[str, ...]", "str | PathLike[str] | Sequence[str | PathLike[str]]",
        parsers.paths, _shown_list, repeats=True,
    ),
    "secret": Kind("text", "TEXT", "str", "str", parsers.secret, _hidden),
    "flag": Kind("on | off", "BOOL", "bool", "bool | str", parsers.flag, _on_off),
    "choice": Kind("word", "WORD", "str", "str", parsers.choice, _plain),
    "count": Kind("", "N", "int", "int | str", parsers.count, _plain),
    "duration": Kind("seconds", "TIME", "float", "float | str", parsers.duration, _shown_duration),
    "size": Kind("bytes", "SIZE", "int", "int | str", parsers.size, _shown_size),
    "mode": Kind("octal file mode", "MODE", "int", "int | str", parsers.mode, _shown_mode),
    "workers": Kind("processes", "N|auto", "int", "int | str", parsers.workers, _plain),
    "threads": Kind("threads", "N|auto", "int", "int | str", parsers.threads, _plain),
    "host": Kind("host name or IP address", "HOST", "str", "str", parsers.host, _shown_text),
    "socket": Kind("path", "PATH", "str", "str | PathLike[str]", parsers.uds, _shown_text),
    "root_path": Kind("path", "PATH", "str", "str", parsers.root_path, _shown_text),
    "log_config": Kind(
        "file, or a dict in Python", "FILE", "str | dict[str, Any]",
        "str | PathLike[str] | Mapping[str, Any]", parsers.log_config, _shown_text,
    ),
    "log_format": Kind("name or format", "FORMAT", "str", "str", parsers.log_format, _shown_text),
    "fraction": Kind("share from 0 to 1", "SHARE", "float", "float | str", parsers.fraction, _plain),
    "trusted": Kind(
        "addresses, networks, paths or *", "LIST", "str", "str | Sequence[str]", parsers.trusted, _shown_text,
    ),
    "forwarded": Kind(
        "names of headers", "LIST", "tuple[str, ...]", "str | Sequence[str]", parsers.forwarded,
        _shown_list,
    ),
    "bind": Kind(
        "addresses", "ADDRESS", "tuple[str, ...]", "str | Sequence[str]", parsers.bind, _shown_list,
        repeats=True,
    ),
    "texts": Kind(
        "list", "TEXT", "tuple[str, ...]", "str | Sequence[str]", parsers.texts, _shown_list, repeats=True,
    ),
    "mounts": Kind(
        "/route=folder", "MOUNT", "tuple[Mount, ...]",
        "str | Sequence[str | Mapping[str, Any] | Mount] | Mapping[str, Any]", parsers.mounts, _shown_list,
        repeats=True,
    ),
    "origins": Kind(
        "origins", "ORIGIN", "tuple[str, ...]", "str | Sequence[str]", parsers.origins, _shown_list,
        repeats=True,
    ),
    "headers": Kind(
        "lines of 'Name: value'", "HEADER", "tuple[tuple[bytes, bytes], ...]",
        "str | Sequence[str | tuple[str | bytes, str | bytes]] | Mapping[str, str]", parsers.headers,
        _shown_list, repeats=True,
    ),
}  # fmt: skip
