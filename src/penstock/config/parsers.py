"""How a value of each kind of option is read and checked.

Each parser takes the option and a raw value (text from the environment or a flag, a TOML or Python
value) and returns the value that `Config` holds; ValueError says what was seen and expected. Text is
always understood, since that is all that a shell can give.
"""

from __future__ import annotations

# ruff: noqa: TRY004 - ValueError is the one error of parsers, for wrong types too
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock.config import addresses, units
from penstock.config.mounts import Mount, parse_mounts
from penstock.config.nearest import nearest

if TYPE_CHECKING:
    from penstock.config.kinds import Option

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
# What frames a message or belongs to one connection is the server's own (RFC 9112 6, RFC 9110 7.6.1).
_FRAMING = frozenset({
    "connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
})  # fmt: skip
X_FORWARDED = tuple(f"x-forwarded-{name}" for name in ("for", "proto", "host", "port", "prefix"))
LOG_CONFIG_SUFFIXES = (".json", ".ini", ".cfg", ".conf", ".yaml", ".yml")


def text(option: Option, raw: object) -> str:
    """Text, or a path; "" only where that is the default."""
    if not isinstance(raw, str | os.PathLike):
        raise ValueError(f"{raw!r} is no text")
    found = os.fspath(raw)
    if not isinstance(found, str) or "\0" in found:
        raise ValueError(f"{raw!r} is no text that a path or name can be")
    if not found and option.default != "":
        raise ValueError("an empty text says nothing: leave it out to have the default")
    return found


def secret(_option: Option, raw: object) -> str:
    """Text that stands in no message."""
    if not isinstance(raw, str) or "\0" in raw:
        raise ValueError("this is no text that a password can be")
    return raw


def paths(option: Option, raw: object) -> tuple[str, ...]:
    """Paths; in one text they are divided as in $PATH, for spaces and commas are parts of paths."""
    if isinstance(raw, str):
        return tuple(path for path in raw.split(os.pathsep) if path)
    if isinstance(raw, os.PathLike):
        return (text(option, raw),)
    return tuple(_items(option, raw, None))


def app(_option: Option, raw: object) -> object:
    """Any object, or what names one."""
    return raw


def flag(_option: Option, raw: object) -> bool:
    """True or False."""
    if isinstance(raw, bool):
        return raw
    word = raw.strip().lower() if isinstance(raw, str) else raw
    if word in _TRUE or word == 1:
        return True
    if word in _FALSE or word == 0:
        return False
    raise ValueError(f"{raw!r} is neither on nor off: write true or false")


def choice(option: Option, raw: object) -> str:
    """One of the option's words."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        raw = str(int(raw))  # a constant of a Python module, where there is a synonym
    word = raw.strip().lower() if isinstance(raw, str) else ""
    word = option.synonyms.get(word, word)
    if word in option.choices:
        return word
    close = nearest(word, option.choices)
    raise ValueError(
        f"{raw!r} is not one of {', '.join(option.choices)}"
        + (f"; did you mean {close}?" if close else "")
    )


def count(option: Option, raw: object) -> int:
    """A whole number within the bounds of the option."""
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


def duration(_option: Option, raw: object) -> float:
    """Seconds."""
    return units.parse_duration(raw)


def size(option: Option, raw: object) -> int:
    """Bytes."""
    size = units.parse_size(raw)
    if option.low is not None and size < option.low:
        raise ValueError(
            f"{raw!r} is too small: it must be {units.format_size(option.low)} or more"
        )
    return size


def mode(_option: Option, raw: object) -> int:
    """The bits of a file mode."""
    return addresses.parse_mode(raw)


def default_threads() -> int:
    """The standard library's rule for threads that mostly wait, over the CPUs this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    cpus = len(affinity(0)) if affinity is not None else (os.cpu_count() or 1)
    return min(32, cpus + 4)


def workers(option: Option, raw: object) -> int:
    """A number of processes; `auto` is the number of CPUs that this one may use."""
    if raw == "auto":
        from penstock.config import cpus  # reads files, so only who asks for it

        return min(cpus.usable(), option.high or 1)
    try:
        return count(option, raw)
    except ValueError as error:
        raise ValueError(f"{error}; or auto") from None


def threads(option: Option, raw: object) -> int:
    """A number of threads; `auto` is `default_threads`."""
    if raw == "auto":
        return default_threads()
    try:
        return count(option, raw)
    except ValueError as error:
        raise ValueError(f"{error}; or auto") from None


def host(option: Option, raw: object) -> str:
    """A host name or address, IPv6 without brackets."""
    return addresses.check_host(text(option, raw))


