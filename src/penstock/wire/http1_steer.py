"""What the fields of an HTTP/1 request steer: target and host, body length, connection (RFC 9112).

`steer` is called for heads that are not plain: whatever is more than a path, a plain host and
`connection: keep-alive`. Each rule refuses what another reader of the same bytes could take
differently.
"""

import re

from penstock.errors import HttpError
from penstock.wire.events import Head
from penstock.wire.scan import CODING, CONNECTION, EXPECT, LENGTH, ODD, UPGRADE

_LENGTH_DIGITS_MAX = 18
_PORT_MAX = 65535
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++\Z")
# RFC 9110 section 4.2.3 and RFC 3986 section 3.2.2: reg-name or IPv4, or a bracketed IPv6 literal;
# nothing at all, but then no port either.
_HOST = re.compile(
    rb"(?!:)(?:\[[0-9A-Fa-f:.]{2,45}\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*+)"
    rb"(?::(?P<port>[0-9]{0,5}))?\Z"
)


def steer(head: Head, scheme: str, body_max: int) -> None:
    """Apply what `head.bits` says is there: sets `content_length`, `keep_alive`, `upgrade`,
    `expect_continue`, and for an absolute target `raw_path` and `host`.

    `scheme` is what an absolute target must have; `body_max` in bytes, -1 for no limit. Raises
    HttpError.
    """
    bits = head.bits
    if bits & ODD:
        _target_and_host(head, scheme)
    old = head.http_version == "1.0"
    if bits & CODING:
        if bits & LENGTH:
            raise _refuse(400, "both content-length and transfer-encoding", "RFC 9112 6.3")
        if old:
            raise _refuse(400, "transfer-encoding in HTTP/1.0", "RFC 9112 6.1")
        _check_coding(_values(head, b"transfer-encoding"))
        head.content_length = -1
    elif bits & LENGTH:
        head.content_length = _content_length(_values(head, b"content-length"), body_max)
    if bits & CONNECTION:
        options = _options(_values(head, b"connection"))
        if b"close" in options:
            head.keep_alive = False
        elif b"keep-alive" in options:
            head.keep_alive = True
        if bits & UPGRADE and b"upgrade" in options and not old:
            head.upgrade = b",".join(_values(head, b"upgrade")).lower()
    if bits & EXPECT and not old:
        if _options(_values(head, b"expect")) != [b"100-continue"]:
            raise _refuse(417, "unknown expectation", "RFC 9110 10.1.1")
        head.expect_continue = True


def too_large(limit: int) -> HttpError:
    """The error for a body of more than `limit` bytes."""
    return _refuse(
        413, f"request body larger than {limit} bytes", "RFC 9110 15.5.14", "limit_request_body"
    )


def _content_length(values: list[bytes], body_max: int) -> int:
    if len(values) != 1:
        raise _refuse(400, "more than one content-length", "RFC 9110 8.6")
    digits = values[0]
    if not digits.isdigit():
        raise _refuse(400, "content-length is not a number", "RFC 9110 8.6")
    digits = digits.lstrip(b"0")
    if len(digits) > _LENGTH_DIGITS_MAX:
        raise _refuse(413, "content-length too large", "RFC 9110 8.6")
    length = int(digits or b"0")
    if 0 <= body_max < length:
        raise too_large(body_max)
    return length


def _target_and_host(head: Head, scheme: str) -> None:
    """Targets that are not in origin form, and a host that is not plain (RFC 9112 3.2)."""
    hosts = _values(head, b"host")
    if len(hosts) > 1:
        raise _refuse(400, "more than one host", "RFC 9112 3.2")
    if not hosts and head.http_version != "1.0":
        raise _refuse(400, "no host", "RFC 9112 3.2")
    if hosts:
        _check_host(hosts[0])
    if head.method == "CONNECT":
        raise _refuse(501, "CONNECT: this is no proxy", "RFC 9110 9.3.6")
    path = head.raw_path
    if path[:1] == b"/":
        return
    if path == b"*":
        if head.method != "OPTIONS" or head.query:
            raise _refuse(400, "asterisk-form is for OPTIONS", "RFC 9112 3.2.4")
        return
    given, separator, rest = path.partition(b"://")
    if not separator or given.lower() != scheme.encode("ascii"):
        raise _refuse(400, "request target is no path", "RFC 9112 3.2")
    authority, slash, path = rest.partition(b"/")
    if not authority:
        raise _refuse(400, "absolute target without a host", "RFC 9110 4.2.1")
    _check_host(authority)
    head.raw_path = slash + path or b"/"
    # RFC 9112 section 3.2.2: what Host said is ignored, the target's authority takes its place.
    head.headers = [(b"host", authority)] + [field for field in head.headers if field[0] != b"host"]


def _values(head: Head, wanted: bytes) -> list[bytes]:
    return [value for name, value in head.headers if name == wanted]


def _options(values: list[bytes]) -> list[bytes]:
    """The lower-case members of a comma-separated list field (RFC 9110 section 5.6.1)."""
    members = []
    for value in values:
        for member in value.lower().split(b","):
            member = member.strip(b" \t")
            if member:
                members.append(member)
    return members


def _check_coding(values: list[bytes]) -> None:
    """Raise unless `chunked` is the one and only transfer coding (RFC 9112 sections 6.1, 7)."""
    codings = []
    for value in values:
        codings += [coding.strip(b" \t") for coding in value.lower().split(b",")]
    if codings == [b"chunked"]:
        return
    for coding in codings:
        if not _TOKEN.match(coding):
            raise _refuse(400, "malformed transfer-encoding", "RFC 9112 6.1")
    if codings.count(b"chunked") > 1 or (b"chunked" in codings and codings[-1] != b"chunked"):
        raise _refuse(400, "chunked is not the last and only chunked coding", "RFC 9112 6.1")
    raise _refuse(501, "unknown transfer coding", "RFC 9112 6.1")


def _check_host(value: bytes) -> None:
    match = _HOST.match(value)
    if match is None or int(match.group("port") or b"0") > _PORT_MAX:
        raise _refuse(400, "host is not a host", "RFC 9110 7.2")


def _refuse(status: int, message: str, rule: str, option: str = "") -> HttpError:
    return HttpError(status, message, rule, option)
