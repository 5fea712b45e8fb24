"""The kinds of option: how a value of each is parsed, checked, typed and written down.

A parser takes the option and a raw value (text from the environment or a flag, a TOML or Python
value) and returns the value that `Config` holds; ValueError says what was seen and expected. Text is
always understood, since that is all that a shell can give.
"""

from __future__ import annotations

# ruff: noqa: TRY004 - ValueError is the one error of parsers, for wrong types too
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from penstock.config import addresses, units
from penstock.config.nearest import nearest

NONE_WORDS = frozenset({"none", "off", "unlimited"})
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
# What frames a message or belongs to one connection is the server's own (RFC 9112 6, RFC 9110 7.6.1).
_FRAMING = frozenset({
    "connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
})  # fmt: skip
LOG_CONFIG_SUFFIXES = (".json", ".ini", ".cfg", ".conf", ".yaml", ".yml")


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
    room: str = ""  # the room that it waits for, a key of `unbuilt.ROOMS`; "" when it works

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


def _text(option: Option, raw: object) -> str:
    if not isinstance(raw, str | os.PathLike):
        raise ValueError(f"{raw!r} is no text")
    text = os.fspath(raw)
    if not isinstance(text, str) or "\0" in text:
        raise ValueError(f"{raw!r} is no text that a path or name can be")
    if not text and option.default != "":
        raise ValueError("an empty text says nothing: leave it out to have the default")
    return text


def _app(_option: Option, raw: object) -> object:
    return raw


