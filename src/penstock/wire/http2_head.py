"""Fields of an HTTP/2 request to the same `Head` that HTTP/1 makes (RFC 9113 section 8.3), strictly.

Whatever another reader of the same request could take differently is malformed and resets the
stream (StreamError); what is well-formed and not served here has a status (HttpError).
"""

import re

from penstock.errors import HttpError, StreamError
from penstock.wire.events import Head
from penstock.wire.http1_steer import too_large
from penstock.wire.http2_fields import (
    CONNECTION,
    COOKIES,
    EXPECT,
    FORWARDED,
    HOST,
    LENGTH,
    TE,
    check_fields,
    join_cookies,
    query_at,
)
from penstock.wire.http2_frames import PROTOCOL_ERROR
from penstock.wire.http2_limits import Http2Limits
from penstock.wire.huffman import copy

_COLON = 58
_SLASH = 47
_LENGTH_DIGITS_MAX = 18
_LENGTH_MAX = 999_999_999_999_999_999
_PORT_MAX = 65535
# Hosts that were found right: a connection says the same again and again. Few and short, for it is
# the peer who names them.
_HOSTS_MAX = 64
_HOST_BYTES_MAX = 255
_METHODS = {b"GET": "GET", b"POST": "POST", b"HEAD": "HEAD", b"PUT": "PUT"}
_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}+\Z")
# RFC 9110 section 4.2.3 and RFC 3986 section 3.2.2, as for HTTP/1.
_HOST = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]{2,45}\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})++)"
    rb"(?::(?P<port>[0-9]{0,5}))?\Z"
)
_hosts: set[bytes] = set()
_STEERING = LENGTH | HOST | TE | CONNECTION | COOKIES
_LIMITED = LENGTH | EXPECT
_FORWARDED = FORWARDED


def make_head(
    fields: list[tuple[bytes, bytes]], ended: bool, websockets: bool, limits: Http2Limits
) -> Head:
    """The head of a request whose header block held `fields`; `ended`: no body follows.

    `:authority` is `host`, the first of the headers; cookie crumbs are joined; `upgrade` is what
    `:protocol` says (b"websocket" or nothing) and `bits` those of `http2_fields`. `fields` is changed
    and of no more use. Raises StreamError, HttpError (413, 414, 417, 501).
    """
    method = scheme = path = authority = protocol = None
    index = 0
    for name, value in fields:
        if not name or name[0] != _COLON:
            break
        index += 1
        if name == b":method":
            if method is not None:
                raise _twice(name)
            method = value
        elif name == b":path":
            if path is not None:
                raise _twice(name)
            path = value
        elif name == b":scheme":
            if scheme is not None:
                raise _twice(name)
            scheme = value
        elif name == b":authority":
            if authority is not None:
                raise _twice(name)
            authority = value
        elif name == b":protocol":
            if protocol is not None:
                raise _twice(name)
            protocol = value
        else:
            raise _malformed(f"unknown pseudo-header field {name!r:.80}", "8.3")
    bits = check_fields(fields, index)
    if bits < 0:
        raise _field_fault(fields[index:])
    if authority is not None:
        if authority not in _hosts:
            _check_host(authority, ":authority")
        index -= 1
        fields[index] = (b"host", authority)
    elif not bits & HOST:
        raise _malformed("neither :authority nor host", "8.3.1")
    headers = fields[index:]
    head = Head.__new__(Head)
    head.headers = headers
    head.http_version = "2"
    head.content_length = 0 if ended else -1
    head.keep_alive = True
    head.expect_continue = False
    head.forwarded = bits & _FORWARDED != 0
    head.line_bytes = 0
    head.bits = bits
    head.upgrade = b""
    if method is None:
        raise _malformed("no :method", "8.3.1")
    known = _METHODS.get(method)
    if known is None:
        if _METHOD.match(method) is None:
            raise _malformed(f":method {method!r:.80} is no method", "8.3.1")
        known = method.decode("ascii").upper()
    head.method = known
    if known == "CONNECT":
        if protocol is None:
            _check_tunnel(authority, scheme is None and path is None)
            if bits & _STEERING:
                _steer(head, ended, True)
            raise HttpError(501, "CONNECT: this is no proxy", "RFC 9110 9.3.6")
        _connect(head, protocol, websockets, ended)
    elif protocol is not None:
        raise _malformed(":protocol without CONNECT", "RFC 8441 4")
    if scheme not in {b"https", b"http"}:
        raise _malformed(
            "no :scheme" if scheme is None else f":scheme {scheme!r:.80} is not http or https",
            "8.3.1",
        )
    mark = -1 if path is None else query_at(path)
    if path is None or mark < 0:
        raise _malformed(f":path {path!r:.80} is no path", "8.3.1")
    if path[0] != _SLASH and (path != b"*" or known != "OPTIONS"):
        raise _malformed(f":path {path!r:.80} does not begin with a slash", "8.3.1")
    if mark == len(path):
        head.raw_path = path
        head.query = b""
    else:
        head.raw_path = copy(path, 0, mark)
        head.query = copy(path, mark + 1, len(path))
    # What is malformed goes before what could be answered (section 8.1.1).
    if bits & _STEERING:
        _steer(head, ended, authority is not None)
    if protocol is not None and not head.upgrade:
        raise HttpError(501, f"unknown :protocol {protocol!r:.80}", "RFC 8441 4")
    if len(path) > limits.line_max:
        raise HttpError(414, ":path too long", "RFC 9110 15.5.15", "limit_request_line")
    if bits & _LIMITED:
        _limit(head, ended, limits)
    return head


