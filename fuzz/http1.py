"""The HTTP/1 reader: however the bytes are cut, it says the same; and what it accepts, h11 accepts and reads alike.

On the compiled leg the pure reader must agree, too.

    python -m fuzz.http1 --seconds 60 [--seed N]
"""

from collections.abc import Iterable
from random import Random
from typing import Any, NamedTuple

import h11

from fuzz import messages
from fuzz.running import run
from penstock.wire import http1


class Message(NamedTuple):
    """A whole request."""

    head: tuple[Any, ...]
    body: bytes


class Outcome(NamedTuple):
    """Whole requests, and how it ended: `refused`, or what is still missing."""

    messages: list[Message]
    end: str
    status: int
    error: str


def facts(head: Any) -> tuple[Any, ...]:
    """All that a head says."""
    return (
        head.method,
        head.raw_path,
        head.query,
        head.headers,
        head.http_version,
        head.content_length,
        head.keep_alive,
        head.expect_continue,
        head.upgrade,
        head.forwarded,
    )


def read(pieces: Iterable[bytes], module: Any = http1, **limits: int) -> Outcome:
    """Let a reader of `module` read a connection's bytes in these pieces."""
    reader = module.Reader(module.Limits(**limits), "http")
    found: list[Message] = []
    head = None
    body: list[bytes] = []
    try:
        for piece in pieces:
            reader.feed(piece)
            while True:
                if head is None:
                    parsed = reader.head()
                    if parsed is None:
                        break
                    head, body = facts(parsed), []
                if not reader.body_ended:
                    body.append(reader.body())
                    if not reader.body_ended:
                        break
                found.append(Message(head, b"".join(body)))
                head = None
    except Exception as error:
        if type(error).__name__ != "HttpError":
            raise
        return Outcome(found, "refused", error.status, str(error))  # type: ignore[attr-defined]
    return Outcome(found, "head" if head is None else "body", 0, "")


def read_by_h11(data: bytes) -> Outcome:
    """Let h11 read the same; one request after the other, closed or not."""
    found: list[Message] = []
    rest = data
    while rest:  # to h11 nothing is the end of the connection
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        connection.receive_data(rest)
        request = None
        body = []
        try:
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    return Outcome(found, "head" if request is None else "body", 0, "")
                if isinstance(event, h11.Request):
                    request = event
                elif isinstance(event, h11.Data):
                    body.append(bytes(event.data))
                elif isinstance(event, h11.EndOfMessage):
                    break
        except h11.RemoteProtocolError as error:
            return Outcome(found, "refused", error.error_status_hint, str(error))
        if request is None:
            raise AssertionError(f"h11 ended a message that it did not begin: {data!r}")
        target = bytes(request.target)
        head = (bytes(request.method), target, [(bytes(n), bytes(v)) for n, v in request.headers])
        found.append(Message(head, b"".join(body)))
        rest = connection.trailing_data[0]
    return Outcome(found, "head", 0, "")


def like_h11(message: Message) -> Message:
    """A request of ours in h11's words."""
    method, raw_path, query, headers, *_ = message.head
    return Message((method, raw_path, query, headers), message.body)


def agree(data: bytes) -> Outcome:
    """Both readers on the same bytes. Raises AssertionError where we accept what h11 does not, or read it otherwise.

    We are stricter in many places, so the other way round proves nothing: where we refuse, h11 may go on.
    """
    ours, theirs = read([data]), read_by_h11(data)
    for i, message in enumerate(ours.messages):
        if i >= len(theirs.messages):
            if justified(theirs.error):
                return ours
            raise AssertionError(f"{data!r}: we accept {message!r}, h11 says {theirs!r}")
        method, raw_path, query, headers, *_ = message.head
        their_method, target, their_headers = theirs.messages[i].head
        their_path, _, their_query = target.partition(b"?")
        absolute = target[:7].lower() == b"http://"
        if (
            method != their_method.decode("ascii").upper()
            or (not absolute and (raw_path, query) != (their_path, their_query))
            or (not absolute and headers != their_headers)
            or message.body != theirs.messages[i].body
        ):
            raise AssertionError(f"{data!r}: {message!r} is {theirs.messages[i]!r} to h11")
    return ours


# What h11 refuses and we accept: an empty line before a request line (RFC 9112 section 2.2 lets a server skip one).
JUSTIFIED = ("no request line received",)


def justified(error: str) -> bool:
    """Whether h11 refuses for one of its known reasons."""
    return any(reason in error for reason in JUSTIFIED)


def same_however_cut(data: bytes, cut: list[bytes], module: Any = http1, **limits: int) -> Outcome:
    """The outcome of the bytes in one piece, which must be that of all its cuts."""
    whole = read([data], module, **limits)
    for pieces in (cut, [data[i : i + 1] for i in range(len(data))]):
        other = read(pieces, module, **limits)
        if (whole.messages, whole.end) != (other.messages, other.end):
            raise AssertionError(f"{data!r} cut as {pieces!r}: {whole!r} != {other!r}")
    return whole


def connection(chance: Random) -> bytes:
    """The bytes of a connection: some requests, perhaps broken."""
    data = b"".join(messages.framed(chance) for _ in range(chance.randrange(1, 4)))
    if chance.random() < 0.3:
        data = messages.head(chance) + data
    return messages.broken(chance, data)


def trial(chance: Random, pure: Any = None) -> None:
    """One connection: cuts, small limits, h11, and the pure reader."""
    data = connection(chance)
    cut = messages.pieces(chance, data)
    whole = same_however_cut(data, cut)
    limits = {
        "line_max": chance.choice((10, 20, 8192)),
        "head_max": chance.choice((50, 90, 65536)),
        "fields_max": chance.choice((1, 3, 128)),
        "chunk_extensions_max": chance.choice((0, 3, 16384)),
        "body_max": chance.choice((0, 10, -1)),
    }
    limited = same_however_cut(data, cut, **limits)
    agree(data)
    if pure is not None:
        for ours, other in ((whole, read([data], pure)), (limited, read([data], pure, **limits))):
            if ours != other:
                raise AssertionError(f"{data!r}: compiled {ours!r}, pure {other!r}")


if __name__ == "__main__":
    from penstock._leg import leg
    from tests.twins import pure

    twin = pure("penstock.wire.http1") if leg() == "compiled" else None
    run(__doc__, lambda chance: trial(chance, twin))
