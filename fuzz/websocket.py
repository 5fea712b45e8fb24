"""Longer runs against the WebSocket codec: `python -m fuzz.websocket --seconds 60 [--seed N]`.

Each round makes frames, most of them legal, some bent, cuts them into reads at random, and holds
that the cuts change nothing, that the leg at hand and the pure one agree, that only documented
errors come out, and, where nothing was bent, that the messages are those that were written, and for
`wsproto` too. A round that
fails prints its seed; the same seed repeats it.
"""

import argparse
import random
import sys
import time
from typing import Any

import wsproto.frame_protocol as oracle

from penstock.errors import WebSocketError
from penstock.wire import websocket_frames as frames
from penstock.wire.deflate import Deflater, Inflater
from penstock.wire.mask import apply_mask, unmask
from penstock.wire.websocket import Reader
from penstock.wire.websocket_frames import BINARY, CLOSE, NEED_MORE, TEXT
from tests.twins import pure

MESSAGE_BYTES_MAX = 200_000


def make(chance: random.Random, compressed: bool) -> tuple[bytes, list[Any] | None]:
    """A client's bytes and the messages in them; None for these where a frame was bent."""
    data = b""
    legal = True
    messages: list[Any] = []
    deflater = Deflater(12, True)
    for _ in range(chance.randrange(1, 12)):
        binary = chance.random() < 0.5
        size = chance.choice((0, 1, 64, 125, 126, 300, 65535, 65536, chance.randrange(5000)))
        payload = (
            chance.randbytes(size)
            if binary
            else "".join(chance.choices("aé€😀\x00", k=size))
            .encode()[:size]
            .decode(errors="ignore")
            .encode()
        )
        messages.append(payload if binary else payload.decode())
        first = 2 if binary else 1
        if compressed and chance.random() < 0.6:
            payload = deflater.deflate(payload) or b"\x00"
            first |= frames.RSV1
        parts = chance.choice((1, 1, 1, 2, 5))
        step = max(len(payload) // parts, 1)
        pieces = [payload[at : at + step] for at in range(0, len(payload), step)] or [b""]
        for index, piece in enumerate(pieces):
            opcode = (first if index == 0 else 0) | (0x80 if index == len(pieces) - 1 else 0)
            frame = frames.masked_frame(opcode, piece, chance.randbytes(4))
            if chance.random() < 0.02:
                legal = False
                bent = bytearray(frame)
                bent[chance.randrange(min(len(bent), 20))] ^= 1 << chance.randrange(8)
                frame = bytes(bent)
            data += frame
            if chance.random() < 0.2:
                data += frames.masked_frame(
                    chance.choice((frames.FIN_PING, frames.FIN_PONG)),
                    chance.randbytes(chance.randrange(126)),
                    chance.randbytes(4),
                )
    return data, messages if legal else None


def cut(chance: random.Random, data: bytes) -> list[bytes]:
    """`data` in reads of many sizes."""
    chunks = []
    while data:
        size = chance.choice((1, 2, 5, 14, 100, 4096, 70_000))
        chunks.append(data[:size])
        data = data[size:]
    return chunks


def read(reader: Any, error: type[Any], chunks: list[bytes]) -> list[Any]:
    """Events, and the code of the error that ended them, if any."""
    found: list[Any] = []
    try:
        for chunk in chunks:
            reader.feed(chunk)
            while (event := reader.next()) != NEED_MORE:
                found.append((event, reader.payload, reader.close_code if event == CLOSE else 0))
    except error as exc:
        found.append(exc.code)
    return found


def read_by_oracle(data: bytes) -> list[Any]:
    """The messages as wsproto reads them. (Compressed ones with a Ping inside it cannot read.)"""
    peer = oracle.FrameProtocol(client=False, extensions=[])
    peer.receive_bytes(data)
    messages: list[Any] = []
    parts: list[Any] = []
    for frame in peer.received_frames():
        if frame.opcode in {oracle.Opcode.PING, oracle.Opcode.PONG}:
            continue
        parts.append(frame.payload)
        if frame.message_finished:
            is_text = isinstance(parts[0], str)
            messages.append("".join(parts) if is_text else b"".join(map(bytes, parts)))
            parts = []
    return messages


def play(seed: int) -> None:
    """One round; AssertionError or an undocumented exception is a find."""
    chance = random.Random(seed)
    compressed = chance.random() < 0.5
    data, messages = make(chance, compressed)
    twin = pure("penstock.wire.websocket").Reader
    twin_inflater = pure("penstock.wire.deflate").Inflater
    twin_error = pure("penstock.errors").WebSocketError

    def inflater(kind: Any) -> Any:
        return kind(12, True) if compressed else None

    limits = (True, MESSAGE_BYTES_MAX, 1000, 100)
    whole = read(Reader(*limits, inflater(Inflater)), WebSocketError, [data])
    pieces = read(Reader(*limits, inflater(Inflater)), WebSocketError, cut(chance, data))
    assert pieces == whole, "the cuts between reads change what is read"
    other = read(twin(*limits, inflater(twin_inflater)), twin_error, cut(chance, data))
    assert other == whole, "the legs differ"
    if messages is not None:
        found = [event[1] for event in whole if event[0] in {TEXT, BINARY}]
        assert found == messages, "what was read is not what was written"
        assert compressed or found == read_by_oracle(data), "wsproto reads something else"
    key = chance.randbytes(4)
    offset = chance.randrange(8)
    pure_apply_mask = pure("penstock.wire.mask").apply_mask
    assert apply_mask(data, key, offset) == pure_apply_mask(data, key, offset)
    start = chance.randrange(4, len(data))
    end = chance.randrange(start, len(data) + 1)
    assert unmask(data, start, end) == pure_apply_mask(data[start:end], data[start - 4 : start], 0)


def main() -> int:
    """Run rounds until the time is up; 1 on the first find."""
    parser = argparse.ArgumentParser(description="Fuzz the WebSocket codec.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None, help="play this one round only")
    arguments = parser.parse_args()
    if arguments.seed is not None:
        play(arguments.seed)
        return 0
    deadline = time.monotonic() + arguments.seconds
    seed = random.randrange(1 << 48)
    rounds = 0
    while time.monotonic() < deadline:
        try:
            play(seed + rounds)
        except Exception:
            print(f"failed: repeat with --seed {seed + rounds}", file=sys.stderr)
            raise
        rounds += 1
    print(f"{rounds} rounds, nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
