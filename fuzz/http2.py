"""An HTTP/2 session: the `h2` library as its client; and frames bent in every way, cut in every way.

Whatever the cuts, the same events and the same frames come out; only documented errors do; nothing is kept of streams that
are over. On the compiled leg the pure session must agree, too, and the leaves with their pure forms.

    python -m fuzz.http2 --seconds 60 [--seed N]
"""

from random import Random
from typing import Any

import hpack

from fuzz.running import run
from penstock.errors import Http2Error
from penstock.wire import http2_fields, http2_pack
from penstock.wire import http2_frames as frames
from penstock.wire.http2_events import DATA, GOAWAY, NEED_MORE, REFUSED, REQUEST, RESET
from penstock.wire.http2_limits import Http2Limits
from penstock.wire.http2_session import Session
from tests.twins import pure
from tests.wire import http2_pairs

pure_session = pure("penstock.wire.http2_session")
pure_limits = pure("penstock.wire.http2_limits")
pure_errors = pure("penstock.errors")
pure_fields = pure("penstock.wire.http2_fields")
pure_pack = pure("penstock.wire.http2_pack")

FIELDS = [
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":method", b"CONNECT"),
    (b":scheme", b"https"),
    (b":authority", b"a.b"),
    (b":path", b"/"),
    (b":protocol", b"websocket"),
    (b"host", b"a.b"),
    (b"cookie", b"a=b"),
    (b"content-length", b"3"),
    (b"te", b"trailers"),
    (b"te", b"x"),
    (b"expect", b"100-continue"),
    (b"connection", b"close"),
    (b"priority", b"u=1, i"),
    (b"x", b"y" * 300),
    (b"Bad", b"z"),
    (b"x", b" z"),
]


def conversation(chance: Random) -> bytes:
    """A client's bytes: most frames make sense, some do not, some are bent."""
    encoder = hpack.Encoder()
    made = [
        frames.PREFACE,
        frames.settings([(chance.randrange(1, 9), chance.choice((0, 1, 20000)))]),
    ]
    stream = 1
    for _ in range(chance.randrange(1, 40)):
        kind = chance.choice((0, 0, 0, 1, 1, 1, 1, 2, 3, 4, 6, 7, 8, 8, 9, 0x10, 0x77))
        number = chance.choice((stream, stream, max(stream - 2, 1), 1, 0, chance.randrange(1, 40)))
        flags = chance.choice((0, 0, 1, 4, 5, 8, chance.randrange(256)))
        payload = chance.randbytes(chance.choice((0, 3, 4, 4, 5, 6, 8, 8, 40)))
        if kind == 1:
            if chance.random() < 0.8:
                stream += 2
                number = stream
                flags = chance.choice((4, 5, 5, 0, 1))
            whole = [FIELDS[chance.choice((0, 1, 1, 1, 2))], *FIELDS[3:6]]
            whole += chance.choices(FIELDS, k=chance.choice((0, 0, 0, 1, 3)))
            payload = encoder.encode(whole[chance.choice((0, 0, 0, 0, 1)) :])
        elif kind == 8 and chance.random() < 0.8:
            payload = chance.randrange(2**20).to_bytes(4, "big")
        elif kind == 4 and chance.random() < 0.8:
            payload = frames.settings(
                [(chance.randrange(1, 10), chance.choice((0, 1, 16384, 70000)))]
            )[9:]
            flags, number = 0, 0
        elif kind in {6, 7} and chance.random() < 0.8:
            number = 0
        made.append(frames.frame(kind, flags, number, payload))
    data = bytearray(b"".join(made))
    if chance.random() < 0.3:
        data[chance.randrange(24, len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def outcome(session: Any, error_type: Any, pieces: list[bytes], answers: int) -> list[Any]:
    """Events, what is written, and how it ends. `answers` says which requests are answered, and how."""
    chance = Random(answers)
    found: list[Any] = []
    body = b""
    ends = []
    try:
        for piece in pieces:
            session.receive(piece)
            while (event := session.next()) != NEED_MORE:
                end = session.stream
                if event == DATA:
                    # Cuts change how a body is divided, not what it is.
                    body += session.data
                    session.consumed(end, len(session.data))
                    if session.ended:
                        found.append((event, end.id, body))
                    continue
                if event == GOAWAY:
                    found.append((event, session.code))
                    continue
                if event == RESET:
                    found.append((event, end.id, session.code, session.ours, session.text))
                    session.done(end)
                    continue
                ends.append(end)
                if event == REQUEST:
                    head = session.head
                    found.append(
                        (
                            event,
                            end.id,
                            head.method,
                            head.headers,
                            head.content_length,
                            session.ended,
                        )
                    )
                elif event == REFUSED:
                    found.append((event, end.id, session.status, session.text))
                if chance.random() < 0.6:
                    session.respond(end, b"\x88", chance.randbytes(chance.choice((0, 10, 20000))))
                    session.done(end)
    except error_type as error:
        found.append((error.code, str(error), error.rule))
    for end in ends:
        if not end.done:
            session.reset(end, 8)
            session.done(end)
    found.append(session.take(1 << 30))
    for end in session.ends():
        session.reset(end, 8)
    assert (session.active, session.ends(), session.queued_bytes) == (0, [], 0)
    return found


def cut(chance: Random, data: bytes) -> list[bytes]:
    places = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice((1, 3, 50))))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


def session() -> Any:
    return Session(Http2Limits(streams_max=8), True)


def trial(chance: Random) -> None:
    """One round of everything."""
    http2_pairs.run(Random(chance.random()), chance.randrange(60))
    data = conversation(chance)
    answers = chance.randrange(2**30)
    wanted = outcome(session(), Http2Error, [data], answers)
    twin = pure_session.Session(pure_limits.Http2Limits(streams_max=8), True)
    for other in (
        outcome(session(), Http2Error, cut(chance, data), answers),
        outcome(twin, pure_errors.Http2Error, [data], answers),
    ):
        if other != wanted:
            raise AssertionError(f"{data!r}: {wanted!r} != {other!r}")
    fields = [
        (chance.choice(FIELDS)[0], chance.choice(FIELDS)[1]) for _ in range(chance.randrange(5))
    ]
    fields.append((chance.randbytes(chance.randrange(4)), chance.randbytes(chance.randrange(4))))
    assert http2_fields.check_fields(fields, 0) == pure_fields.check_fields(fields, 0)
    path = chance.randbytes(chance.randrange(4))
    assert http2_fields.query_at(path) == pure_fields.query_at(path)
    joined, pure_joined = list(fields), list(fields)
    http2_fields.join_cookies(joined)
    pure_fields.join_cookies(pure_joined)
    assert joined == pure_joined
    numbers = (
        chance.randrange(2**24),
        chance.randrange(256),
        chance.randrange(256),
        chance.randrange(2**31),
    )
    header = http2_pack.pack_frame(*numbers)
    assert header == pure_pack.pack_frame(*numbers)
    assert http2_pack.unpack_frame(header, 0) == pure_pack.unpack_frame(header, 0)
    payload = chance.randbytes(chance.choice((0, 5, 70000)))
    assert http2_pack.whole_answer(5, header, payload) == pure_pack.whole_answer(5, header, payload)


if __name__ == "__main__":
    run(__doc__, trial)
