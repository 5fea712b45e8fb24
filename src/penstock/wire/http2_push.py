"""A request that the server makes in the client's place, to push its response (RFC 9113 section 8.4)."""

import re
from typing import Any
from urllib.parse import quote

from penstock.errors import HttpError, MessageError, StreamError
from penstock.wire.blocks import Block, encode_fields, write_block
from penstock.wire.events import Head
from penstock.wire.http2_head import make_head
from penstock.wire.http2_limits import Http2Limits
from penstock.wire.response_fields import fault
from penstock.wire.response_fields import listed as as_pairs

# What is well-formed in a target as it stands; of a percent sign only the start of a triplet.
_TARGET_SAFE = "/?:@!$&'()*+,;=-._~%"
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
# Such a request has no body (section 8.4), and one authority: that of the request it comes with.
_NOT_SENT = frozenset(
    b"host content-length content-type content-encoding expect te trailer "
    b"connection keep-alive proxy-connection transfer-encoding upgrade".split()
)


def promised_request(
    path: str, headers: Any, scheme: str, authority: bytes, limits: Http2Limits
) -> tuple[Head, bytes]:
    """A GET of `path` as its head and its header block, from what `http.response.push` says.

    `path` is percent-encoded where it has to be; it may have a query (PUSH-06). `headers`: any
    iterable of two-item iterables of bytes, of which those that steer a connection, a body or the
    authority are left out. Raises MessageError for what cannot be a request.
    """
    pairs = as_pairs(headers)
    block = Block()
    if not write_block(pairs, block):
        raise fault(pairs)
    fields = [
        (name.lower(), value.strip(b" \t"))
        for name, value in pairs
        if name.lower() not in _NOT_SENT
    ]
    write_block(fields, block)
    try:
        target = quote(_LONE_PERCENT.sub("%25", path), safe=_TARGET_SAFE).encode("ascii")
    except UnicodeEncodeError as exc:
        raise MessageError(f"the path of a push cannot be encoded: {exc}") from None
    request = [
        (b":method", b"GET"),
        (b":scheme", scheme.encode("ascii")),
        (b":authority", authority),
        (b":path", target),
    ]
    try:
        head = make_head([*request, *fields], True, False, limits)
    except (StreamError, HttpError) as exc:
        raise MessageError(f"a push cannot be asked for: {exc}") from None
    # Who the client is was said by its own request
    head.forwarded = False
    return head, encode_fields(request) + block.block
