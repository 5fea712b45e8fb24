"""What stands in forwarding headers, read strictly: what is odd counts for nothing (X03, X09).

Lists are read from the right, where our proxies have written, and only as far as they count. What a
client has put further left is not even looked at: it can neither choose the client's address nor,
by being odd, make the header go away and pass for the proxy itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from penstock.asgi import Address
from penstock.gateway.forwarded_trust import Trust, parse_hop

# More hops than any real chain of proxies has; bounds the work that one request can ask for.
HOPS_MAX = 50

_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_PORTS = {"http": 80, "https": 443}
_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# RFC 7239 section 4. Commas, semicolons and escapes are left out of the quoted strings: no address,
# host or scheme has any, and so a list can be cut without reading what a client has put into it.
_PAIR = re.compile(rf'[ \t]*({_WORD})=(?:({_WORD})|"([^"\\,;]*)")[ \t]*')
_HOST = re.compile(r"(?:[A-Za-z0-9._\-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
# Segments of unreserved characters and sub-delims (RFC 3986 section 3.3) without escapes, commas and
# dot-segments; so it starts with one slash and holds no `//`.
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~!$&'()*+;=:@\-]+)*/?")


class Told(NamedTuple):
    """What a list says of the client: None, or "" for the host, for what it does not say."""

    client: Address | None = None
    scheme: str | None = None
    host: str = ""


class Said(NamedTuple):
    """What all fields of a request say: `client` None and `host` None where they say nothing of them,
    `port` 0 likewise; `scheme` and `root_path` as they are in the end."""

    client: Address | None
    scheme: str
    root_path: str
    host: bytes | None
    port: int


def said(trust: Trust, own_scheme: str, root_path: str, lines: Mapping[bytes, bytes]) -> Said:
    """Read the fields of one family; `lines` are values by name, those of one name joined by commas."""
    told = None
    if b"forwarded" in lines:
        told = walk_elements(trust, lines[b"forwarded"])
    elif b"x-forwarded-for" in lines:
        told = walk(trust, lines[b"x-forwarded-for"])
    told = told or Told()
    text = {name: value.decode("latin-1") for name, value in lines.items()}
    mount = prefix(text.get(b"x-forwarded-prefix", ""))
    named = told.host or host(text.get(b"x-forwarded-host", ""))
    return Said(
        told.client,
        told.scheme or scheme(text.get(b"x-forwarded-proto", "")) or own_scheme,
        root_path if mount is None else mount,
        named.encode("ascii") or None,
        port(text.get(b"x-forwarded-port", "")) or 0,
    )


def scheme(value: str) -> str | None:
    """`http` or `https` for one of the four schemes, also where the proxy says `ws` or `wss`."""
    return _SCHEMES.get(value.strip(" \t").lower())


def host(value: str) -> str:
    """A host with or without port, "" for anything else."""
    text = value.strip(" \t")
    if _HOST.fullmatch(text) is None or (port_of(text) or 0) > 65535:
        return ""
    return text


def port(value: str) -> int | None:
    """A port number, None for anything else."""
    text = value.strip(" \t")
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= 65535):
        return None
    return int(text)


def port_of(host: str) -> int | None:
    """The port in a checked host, None for none."""
    _, colon, digits = host.rpartition(":")
    return int(digits) if colon and not digits.endswith("]") and digits else None


def with_port(host: str, port: int, scheme: str) -> str:
    """`host` with a port that a client would have written: not if it has one, or it is the scheme's."""
    if port_of(host) is not None or _PORTS[scheme] == port:
        return host
    return f"{host}:{port}"


def prefix(value: str) -> str | None:
    """A path under which the application is mounted, without a slash at its end; None for anything
    else (X09)."""
    text = value.strip(" \t")
    if not text or _PREFIX.fullmatch(text) is None:
        return None
    return text.rstrip("/")


def walk(trust: Trust, value: bytes) -> Told | None:
    """X-Forwarded-For: the first address from the right that is not one of the trusted proxies (X02),
    else the left-most. None where a part that counts is no address."""
    client = None
    for part, last in _from_the_right(value):
        hop = parse_hop(part.strip(" \t"))
        if hop is None:
            return None
        client = hop
        if not trust.holds(hop[0]):
            break
        if last:
            return None
    return None if client is None else Told((str(client[0]), client[1]))


def walk_elements(trust: Trust, value: bytes) -> Told | None:
    """Forwarded (RFC 7239): the same by its `for`; `proto` and `host` are those of the element that
    the walk ends with. An element without `for` ends it, too: its proxy does not say who came."""
    found: dict[str, str] = {}
    client = None
    for part, last in _from_the_right(value):
        element = _element(part)
        if element is None:
            return None
        found = element
        node = element.get("for")
        if node is None:
            break
        # An IPv6 address stands in brackets here (section 6)
        hop = None if node.count(":") > 1 and node[:1] != "[" else parse_hop(node)
        if hop is None:
            return None
        client = hop
        if not trust.holds(hop[0]):
            break
        if last:
            return None
    proto = found.get("proto")
    return Told(
        None if client is None else (str(client[0]), client[1]),
        None if proto is None else scheme(proto),
        host(found.get("host", "")),
    )


def _from_the_right(value: bytes) -> Iterator[tuple[str, bool]]:
    """Up to HOPS_MAX parts of a list, the right-most first, each with whether it is the last that is
    looked at though there are more."""
    parts = value.decode("latin-1").rsplit(",", HOPS_MAX)
    more = len(parts) > HOPS_MAX
    if more:
        del parts[0]
    for index in range(len(parts) - 1, -1, -1):
        yield parts[index], more and index == 0


def _element(part: str) -> dict[str, str] | None:
    """The parameters of an element, names in lower case; None for what is no element, or says one
    thing twice."""
    found: dict[str, str] = {}
    for pair in part.split(";"):
        match = _PAIR.fullmatch(pair)
        if match is None or match[1].lower() in found:
            return None
        found[match[1].lower()] = match[2] if match[3] is None else match[3]
    return found
