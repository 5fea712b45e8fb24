"""Requests by chance: mostly right, then broken, so that each check is met from both sides."""

from random import Random

METHODS = [
    b"GET",
    b"POST",
    b"HEAD",
    b"PUT",
    b"OPTIONS",
    b"CONNECT",
    b"get",
    b"X-Y",
    b"PATCH",
    b"DELETE",
    b"G" * 64,
    b"G" * 65,
]
TARGETS = [
    b"/",
    b"/a/b?c=d",
    b"/?",
    b"/%20%ff",
    b"//x",
    b"*",
    b"http://h/p?q",
    b"http://h",
    b"https://h/",
    b"a:443",
    b"/a#b",
    b"/;=,'\"<>[]{}|\\^`~",
    b"/" + b"x" * 100,
]
VERSIONS = [b"HTTP/1.1"] * 8 + [b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1.10"]
NAMES = [
    b"Host",
    b"Content-Length",
    b"Transfer-Encoding",
    b"Connection",
    b"Expect",
    b"Upgrade",
    b"X-Forwarded-For",
    b"x-forwarded-proto",
    b"Accept",
    b"User-Agent",
    b"Cookie",
    b"X",
    b"te",
    b"X-" + b"a" * 29,
    b"X-" + b"a" * 30,
    b"X-" + b"a" * 31,
    b"!#$%&'*+-.^_`|~",
    b"sec-ch-ua-platform",
    b"accept-encodinG",
]
VALUES = [
    b"",
    b"x",
    b"keep-alive",
    b"Keep-Alive",
    b"close",
    b"upgrade, close",
    b"0",
    b"5",
    b"05",
    b"chunked",
    b"gzip, chunked",
    b"100-continue",
    b"websocket",
    b"localhost",
    b"localhost:8000",
    b"localhost:59999",
    b"localhost:60000",
    b"localhost:65536",
    b"[::1]:80",
    b"a b",
    b"1.2.3.4, 5.6.7.8",
    b"\t inner \t blank \t",
    b"\x80\xff",
    b"v" * 7,
    b"v" * 8,
    b"v" * 9,
    b"v" * 300,
]
BYTES = [
    0,
    1,
    8,
    9,
    10,
    11,
    12,
    13,
    31,
    32,
    34,
    35,
    44,
    47,
    48,
    57,
    58,
    59,
    63,
    64,
    65,
    91,
    95,
    123,
    126,
    127,
    128,
    133,
    160,
    255,
]
PIECES = [
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b":",
    b"\0",
    b"HTTP/1.1",
    b"0\r\n\r\n",
    b"chunked",
    b"Host: x\r\n",
    b';a="b"',
    b"5\r\nhello\r\n",
]


def head(chance: Random, fields_max: int = 12) -> bytes:
    """A head: right most of the time, with fields that steer more often than in life."""
    line = b" ".join((chance.choice(METHODS), chance.choice(TARGETS), chance.choice(VERSIONS)))
    lines = [line, b"Host: localhost"] if chance.random() < 0.9 else [line]
    for _ in range(chance.randrange(fields_max)):
        blank = chance.choice((b" ", b"", b"\t ", b"  "))
        lines.append(
            chance.choice(NAMES)
            + b":"
            + blank
            + chance.choice(VALUES)
            + chance.choice((b"", b"", b" ", b"\t"))
        )
    return b"\r\n".join([*lines, b"", b""])


def framed(chance: Random) -> bytes:
    """A whole request with a body that fits its framing."""
    line = b" ".join(
        (
            chance.choice(METHODS[:5]),
            chance.choice(TARGETS[:5]),
            chance.choice((b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0")),
        )
    )
    lines = [line, b"Host: localhost"]
    lines += [b"X-%d: %b" % (i, chance.choice(VALUES)) for i in range(chance.randrange(4))]
    kind = chance.randrange(3)
    body = b""
    if kind == 1:
        body = chance.randbytes(chance.randrange(30))
        lines.append(b"Content-Length: %d" % len(body))
    elif kind == 2:
        lines[0] = lines[0].replace(b"HTTP/1.0", b"HTTP/1.1")
        lines.append(b"Transfer-Encoding: chunked")
        body = chunked(chance)
    return b"\r\n".join([*lines, b"", b""]) + body


def chunked(chance: Random) -> bytes:
    """A chunked body, with extensions and trailers now and then."""
    extensions = (b"", b"", b"", b";a", b";a=b", b'; a = "b;\\" c"', b";a;b=c")
    parts = []
    for _ in range(chance.randrange(4)):
        data = chance.randbytes(chance.randrange(1, 20))
        size = chance.choice((b"%x", b"%X", b"0%x")) % len(data)
        parts.append(size + chance.choice(extensions) + b"\r\n" + data + b"\r\n")
    trailers = b"".join(
        b"T%d: %b\r\n" % (i, chance.choice(VALUES)) for i in range(chance.randrange(3))
    )
    return (
        b"".join(parts)
        + chance.choice((b"0", b"000"))
        + chance.choice(extensions)
        + b"\r\n"
        + trailers
        + b"\r\n"
    )


def broken(chance: Random, data: bytes) -> bytes:
    """`data` with a few changes where they hurt."""
    out = bytearray(data)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 5))):
        at = chance.randrange(len(out) + 1)
        what = chance.randrange(6)
        if what == 0:
            out[at:at] = bytes([chance.choice(BYTES)])
        elif what == 1:
            out[at : at + 1] = bytes([chance.choice(BYTES)])
        elif what == 2:
            del out[at : at + chance.randrange(1, 4)]
        elif what == 3:
            out[at:at] = chance.choice(PIECES)
        elif what == 4:
            del out[at:]
        else:
            start = chance.randrange(len(out) + 1)
            out[at:at] = out[start : start + chance.randrange(1, 20)]
    return bytes(out)


def pieces(chance: Random, data: bytes) -> list[bytes]:
    """`data` cut at a few places."""
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(6)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


FIELD_NAMES = [
    *NAMES,
    b"Date",
    b"server",
    b"",
    b"a b",
    b"a:",
    b"a\r",
    b"\xe9",
    b"content-length",
    b"x" * 40,
]
FIELD_VALUES = [
    *VALUES,
    b"1\r\nx: y",
    b"\n",
    b"\0",
    b"a\rb",
    b"+5",
    b"-1",
    b"9" * 18,
    b"9" * 19,
    b" 5",
]


def fields(chance: Random) -> list[object]:
    """Response headers as applications send them, right and wrong."""
    made: list[object] = []
    for _ in range(chance.randrange(8)):
        name: object = chance.choice(FIELD_NAMES)
        value: object = chance.choice(FIELD_VALUES)
        what = chance.randrange(40)
        if what == 0:
            name = "x"
        elif what == 1:
            value = bytearray(b"x")
        pair: object = (name, value)
        if what == 2:
            pair = [name, value]
        elif what == 3:
            pair = (name, value, value)
        elif what == 4:
            pair = (name,)
        elif what == 5:
            pair = b"ab"
        made.append(pair)
    return made
