"""Cases: WebSocket messages in both directions (section 15)."""

import struct
import zlib

from penstock.conformance.cases_response import waits_in
from penstock.conformance.client_websocket import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    frame,
)
from penstock.conformance.server_probe import Call
from penstock.conformance.server_trial import MAY, MUST, SHOULD, Skip, Trial, case


@case("WS-MSG-01", MUST, "A text message has `text`, a str, and no bytes")
def text_message(t: Trial) -> None:
    socket = t.open()
    socket.send("häh")
    socket.message()
    event = t.call().events()[1]
    t.check(event.get("text") == "häh" and event.get("bytes") is None, "text only", event)


@case("WS-MSG-01", MUST, "A binary message has `bytes`, and no text")
def binary_message(t: Trial) -> None:
    socket = t.open()
    socket.send(b"\x00\xff")
    socket.message()
    event = t.call().events()[1]
    t.check(event.get("bytes") == b"\x00\xff" and event.get("text") is None, "bytes only", event)


@case("MSG-02", MUST, "Events of a websocket scope are called websocket.…")
def events_are_named(t: Trial) -> None:
    socket = t.open()
    socket.send("x")
    socket.message()
    types = t.call().types()
    t.check(all(name.startswith("websocket.") for name in types), "websocket.…", types)


@case("WS-MSG-02", MUST, "Fragments are joined; a Ping between them is answered")
def fragments(t: Trial) -> None:
    socket = t.open()
    socket.wire.send(frame(TEXT, b"one ", final=False))
    socket.wire.send(frame(CONTINUATION, b"two ", final=False))
    socket.wire.send(frame(PING, b"p"))
    socket.wire.send(frame(CONTINUATION, b"three"))
    pong = socket.receive()
    t.check(pong is not None and pong.opcode == PONG, "a Pong", pong)
    t.equal(socket.message(), "one two three")
    t.equal(len(t.call().events()), 2, "events:")


@case("WS-MSG-03", MUST, "Empty messages are delivered and sent, text and binary", derived=True)
def empty_messages(t: Trial) -> None:
    socket = t.open()
    socket.send("")
    t.equal(socket.message(), "")
    socket.send(b"")
    t.equal(socket.message(), b"")


async def _both_keys(call: Call) -> None:
    await call.accept()
    await call.send({"type": "websocket.send", "text": "x", "bytes": None})
    await call.send({"type": "websocket.send", "text": None, "bytes": b"y"})
    await call.echo()


@case(
    "WS-MSG-04",
    MUST,
    "`text` is sent as text, `bytes` as binary; None is as if left out",
    app=_both_keys,
)
def kinds_of_messages(t: Trial) -> None:
    socket = t.open()
    t.equal(socket.message(), "x")
    t.equal(socket.message(), b"y")


async def _neither(call: Call) -> None:
    await call.accept()
    call.note(
        "both", not await call.attempt({"type": "websocket.send", "text": "x", "bytes": b"y"})
    )
    call.note("neither", not await call.attempt({"type": "websocket.send"}))


# The message is the application's duty; that the server raises for an invalid one is a SHOULD


@case("WS-MSG-05", SHOULD, "`text` and `bytes` at once raise", app=_neither)
def both_kinds(t: Trial) -> None:
    t.open()
    t.check(t.noted("both"), "an exception from send()", "none")


@case("WS-MSG-05", SHOULD, "Neither `text` nor `bytes` raises", app=_neither)
def neither_kind(t: Trial) -> None:
    t.open()
    t.check(t.noted("neither"), "an exception from send()", "none")


async def _wrong_text(call: Call) -> None:
    await call.accept()
    call.note("text", not await call.attempt({"type": "websocket.send", "text": b"x"}))


def _raises(t: Trial, which: str) -> None:
    t.open()
    t.check(t.noted(which), "an exception from send()", "none")


@case("ERR-03", SHOULD, "`text` that is bytes raises", app=_wrong_text)
def text_of_wrong_type(t: Trial) -> None:
    _raises(t, "text")