def check_trailers(fields: list[tuple[bytes, bytes]]) -> None:
    """Raise StreamError unless these fields may stand in a trailer section (RFC 9113 8.1)."""
    bits = check_fields(fields, 0)
    if bits < 0:
        raise _field_fault(fields)
    if bits & CONNECTION:
        raise _malformed("a connection-specific field", "8.2.2")
    if bits & TE:
        raise _malformed("te in a trailer section", "8.2.2")


def value_of(headers: list[tuple[bytes, bytes]], wanted: bytes) -> bytes:
    """The values of a field as one (RFC 9110 section 5.3)."""
    found = b""
    first = True
    for field in headers:
        name = field[0]
        if name == wanted:
            found = field[1] if first else found + b", " + field[1]
            first = False
    return found


def _check_tunnel(authority: bytes | None, plain: bool) -> None:
    """Raise StreamError unless CONNECT says a host and port, and nothing else (RFC 9113 section 8.5)."""
    if not plain:
        raise _malformed("CONNECT with :scheme or :path", "8.5")
    match = None if authority is None else _HOST.match(authority)
    if match is None or not match.group("port"):
        raise _malformed(f"CONNECT to {authority!r:.80}, not to host and port", "8.5")


def _connect(head: Head, protocol: bytes, websockets: bool, ended: bool) -> None:
    """Extended CONNECT (RFC 8441 section 4); `upgrade` stays empty where its protocol is unknown."""
    if not websockets:
        raise _malformed(":protocol, which was not offered", "RFC 8441 3")
    if check_fields([(b"protocol", protocol)], 0) < 0:
        raise _malformed(f":protocol {protocol!r:.80} is no value of a field", "8.2.1")
    if protocol.lower() != b"websocket":
        return
    if ended:
        raise _malformed("a WebSocket that ends with its first frame", "RFC 8441 5")
    head.upgrade = b"websocket"


def _steer(head: Head, ended: bool, with_authority: bool) -> None:
    """What the fields that mean something to the server say (sections 8.1.1, 8.2.2, 8.2.3, 8.3.1)."""
    bits = head.bits
    if bits & CONNECTION:
        raise _malformed("a connection-specific field", "8.2.2")
    if bits & TE:
        for name, value in head.headers:
            if name == b"te" and value.lower() != b"trailers":
                raise _malformed("te may only say trailers", "8.2.2")
    if bits & HOST:
        _one_host(head, with_authority)
    if bits & LENGTH:
        _length(head, ended)
    if bits & COOKIES:
        join_cookies(head.headers)


def _limit(head: Head, ended: bool, limits: Http2Limits) -> None:
    """What is well-formed and refused: bodies too large, expectations that nobody meets."""
    length = head.content_length
    if length > _LENGTH_MAX:
        raise HttpError(413, "content-length too large", "RFC 9110 8.6")
    if 0 <= limits.body_max < length:
        raise too_large(limits.body_max)
    if head.bits & EXPECT and not ended:
        if value_of(head.headers, b"expect").lower() != b"100-continue":
            raise HttpError(417, "unknown expectation", "RFC 9110 10.1.1")
        head.expect_continue = True


def _one_host(head: Head, with_authority: bool) -> None:
    """One host for the application (H21); without `:authority` it moves to the front."""
    hosts = [value for name, value in head.headers if name == b"host"]
    if len(hosts) != 1 + with_authority or hosts[0].lower() != hosts[-1].lower():
        raise _malformed("more than one host, or one that differs from :authority", "8.3.1")
    if not with_authority:
        _check_host(hosts[0], "host")
    rest = [field for field in head.headers if field[0] != b"host"]
    head.headers = [(b"host", hosts[0]), *rest]


def _length(head: Head, ended: bool) -> None:
    values = [value for name, value in head.headers if name == b"content-length"]
    digits = values[0]
    if len(values) != 1 or not digits.isdigit():
        raise _malformed(f"content-length is not one number: {values!r:.80}", "8.1.1")
    digits = digits.lstrip(b"0")
    if ended and digits:
        raise _malformed(f"content-length {digits!r:.80}, and no body", "8.1.1")
    if not head.upgrade:
        head.content_length = (
            int(digits or b"0") if len(digits) <= _LENGTH_DIGITS_MAX else _LENGTH_MAX + 1
        )


def _check_host(value: bytes, name: str) -> None:
    match = _HOST.match(value)
    if match is None or int(match.group("port") or b"0") > _PORT_MAX:
        raise _malformed(f"{name} {value!r:.80} is no host", "8.3.1")
    if len(_hosts) < _HOSTS_MAX and len(value) <= _HOST_BYTES_MAX:
        _hosts.add(value)


def _field_fault(fields: list[tuple[bytes, bytes]]) -> StreamError:
    """What is wrong with the field that `check_fields` did not take."""
    for field in fields:
        if check_fields([field], 0) < 0:
            name, value = field
            if name[:1] == b":":
                return _malformed(f"pseudo-header field {name!r:.80} out of place", "8.3")
            if check_fields([(name, b"")], 0) < 0:
                return _malformed(f"{name!r:.80} is no lower-case field name", "8.2.1")
            return _malformed(f"{value!r:.80} is no value of {name!r:.80}", "8.2.1")
    return _malformed("malformed fields", "8.2.1")


def _twice(name: bytes) -> StreamError:
    return _malformed(f"pseudo-header field {name!r:.80} is there twice", "8.3")


def _malformed(text: str, section: str) -> StreamError:
    rule = section if section.startswith("RFC") else f"RFC 9113 {section}"
    return StreamError(PROTOCOL_ERROR, text, rule)
