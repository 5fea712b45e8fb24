"""Cases: how WebSockets end (section 16)."""

import asyncio
import time
from typing import Any

from penstock.conformance.client_http1 import Wrong
from penstock.conformance.client_websocket import TEXT, close_frame, frame
from penstock.conformance.server_probe import Call
from penstock.conformance.server_report import Other
from penstock.conformance.server_trial import MUST, SHOULD, Skip, Trial, case


async def _closes(call: Call) -> None:
    await call.accept()
    more: dict[str, Any] = {
        "/bare": {},
        "/3000": {"code": 3000},
        "/4999": {"code": 4999},
        "/1001": {"code": 1001},
        "/reason": {"reason": "bye"},
        "/none": {"reason": None},
        "/umlauts": {"reason": "é" * 40},
        "/long": {"reason": "é" * 100},
        "/1005": {"code": 1005},
    }
    message = {"type": "websocket.close", **more[call.scope["path"]]}
    if not await call.attempt(message):
        call.note("refused")
        await call.send({"type": "websocket.close"})
    for _ in range(2):
        event = await call.soon(0.7)
        call.note("after", None if event is None else event["type"])
    call.note("done")


def _closed(t: Trial, target: str) -> tuple[int | None, str]:
    """Code and reason of the Close that a client gets."""
    socket = t.open(target)
    found = socket.closing()
    if found is None:
        t.wrong("a Close", socket.wire.closed or "nothing")
    socket.wire.send(close_frame(found.code if found.code != 1005 else 1000))
    t.check(len(found.data) <= 125, "a Close of at most 125 bytes", len(found.data))
    try:
        return found.code, found.data[2:].decode()
    except UnicodeDecodeError as error:
        t.wrong("a reason in UTF-8", error)


@case(
    "WS-CLOSE-01", MUST, "websocket.close sends a Close with its code, 1000 by default", app=_closes
)
def codes(t: Trial) -> None:
    for target, code in (("/bare", 1000), ("/3000", 3000), ("/4999", 4999), ("/1001", 1001)):
        found = _closed(t, target)[0]
        refused = ", after send() refused the message" if t.calls()[-1].notes("refused") else ""
        t.check(found == code, f"a Close with {code}", f"{found}{refused}")


@case("WS-CLOSE-02", MUST, "From 2.3 on, `reason` is in the Close; None is empty", app=_closes)
def reasons(t: Trial) -> None:
    t.speaks_websocket()
    t.at_least("websocket", 2, 3)
    for target, reason in (
        ("/reason", "bye"),
        ("/umlauts", "é" * 40),
        ("/none", ""),
        ("/bare", ""),
    ):
        t.equal(_closed(t, target)[1], reason)


@case("WS-CLOSE-03", MUST, "A reason that is too long makes no invalid frame", app=_closes)
def long_reason(t: Trial) -> None:
    _closed(t, "/long")


@case("WS-CLOSE-04", SHOULD, "1005 never goes out as a code", app=_closes)
def forbidden_code(t: Trial) -> None:
    code, _ = _closed(t, "/1005")
    t.check(code != 1005, "another code, or none", code)


def _code(event: dict[str, Any]) -> Any:
    """The code of an event, of an IntEnum too."""
    code = event.get("code")
    return code.plain if isinstance(code, Other) else code


def _disconnect(t: Trial) -> dict[str, Any]:
    seen = t.ended()
    if not seen.types() or seen.types()[-1] != "websocket.disconnect":
        t.wrong("websocket.disconnect", seen.types())
    return dict(seen.events()[-1])


@case("WS-CLOSE-05", MUST, "A client's Close is a websocket.disconnect")
def client_closes(t: Trial) -> None:
    socket = t.open()
    socket.wire.send(close_frame())
    _disconnect(t)


@case("WS-CLOSE-05", MUST, "A lost connection is a websocket.disconnect")
def connection_is_lost(t: Trial) -> None:
    socket = t.open()
    socket.wire.reset()
    _disconnect(t)


@case("WS-CLOSE-06", MUST, "`code` of websocket.disconnect is that of the client's Close")
def code_of_the_client(t: Trial) -> None:
    for number, code in enumerate((1000, 1001, 3001, 4000)):
        socket = t.open()
        socket.wire.send(close_frame(code))
        event = t.ended(number).events()[-1]
        t.equal(_code(event), code, "code")