def _flag(_option: Option, raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    word = raw.strip().lower() if isinstance(raw, str) else raw
    if word in _TRUE or word == 1:
        return True
    if word in _FALSE or word == 0:
        return False
    raise ValueError(f"{raw!r} is neither on nor off: write true or false")


def _choice(option: Option, raw: object) -> str:
    word = raw.strip().lower() if isinstance(raw, str) else ""
    word = option.synonyms.get(word, word)
    if word in option.choices:
        return word
    close = nearest(word, option.choices)
    raise ValueError(
        f"{raw!r} is not one of {', '.join(option.choices)}"
        + (f"; did you mean {close}?" if close else "")
    )


def _count(option: Option, raw: object) -> int:
    number: object = raw
    if isinstance(raw, str):
        digits = raw.strip().replace("_", "")
        negative = digits.startswith("-")
        if digits[negative:].isascii() and digits[negative:].isdigit():
            number = int(digits)
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(f"{raw!r} is no whole number")
    low = 0 if option.low is None else option.low
    if number < low or (option.high is not None and number > option.high):
        span = f"{low} or more" if option.high is None else f"between {low} and {option.high}"
        raise ValueError(f"{raw!r} is out of range: it must be {span}")
    return number


def _duration(_option: Option, raw: object) -> float:
    return units.parse_duration(raw)


def _size(option: Option, raw: object) -> int:
    size = units.parse_size(raw)
    if option.low is not None and size < option.low:
        raise ValueError(
            f"{raw!r} is too small: it must be {units.format_size(option.low)} or more"
        )
    return size


def _mode(_option: Option, raw: object) -> int:
    return addresses.parse_mode(raw)


def default_threads() -> int:
    """The standard library's rule for threads that mostly wait, over the CPUs this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    cpus = len(affinity(0)) if affinity is not None else (os.cpu_count() or 1)
    return min(32, cpus + 4)


def _threads(option: Option, raw: object) -> int:
    if raw == "auto":
        return default_threads()
    try:
        return _count(option, raw)
    except ValueError as error:
        raise ValueError(f"{error}; or auto") from None


def _host(option: Option, raw: object) -> str:
    return addresses.check_host(_text(option, raw))


def _uds(option: Option, raw: object) -> str:
    return addresses.unix_address(_text(option, raw)).path


def _items(option: Option, raw: object, separator: str | None) -> list[str]:
    if isinstance(raw, str):
        parts = raw.split(separator) if separator is not None else raw.replace(",", " ").split()
        return [part.strip() for part in parts if part.strip()]
    if isinstance(raw, Mapping) or not isinstance(raw, list | tuple | set | frozenset):
        raise ValueError(f"{raw!r} is no list of texts")
    return [_text(option, item) for item in raw]


def _bind(option: Option, raw: object) -> tuple[str, ...]:
    return tuple(str(addresses.parse_bind(item)) for item in _items(option, raw, None))


def _texts(option: Option, raw: object) -> tuple[str, ...]:
    return tuple(_items(option, raw, None))


def _origins(option: Option, raw: object) -> tuple[str, ...]:
    items = _items(option, raw, None)
    for item in items:
        scheme, found, authority = item.partition("://")
        if item != "null" and not (found and scheme and authority and "/" not in authority):
            raise ValueError(
                f"{item!r} is no origin: write scheme://host or scheme://host:port, with no path,"
                " as in https://example.org (RFC 6454 section 6.2), or null"
            )
    return tuple(item.lower() for item in items)


def _headers(option: Option, raw: object) -> tuple[tuple[bytes, bytes], ...]:
    lines: list[object]
    if isinstance(raw, str):
        # One variable, several lines: a comma may be part of a value
        lines = list(_items(option, raw, "\n"))
    elif isinstance(raw, Mapping):
        lines = list(raw.items())
    elif isinstance(raw, list | tuple):
        lines = list(raw)
    else:
        raise ValueError(f"{raw!r} is no list of 'Name: value' lines")
    return tuple(_header(line) for line in lines)


def _header(line: object) -> tuple[bytes, bytes]:
    if isinstance(line, str):
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError(f"{line!r} is no header: write 'Name: value'")
    elif isinstance(line, list | tuple) and len(line) == 2:
        name, value = (_latin1(part) for part in line)
    else:
        raise ValueError(f"{line!r} is no header: write 'Name: value'")
    value = value.strip(" \t")
    if not name or not set(name) <= _TOKEN:
        raise ValueError(
            f"{name!r} is no header name (RFC 9110 section 5.6.2): write 'Name: value'"
        )
    if name.lower() in _FRAMING:
        raise ValueError(f"{name!r} frames messages, so the server alone sends it: remove it")
    try:
        encoded = value.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError(
            f"{value!r} holds characters beyond latin-1 (RFC 9110 section 5.5)"
        ) from None
    if any((octet < 32 and octet != 9) or octet == 127 for octet in encoded):
        raise ValueError(f"{value!r} holds a control character (RFC 9110 section 5.5)")
    # Lower case, as ASGI wants it and HTTP/2 demands
    return name.lower().encode("ascii"), encoded


def _latin1(part: object) -> str:
    if isinstance(part, bytes):
        return part.decode("latin-1")
    if isinstance(part, str):
        return part
    raise ValueError(f"{part!r} is neither text nor bytes")


def _root_path(option: Option, raw: object) -> str:
    path = _text(option, raw).rstrip("/")
    if path and (not path.startswith("/") or path.startswith("//")):
        raise ValueError(f"{raw!r} is no root path: it starts with one slash, as in /api")
    if any(mark in path for mark in "?#") or not path.isprintable():
        raise ValueError(f"{raw!r} is no path: it holds a query, a fragment or a control character")
    return path


def _log_config(option: Option, raw: object) -> str | dict[str, Any]:
    if isinstance(raw, Mapping):
        return dict(raw)
    path = _text(option, raw)
    if not path.lower().endswith(LOG_CONFIG_SUFFIXES):
        raise ValueError(f"{path!r} has none of the endings {', '.join(LOG_CONFIG_SUFFIXES)}")
    if not os.path.isfile(path):
        raise ValueError(f"{path!r} does not exist, seen from {os.getcwd()}")
    return path


def _trusted(option: Option, raw: object) -> str:
    items = _items(option, raw, None)
    for item in items:
        if item in {"*", "unix", "127.0.0.1"} or item.startswith("/"):
            continue
        import ipaddress  # only lists that were changed need it

        try:
            ipaddress.ip_network(item)
        except ValueError as error:
            raise ValueError(
                f"{item!r} is neither an IP address, a network, 'unix', a socket's path nor *: {error}"
            ) from None
    return ",".join(items)


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
    "app": Kind("module:attribute", "APP", "Any", "Any", _app, _plain),
    "text": Kind("text", "TEXT", "str", "str", _text, _shown_text),
    "path": Kind("path", "PATH", "str", "str | PathLike[str]", _text, _shown_text),
    "flag": Kind("on | off", "BOOL", "bool", "bool | str", _flag, _on_off),
    "choice": Kind("word", "WORD", "str", "str", _choice, _plain),
    "count": Kind("", "N", "int", "int | str", _count, _plain),
    "duration": Kind("seconds", "TIME", "float", "float | str", _duration, _shown_duration),
    "size": Kind("bytes", "SIZE", "int", "int | str", _size, _shown_size),
    "mode": Kind("octal file mode", "MODE", "int", "int | str", _mode, _shown_mode),
    "threads": Kind("threads", "N|auto", "int", "int | str", _threads, _plain),
    "host": Kind("host name or IP address", "HOST", "str", "str", _host, _shown_text),
    "socket": Kind("path", "PATH", "str", "str | PathLike[str]", _uds, _shown_text),
    "root_path": Kind("path", "PATH", "str", "str", _root_path, _shown_text),
    "log_config": Kind(
        "file, or a dict in Python", "FILE", "str | dict[str, Any]",
        "str | PathLike[str] | Mapping[str, Any]", _log_config, _shown_text,
    ),
    "trusted": Kind(
        "addresses, networks, paths or *", "LIST", "str", "str | Sequence[str]", _trusted, _shown_text,
    ),
    "bind": Kind(
        "addresses", "ADDRESS", "tuple[str, ...]", "str | Sequence[str]", _bind, _shown_list,
        repeats=True,
    ),
    "texts": Kind(
        "list", "TEXT", "tuple[str, ...]", "str | Sequence[str]", _texts, _shown_list, repeats=True,
    ),
    "origins": Kind(
        "origins", "ORIGIN", "tuple[str, ...]", "str | Sequence[str]", _origins, _shown_list,
        repeats=True,
    ),
    "headers": Kind(
        "lines of 'Name: value'", "HEADER", "tuple[tuple[bytes, bytes], ...]",
        "str | Sequence[str | tuple[str | bytes, str | bytes]] | Mapping[str, str]", _headers,
        _shown_list, repeats=True,
    ),
}  # fmt: skip