def uds(option: Option, raw: object) -> str:
    """The path of a Unix socket."""
    return addresses.unix_address(text(option, raw)).path


def _items(option: Option, raw: object, separator: str | None) -> list[str]:
    if isinstance(raw, str):
        parts = raw.split(separator) if separator is not None else raw.replace(",", " ").split()
        return [part.strip() for part in parts if part.strip()]
    if isinstance(raw, Mapping) or not isinstance(raw, list | tuple | set | frozenset):
        raise ValueError(f"{raw!r} is no list of texts")
    return [text(option, item) for item in raw]


def bind(option: Option, raw: object) -> tuple[str, ...]:
    """Binds in their plain form, as `addresses.Bind` writes them."""
    return tuple(str(addresses.parse_bind(item)) for item in _items(option, raw, None))


def texts(option: Option, raw: object) -> tuple[str, ...]:
    """A list of texts, in the order given."""
    return tuple(_items(option, raw, None))


def mounts(_option: Option, raw: object) -> tuple[Mount, ...]:
    """Folders and their routes."""
    return parse_mounts(raw)


def origins(option: Option, raw: object) -> tuple[str, ...]:
    """Origins as RFC 6454 section 6.2 writes them, in lower case."""
    items = _items(option, raw, None)
    for item in items:
        scheme, found, authority = item.partition("://")
        if item != "null" and not (found and scheme and authority and "/" not in authority):
            raise ValueError(
                f"{item!r} is no origin: write scheme://host or scheme://host:port, with no path,"
                " as in https://example.org (RFC 6454 section 6.2), or null"
            )
    return tuple(item.lower() for item in items)


def headers(option: Option, raw: object) -> tuple[tuple[bytes, bytes], ...]:
    """Header fields as pairs of bytes, names in lower case."""
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


def root_path(option: Option, raw: object) -> str:
    """A path that begins with a slash and ends with none; or ""."""
    path = text(option, raw).rstrip("/")
    if path and (not path.startswith("/") or path.startswith("//")):
        raise ValueError(f"{raw!r} is no root path: it starts with one slash, as in /api")
    if any(mark in path for mark in "?#") or not path.isprintable():
        raise ValueError(f"{raw!r} is no path: it holds a query, a fragment or a control character")
    return path


def log_config(option: Option, raw: object) -> str | dict[str, Any]:
    """A dictionary, or the path of a file that exists."""
    if isinstance(raw, Mapping):
        return dict(raw)
    path = text(option, raw)
    if not path.lower().endswith(LOG_CONFIG_SUFFIXES):
        raise ValueError(f"{path!r} has none of the endings {', '.join(LOG_CONFIG_SUFFIXES)}")
    if not os.path.isfile(path):
        raise ValueError(f"{path!r} does not exist, seen from {os.getcwd()}")
    return path


def log_format(option: Option, raw: object) -> str:
    """What access log lines look like: a name, or a format of `%(…)s` atoms."""
    written = text(option, raw)
    if written == option.default:
        return written
    from penstock.config import log_format as formats  # only formats that were changed need it

    return formats.check(written)


def fraction(_option: Option, raw: object) -> float:
    """A share of the whole, from 0 to 1."""
    number: object = raw
    if isinstance(raw, str):
        try:
            number = float(raw)
        except ValueError:
            number = None
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 1:
        raise ValueError(f"{raw!r} is no share: write a number from 0 to 1, as in 0.1")
    return float(number)


def trusted(option: Option, raw: object) -> str:
    """A comma-separated list of addresses, networks, socket paths, `unix` and `*`."""
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


def forwarded(option: Option, raw: object) -> tuple[str, ...]:
    """Names of forwarding headers, all of one family; () for none."""
    words = [word.lower() for word in _items(option, raw, None)]
    if words in (["none"], ["off"]):
        return ()
    if words == ["x-forwarded"]:
        return X_FORWARDED
    for word in words:
        if word not in {*X_FORWARDED, "forwarded"}:
            close = nearest(word, ("x-forwarded", *X_FORWARDED, "forwarded", "none"))
            raise ValueError(
                f"{word!r} is no forwarding header; "
                + (
                    f"did you mean {close}?"
                    if close
                    else f"there are {', '.join(X_FORWARDED)}, forwarded"
                )
            )
    if not words:
        raise ValueError("an empty list says nothing: write none to believe no header")
    if "forwarded" in words and len(words) > 1:
        raise ValueError(
            "forwarded and x-forwarded are two families, and what a proxy does not set, clients can:"
            " choose the one that yours sets"
        )
    return tuple(name for name in (*X_FORWARDED, "forwarded") if name in words)