@case("WS-CLOSE-07", SHOULD, "A Close without a code gives 1005")
def no_code(t: Trial) -> None:
    socket = t.open()
    socket.wire.send(close_frame(None))
    t.equal(_code(_disconnect(t)), 1005, "code")


@case("WS-CLOSE-08", SHOULD, "A connection lost without a Close gives 1006, or 1005")
def lost_without_close(t: Trial) -> None:
    socket = t.open()
    socket.wire.reset()
    code = _code(_disconnect(t))
    t.check(code in {1005, 1006}, "1006 or 1005", code)


@case("WS-CLOSE-09", MUST, "From 2.5 on, `reason` is the client's, a str")
def reason_of_the_client(t: Trial) -> None:
    t.speaks_websocket()
    t.at_least("websocket", 2, 5)
    socket = t.open()
    socket.wire.send(close_frame(1000, "héllo"))
    t.equal(_disconnect(t).get("reason"), "héllo", "reason")


async def _sends_on(call: Call) -> None:
    await call.accept()
    call.note("accepted")
    await call.signal("left")
    call.quiet = True
    found = ["", 60, False]
    for number in range(60):
        try:
            await call.send({"type": "websocket.send", "bytes": bytes(1000)})
        except BaseException as error:
            found = [type(error).__name__, number, isinstance(error, OSError)]
            call.note("raised", found)
            if call.scope["path"] == "/through":
                raise
            return
        await asyncio.sleep(0.01)
    call.note("raised", found)


def _sent_on(t: Trial, target: str = "/") -> list[object]:
    socket = t.open(target)
    socket.wire.reset()
    time.sleep(t.pause_s / 3)
    t.signal("left")
    return list(t.noted("raised"))


@case(
    "WS-CLOSE-10",
    SHOULD,
    "From 2.4 on, send() raises an OSError when the client has left",
    app=_sends_on,
)
def send_raises(t: Trial) -> None:
    found = _sent_on(t)
    came = str(found[0] or f"{found[1]} sends, no exception")
    version = t.version("websocket")
    if version < (2, 4):
        raise Skip(
            f"the websocket scope announces {version[0]}.{version[1]}, not 2.4; in fact: {came}"
        )
    t.check(found[2], "an OSError", came)


@case(
    "WS-CLOSE-12", SHOULD, "Below 2.4, send() does nothing when the client has left", app=_sends_on
)
def send_does_nothing(t: Trial) -> None:
    t.speaks_websocket()
    if t.version("websocket") >= (2, 4):
        raise Skip("the websocket scope announces 2.4 or later")
    found = _sent_on(t)
    t.check(not found[0], "no exception", found[0])


_BAD_WORDS = ("traceback", "exception in", "unhandled", "never retrieved")


@case(
    "WS-CLOSE-11", MUST, "That exception, coming out of the application, is no error", app=_sends_on
)
def exception_is_swallowed(t: Trial) -> None:
    t.speaks_websocket()
    t.at_least("websocket", 2, 4)
    t.start()
    found = _sent_on(t, "/through")
    if not found[0]:
        raise Skip("send() raises nothing")
    t.ended()
    time.sleep(t.pause_s)
    log = t.server.log()
    t.check(not any(word in log.lower() for word in _BAD_WORDS), "nothing in the log", log[-800:])


@case("WS-CLOSE-13", SHOULD, "After its own close receive() says websocket.disconnect", app=_closes)
def disconnect_after_own_close(t: Trial) -> None:
    _closed(t, "/bare")
    t.check(
        t.noted("after") == "websocket.disconnect", "websocket.disconnect", t.calls()[0].types()
    )


@case(
    "WS-CLOSE-21",
    SHOULD,
    "receive() goes on to say so, and does not block for ever",
    app=_closes,
    derived=True,
)
def disconnect_again(t: Trial) -> None:
    _closed(t, "/bare")
    t.ended()
    found = t.calls()[0].notes("after")
    t.check(found[1:] != [None], "an event, or an exception", "neither")


async def _ends(call: Call) -> None:
    await call.accept()
    if call.scope["path"] == "/raise":
        raise RuntimeError("on purpose")