async def _wrong_bytes(call: Call) -> None:
    await call.accept()
    call.note("bytes", not await call.attempt({"type": "websocket.send", "bytes": "x"}))


@case("ERR-03", SHOULD, "`bytes` that are a str raise", app=_wrong_bytes)
def bytes_of_wrong_type(t: Trial) -> None:
    _raises(t, "bytes")


async def _unknown(call: Call) -> None:
    await call.accept()
    call.note("unknown", not await call.attempt({"type": "websocket.bogus"}))


@case("ERR-01", SHOULD, "A WebSocket message of unknown type raises", app=_unknown)
def unknown_message(t: Trial) -> None:
    _raises(t, "unknown")


@case("WS-MSG-07", SHOULD, "A Ping is answered with its payload, and is no event")
def pings(t: Trial) -> None:
    socket = t.open()
    socket.wire.send(frame(PING, b"payload"))
    pong = socket.receive()
    t.check(pong is not None and pong.opcode == PONG and pong.data == b"payload", "its Pong", pong)
    t.equal(t.call().types(), ["websocket.connect"])


def _fails(t: Trial, data: bytes) -> Frame | None:
    """Send what must fail the connection; the Close that comes, None if it just ends."""
    socket = t.open()
    socket.wire.send(data)
    found = socket.closing()
    t.check(found is not None or socket.wire.closed, "a Close, or the end", "neither")
    t.equal(t.ended(len(t.calls()) - 1).types()[1:], ["websocket.disconnect"], "events:")
    return found


def _closes_with(t: Trial, code: int, *wrong: bytes) -> None:
    for data in wrong:
        found = _fails(t, data)
        came = found.code if found is not None else "the end without a Close"
        t.check(came == code, f"a Close with {code} for {data[:2].hex()}…", came)


_NO_UTF8 = frame(TEXT, b"\xff\xfe")
_UNMASKED = frame(TEXT, b"x", masked=False)
_RESERVED_BITS = frame(TEXT, b"x", reserved=2)
_RESERVED_OPCODE = frame(3, b"x")
_LONG_PING = frame(PING, bytes(126))


@case("WS-MSG-09", MUST, "Text that is not UTF-8 fails the connection")
def text_that_is_no_utf8(t: Trial) -> None:
    _fails(t, _NO_UTF8)


@case("WS-MSG-10", MUST, "An unmasked frame fails the connection")
def unmasked_frame(t: Trial) -> None:
    _fails(t, _UNMASKED)


@case("WS-MSG-10", MUST, "Reserved bits fail the connection")
def reserved_bits(t: Trial) -> None:
    _fails(t, _RESERVED_BITS)


@case("WS-MSG-10", MUST, "A reserved opcode fails the connection")
def reserved_opcode(t: Trial) -> None:
    _fails(t, _RESERVED_OPCODE)


@case("WS-MSG-10", MUST, "A control frame over 125 bytes fails the connection")
def long_control_frame(t: Trial) -> None:
    _fails(t, _LONG_PING)


# RFC 6455 section 7.1.7: a Close with the code SHOULD go before the end


@case("WS-MSG-09", SHOULD, "Text that is not UTF-8 is answered with a Close, 1007")
def close_for_bad_text(t: Trial) -> None:
    _closes_with(t, 1007, _NO_UTF8)


@case("WS-MSG-10", SHOULD, "Wrong frames are answered with a Close, 1002")
def close_for_wrong_frames(t: Trial) -> None:
    _closes_with(t, 1002, _UNMASKED, _RESERVED_BITS, _RESERVED_OPCODE, _LONG_PING)