@case("WS-CLOSE-14", MUST, "When the application ends, the socket is closed", app=_ends)
def end_of_the_application(t: Trial) -> None:
    for target in ("/return", "/raise"):
        socket = t.open(target)
        found = socket.closing()
        t.check(found is not None or socket.wire.closed, f"the end, for {target}", "open")


@case("WS-CLOSE-15", SHOULD, "An exception after accept closes with 1011", app=_ends)
def failure_is_1011(t: Trial) -> None:
    socket = t.open("/raise")
    found = socket.closing()
    came = found.code if found is not None else socket.wire.closed or "nothing"
    t.check(came == 1011, "a Close with 1011", came)


@case(
    "WS-CLOSE-16",
    SHOULD,
    "A return after accept closes in order, with a Close",
    app=_ends,
    derived=True,
)
def return_closes(t: Trial) -> None:
    socket = t.open("/return")
    found = socket.closing()
    t.check(found is not None, "a Close", socket.wire.closed or "nothing")


async def _cleans_up(call: Call) -> None:
    await call.accept()
    event = await call.receive()
    await asyncio.sleep(0.4)
    call.note("cleaned up", event["type"])


@case(
    "WS-CLOSE-17",
    SHOULD,
    "When the client has left, the application may finish what it does",
    app=_cleans_up,
)
def time_to_clean_up(t: Trial) -> None:
    socket = t.open()
    socket.wire.send(close_frame())
    seen = t.ended()
    t.check(seen.notes("cleaned up"), "the application's last note", seen.end)


@case("WS-CLOSE-18", MUST, "The server answers a Close with a Close, and then ends the connection")
def close_handshake(t: Trial) -> None:
    socket = t.open()
    socket.wire.send(close_frame(1000))
    found = socket.closing()
    t.check(found is not None and found.code == 1000, "a Close with 1000", found)
    t.check(socket.wire.ended(), "the end of the connection", "open")


_STOP = 4  # times the patience: servers may wait for clients before they close


async def _waits(call: Call) -> None:
    await call.accept()
    event = await call.receive()
    call.note("got", event["type"])


@case(
    "WS-CLOSE-19",
    SHOULD,
    "A stop closes open sockets with 1001 or 1012, and tells the application",
    app=_waits,
)
def stop_of_the_server(t: Trial) -> None:
    t.use(t.stage.shared("plain"))
    t.speaks_websocket()
    server = t.start()
    socket = t.open()
    server.ask_to_stop()
    socket.wire.patience_s *= _STOP
    found = socket.closing()
    came = found.code if found is not None else socket.wire.closed or "nothing"
    t.check(came in {1001, 1012}, "a Close with 1001 or 1012", came)
    t.equal(t.noted("got"), "websocket.disconnect")


async def _drains_late(call: Call) -> None:
    await call.accept()
    await call.signal("go")
    while (event := await call.receive())["type"] == "websocket.receive":
        call.note("text", event.get("text"))
    call.note("end", event["type"])


@case(
    "WS-CLOSE-20",
    MUST,
    "Messages that came before the Close are delivered before the disconnect",
    app=_drains_late,
    derived=True,
)
def messages_before_the_close(t: Trial) -> None:
    socket = t.open()
    messages = [frame(TEXT, b"%d" % number) for number in range(10)]
    socket.wire.send(b"".join(messages) + close_frame())
    time.sleep(t.pause_s / 3)
    t.signal("go")
    t.ended()
    t.equal(t.call().notes("text"), [str(number) for number in range(10)])


async def _closes_twice(call: Call) -> None:
    await call.accept()
    await call.send({"type": "websocket.close"})
    try:
        await call.send({"type": "websocket.send", "text": "x"})
        call.note("kind", "ignored")
    except OSError:
        call.note("kind", "OSError")
    except Exception as error:
        call.note("kind", type(error).__name__)


@case(
    "WS-CLOSE-22",
    SHOULD,
    "A message after the application's close is ignored, or raises OSError",
    app=_closes_twice,
    derived=True,
)
def message_after_close(t: Trial) -> None:
    socket = t.open()
    found = t.noted("kind")
    t.check(found in {"ignored", "OSError"}, "nothing, or an OSError", found)
    try:
        message = socket.message()
    except Wrong:
        return
    t.wrong("nothing after the Close", message)