@case("WS-MSG-11", SHOULD, "A message over the limit closes with 1009, and is a disconnect")
def too_large(t: Trial) -> None:
    socket = t.open()
    # The head of a frame of 4 GiB, and a little of it: no default lets that in
    head = struct.pack("!BBQ", 0x80 | BINARY, 0x80 | 127, 1 << 32)
    socket.wire.send(head + bytes(4) + bytes(1000))
    found = socket.closing()
    if found is None and not socket.wire.closed:
        raise Skip("there is no limit to be seen before the message is whole")
    t.check(found is not None and found.code == 1009, "a Close with 1009", found or "the end")
    t.check(t.ended().types()[-1] == "websocket.disconnect", "a disconnect", t.calls()[0].types())


async def _echo_quietly(call: Call) -> None:
    call.quiet = True
    await call.accept()
    await call.echo()


@case(
    "WS-MSG-12",
    MUST,
    "2000 messages keep their order, there and back",
    app=_echo_quietly,
    derived=True,
)
def order(t: Trial) -> None:
    socket = t.open()
    for begin in range(0, 2000, 200):
        numbers = range(begin, begin + 200)
        socket.wire.send(b"".join(frame(TEXT, b"%d" % number) for number in numbers))
        for number in numbers:
            found = socket.message()
            t.check(found == str(number), str(number), found)


async def _floods(call: Call) -> None:
    call.quiet = True
    await call.accept()
    for number in range(1600):  # 100 MiB
        await call.send({"type": "websocket.send", "bytes": bytes(1 << 16)})
        if number % 100 == 99:
            call.note("sent", number)
    call.note("all")


@case("WS-MSG-13", SHOULD, "send() waits while the client does not read", app=_floods, derived=True)
def backpressure(t: Trial) -> None:
    t.open()
    waits_in(t, "100 MiB were taken")


@case("WS-MSG-14", MAY, "permessage-deflate, if agreed, is invisible to the application")
def compression(t: Trial) -> None:
    t.speaks_websocket()
    socket = t.websocket("/", [("Sec-WebSocket-Extensions", "permessage-deflate")])
    answer = socket.accepted()
    if b"permessage-deflate" not in (answer.get(b"sec-websocket-extensions") or b""):
        raise Skip("permessage-deflate is not agreed to")
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(b"hello" * 50) + packer.flush(zlib.Z_SYNC_FLUSH)
    socket.wire.send(frame(TEXT, packed[:-4], reserved=4))
    found = socket.receive()
    t.equal(t.call().events()[1].get("text"), "hello" * 50)
    t.check(found is not None, "the echo", "nothing")
    if found is not None:
        data = found.data
        if found.reserved & 4:
            data = zlib.decompressobj(wbits=-15).decompress(data + b"\x00\x00\xff\xff")
        t.equal(data, b"hello" * 50)


@case(
    "WS-MSG-15",
    MUST,
    "A message of 1 MiB is delivered whole, text and binary",
    app=_echo_quietly,
    derived=True,
)
def large_messages(t: Trial) -> None:
    socket = t.open()
    text = "0123456789abcdef" * (1 << 16)
    socket.send(text)
    t.check(socket.message() == text, "1 MiB of text back", "something else")
    socket.send(text.encode())
    t.check(socket.message() == text.encode(), "1 MiB of bytes back", "something else")


async def _impatient(call: Call) -> None:
    await call.accept()
    call.note("cancelled", await call.soon(0.1))
    await call.echo()


@case("APP-17", SHOULD, "A cancelled receive() loses no message", app=_impatient, derived=True)
def cancelled_receive(t: Trial) -> None:
    socket = t.open()
    t.noted("cancelled")
    socket.send("x")
    t.equal(socket.message(), "x")


async def _extra(call: Call) -> None:
    await call.receive()
    await call.send({"type": "websocket.accept", "x-extra": 1})
    await call.send({"type": "websocket.send", "text": "x", "x-extra": 1})
    await call.send({"type": "websocket.close", "x-extra": 1})


@case("MSG-12", MUST, "Unknown keys in WebSocket messages are no error", app=_extra)
def unknown_keys(t: Trial) -> None:
    socket = t.open()
    t.equal(socket.message(), "x")
    found = socket.closing()
    t.check(found is not None and found.code == 1000, "a Close with 1000", found)
