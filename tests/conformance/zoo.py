"""Broken applications, one for each fault that the checks must find; `ZOO` says which rule each breaks."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

App = Callable[[Any, Any, Any], Awaitable[Any]]
ZOO: dict[str, tuple[App, str]] = {}

START = {"type": "http.response.start", "status": 200, "headers": []}
END = {"type": "http.response.body", "body": b"ok"}


def breaks(rule: str) -> Callable[[App], App]:
    """Enter an application under its name, which is what it does wrong."""

    def enter(app: App) -> App:
        ZOO[app.__name__] = (app, rule)  # type: ignore[attr-defined]
        return app

    return enter


def http(*messages: Any) -> App:
    """An application that reads its request and sends `messages`."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        refuse(scope)
        await body_of(receive)
        for message in messages:
            await send(message)

    return app


def refuse(scope: Any, *kinds: str) -> None:
    if scope["type"] not in (kinds or ("http",)):
        raise RuntimeError(f"no {scope['type']} here")


async def body_of(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise OSError("gone")
        body += event.get("body", b"")
        more = event.get("more_body", False)
    return body


def start(**more: Any) -> dict[str, Any]:
    return {**START, **more}


SENDERS = {
    "no_response": ("HTTP-RESP-01", []),
    "only_a_start": ("HTTP-RESP-01", [START]),
    "no_last_body": ("HTTP-RESP-01", [START, {**END, "more_body": True}]),
    "body_before_start": ("HTTP-RESP-01", [END]),
    "two_starts": ("HTTP-RESP-20", [START, START, END]),
    "after_the_end": ("HTTP-RESP-31", [START, END, END]),
    "status_as_text": ("HTTP-RESP-02", [start(status="200"), END]),
    "no_status": ("HTTP-RESP-02", [{"type": "http.response.start"}, END]),
    "status_100": ("HTTP-RESP-02", [start(status=100), END]),
    "body_as_text": ("HTTP-RESP-32", [START, {**END, "body": "ok"}]),
    "bytearray_body": ("MSG-09", [START, {**END, "body": bytearray(b"ok")}]),
    "more_body_as_number": ("MSG-14", [START, {**END, "more_body": 0}]),
    "headers_as_dict": ("HTTP-RESP-08", [start(headers={b"a": b"1"}), END]),
    "headers_as_text": ("MSG-09", [start(headers=[("a", "1")]), END]),
    "header_without_value": ("MSG-09", [start(headers=[(b"a",)]), END]),
    "upper_case": ("HTTP-RESP-04", [start(headers=[(b"X-A", b"1")]), END]),
    "pseudo_header": ("HTTP-RESP-05", [start(headers=[(b":status", b"200")]), END]),
    "line_in_header": ("HTTP-RESP-26", [start(headers=[(b"a", b"1\r\nb: 2")]), END]),
    "blank_in_name": ("HTTP-RESP-26", [start(headers=[(b"a b", b"1")]), END]),
    "own_framing": ("HTTP-RESP-36", [start(headers=[(b"transfer-encoding", b"chunked")]), END]),
    "length_too_long": ("HTTP-RESP-32", [start(headers=[(b"content-length", b"9")]), END]),
    "length_too_short": ("HTTP-RESP-32", [start(headers=[(b"content-length", b"1")]), END]),
    "length_no_number": ("HTTP-RESP-32", [start(headers=[(b"content-length", b"two")]), END]),
    "content_in_204": ("HTTP-RESP-23", [start(status=204), END]),
    "unknown_message": ("MSG-02", [START, {"type": "http.response.end"}, END]),
    "other_protocol": ("MSG-02", [START, {"type": "websocket.send", "text": "x"}, END]),
    "no_type": ("MSG-01", [START, {"body": b"x"}, END]),
    "no_dict": ("MSG-01", [START, b"x", END]),
    "key_no_text": ("MSG-03", [START, {**END, 1: 2}]),
    "object_in_message": ("MSG-04", [START, {**END, "x": object()}]),
    "number_too_large": ("MSG-05", [START, {**END, "x": 1 << 63}]),
    "not_a_number": ("MSG-06", [START, {**END, "x": [float("nan")]}]),
    "nested_key": ("MSG-07", [START, {**END, "x": {"a": {1: 2}}}]),
    "trailers_unasked": (
        "SCOPE-12", [START, END, {"type": "http.response.trailers", "headers": []}],
    ),
    "path_unasked": ("SCOPE-12", [START, {"type": "http.response.pathsend", "path": "/etc/hosts"}]),
    "debug_unasked": ("SCOPE-12", [{"type": "http.response.debug", "info": {}}, START, END]),
    "hint_unasked": ("SCOPE-12", [{"type": "http.response.early_hint", "links": []}, START, END]),
    "push_unasked": (
        "SCOPE-12", [START, {"type": "http.response.push", "path": "/x", "headers": []}, END],
    ),
}  # fmt: skip
ZOO |= {name: (http(*messages), rule) for name, (rule, messages) in SENDERS.items()}


# -------------------------------------------------------------------------------- how it receives


@breaks("HTTP-REQ-08")
async def reads_one_event(scope: Any, receive: Any, send: Any) -> None:
    refuse(scope)
    event = await receive()
    await send(START)
    await send({**END, "body": event.get("body", b"")})


@breaks("HTTP-REQ-08")
async def stops_at_an_empty_part(scope: Any, receive: Any, send: Any) -> None:
    refuse(scope)
    body = b""
    while part := (await receive()).get("body", b""):
        body += part
    await send(START)
    await send({**END, "body": body})


@breaks("HTTP-REQ-09")
async def answers_unasked(scope: Any, receive: Any, send: Any) -> None:
    refuse(scope)
    await send(START)
    await send(END)


@breaks("HTTP-REQ-10")
async def needs_the_keys(scope: Any, receive: Any, send: Any) -> None:
    refuse(scope)
    event = await receive()
    while event["type"] == "http.request" and event["more_body"]:
        event = await receive()
    await send(START)
    await send(END)


@breaks("HTTP-REQ-11")
async def waits_for_a_body_for_ever(scope: Any, receive: Any, send: Any) -> None:
    refuse(scope)
    while (await receive()).get("more_body", True):
        pass
    await send(START)
    await send(END)


@breaks("HTTP-DISC-13")
async def asks_without_end(scope: Any, receive: Any, send: Any) -> None:
    refuse(scope)
    await body_of(receive)
    await send(START)
    await send(END)
    while True:
        await receive()


@breaks("HTTP-DISC-09")
async def sends_whatever_happens(scope: Any, receive: Any, send: Any) -> None:
    refuse(scope)
    await body_of(receive)
    await send(START)
    while True:
        try:
            await send({**END, "more_body": True})
        except OSError:
            await asyncio.sleep(0)


@breaks("HTTP-DISC-13")
async def streams_without_listening(scope: Any, receive: Any, send: Any) -> None:
    refuse(scope)
    await body_of(receive)
    await send(START)
    while True:
        await send({**END, "more_body": True})
        await asyncio.sleep(0.001)


@breaks("APP-13")
async def will_not_be_cancelled(scope: Any, receive: Any, send: Any) -> None:
    refuse(scope)
    try:
        await body_of(receive)
    except asyncio.CancelledError:
        await asyncio.sleep(3600)
    await send(START)
    await send(END)


# ------------------------------------------------------------------------------- what it is given


@breaks("APP-14")
async def serves_anything(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await body_of(receive)
        await send(START)
        await send(END)


@breaks("APP-05")
async def own_names(s: Any, r: Any, w: Any) -> None:
    refuse(s)
    await body_of(r)
    await w(START)
    await w(END)


@breaks("APP-11")
async def blocks(scope: Any, receive: Any, send: Any) -> None:
    refuse(scope)
    await body_of(receive)
    time.sleep(0.3)
    await send(START)
    await send(END)


shared = b""


@breaks("APP-10")
async def shares_its_body(scope: Any, receive: Any, send: Any) -> None:
    global shared
    refuse(scope)
    shared = b""
    more = True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            return
        shared += event.get("body", b"")
        more = event.get("more_body", False)
    await send(START)
    await send({**END, "body": shared})


def demanding(rule: str, name: str, look: Callable[[Any], Any]) -> None:
    """An application that fails of a scope that `look` fails of."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        refuse(scope)
        look(scope)
        await body_of(receive)
        await send(START)
        await send({**END, "body": str(look(scope)).encode()})

    ZOO[name] = (app, rule)


def _only_known(scope: Any) -> None:
    known = {
        "type", "asgi", "http_version", "method", "path", "raw_path", "query_string", "root_path",
        "headers", "client", "server", "scheme", "extensions", "state",
    }  # fmt: skip
    if set(scope) - known:
        raise ValueError("what is that?")


demanding("MSG-12", "refuses_unknown_keys", _only_known)
demanding("SCOPE-04", "needs_the_version", lambda scope: scope["asgi"]["version"])
demanding("SCOPE-15", "needs_a_client", lambda scope: scope["client"][0])
demanding("SCOPE-15", "needs_the_scheme", lambda scope: scope["scheme"])
demanding("SCOPE-16", "needs_tuples", lambda scope: len(set(scope["headers"])))
demanding("SCOPE-16", "needs_lists", lambda scope: len(scope["headers"] + []))
demanding("SCOPE-09", "needs_extensions", lambda scope: "x" in scope.get("extensions", {}))
demanding("HTTP-HDR-02", "needs_lower_case", lambda scope: dict(scope["headers"])[b"host"])
demanding("HTTP-HDR-09", "takes_one_cookie", lambda scope: dict(scope["headers"]).get(b"cookie"))
demanding(
    "HTTP-HDR-05", "needs_ascii", lambda scope: [v.decode("ascii") for _, v in scope["headers"]]
)
demanding("HTTP-SCOPE-18", "needs_a_port", lambda scope: 1 + (scope.get("server") or ("", 80))[1])
demanding("TLS-13", "needs_a_cipher", lambda scope: _cipher(scope))
demanding("HTTP-SCOPE-03", "knows_one_version", lambda scope: {"1.1": 1}[scope["http_version"]])


def _cipher(scope: Any) -> int:
    tls = (scope.get("extensions") or {}).get("tls")
    return tls["cipher_suite"] + 0 if tls else 0


@breaks("HTTP-RESP-33")
async def empty_for_head(scope: Any, receive: Any, send: Any) -> None:
    refuse(scope)
    await body_of(receive)
    length = b"0" if scope["method"] == "HEAD" else b"2"
    await send(start(headers=[(b"content-length", length)]))
    await send({**END, "body": b"" if scope["method"] == "HEAD" else b"ok"})


@breaks("HTTP-RESP-01")
async def raises(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("on purpose")


@breaks("APP-19")
async def returns_something(scope: Any, receive: Any, send: Any) -> Any:
    refuse(scope)
    await body_of(receive)
    await send(START)
    await send(END)
    return "done"


def extended(rule: str, name: str, extension: str, *messages: Any) -> None:
    """An application that uses `extension` wrongly where it is offered."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        refuse(scope)
        await body_of(receive)
        if extension in (scope.get("extensions") or {}):
            for message in messages:
                await send(message)
        else:
            await send(START)
            await send(END)

    ZOO[name] = (app, rule)


TRAILERS = {"type": "http.response.trailers", "headers": [(b"a", b"1")]}
PATHSEND = {"type": "http.response.pathsend", "path": __file__}
DEBUG = {"type": "http.response.debug", "info": {}}
extended("TRAIL-02", "trailers_forgotten", "http.response.trailers", start(trailers=True), END)
extended("TRAIL-02", "trailers_unannounced", "http.response.trailers", START, END, TRAILERS)
extended("PATH-03", "path_and_body", "http.response.pathsend", START,
         {**END, "more_body": True}, PATHSEND)  # fmt: skip
extended("PATH-06", "relative_path", "http.response.pathsend", START, {**PATHSEND, "path": "x"})
extended("DEBUG-03", "debug_twice", "http.response.debug", DEBUG, DEBUG, START, END)
extended("ZCS-03", "no_real_file", "http.response.zerocopysend", START,
         {"type": "http.response.zerocopysend", "file": object()})  # fmt: skip
extended("HINT-07", "line_in_link", "http.response.early_hint",
         {"type": "http.response.early_hint", "links": [b"a\r\nb"]}, START, END)  # fmt: skip


# -------------------------------------------------------------------------------------- lifespan

LIFESPANS: dict[str, tuple[App, str]] = {}


def lifespan(rule: str, name: str) -> Callable[[App], App]:
    """An application whose lifespan is the function under this."""

    def enter(inner: App) -> App:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            refuse(scope, "http", "lifespan")
            if scope["type"] == "lifespan":
                await inner(scope, receive, send)
                return
            await body_of(receive)
            await send(START)
            await send(END)

        LIFESPANS[name] = (app, rule)
        return inner

    return enter


COMPLETE = {"type": "lifespan.startup.complete"}


@lifespan("LIFE-19", "startup_is_not_answered")
async def _silent(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await receive()


@lifespan("LIFE-20", "startup_is_answered_unasked")
async def _hasty(scope: Any, receive: Any, send: Any) -> None:
    await send(COMPLETE)
    await receive()
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


@lifespan("LIFE-19", "shutdown_is_not_answered")
async def _forgetful(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(COMPLETE)
    await receive()


@lifespan("LIFE-19", "startup_is_answered_twice")
async def _eager(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(COMPLETE)
    await send(COMPLETE)
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


@lifespan("LIFE-19", "wrong_answer")
async def _confused(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


@lifespan("LIFE-22", "fails_by_a_newer_message")
async def _modern(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    if "spec_version" not in scope["asgi"]:
        await send({"type": "lifespan.startup.failed"})
        return
    await send(COMPLETE)
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


@lifespan("LIFE-STATE-08", "needs_state")
async def _stateful(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    scope["state"]["x"] = 1
    await send(COMPLETE)
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


@lifespan("LIFE-21", "shutdown_raises")
async def _crashing(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(COMPLETE)
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
    raise RuntimeError("on purpose")


@lifespan("APP-13", "lifespan_will_not_be_cancelled")
async def _stubborn(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(COMPLETE)
    try:
        await receive()
    except asyncio.CancelledError:
        await asyncio.sleep(3600)
    await send({"type": "lifespan.shutdown.complete"})


# ------------------------------------------------------------------------------------- WebSockets

WEBSOCKETS: dict[str, tuple[App, str]] = {}
ACCEPT = {"type": "websocket.accept"}
CLOSE = {"type": "websocket.close"}
DENIAL = {"type": "websocket.http.response.start", "status": 401}


def websocket(rule: str, name: str, *messages: Any) -> None:
    """An application that sends `messages` when it is connected, then reads until the end."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        refuse(scope, "websocket")
        await receive()
        for message in messages:
            await send(message)
        while (await receive())["type"] != "websocket.disconnect":
            pass

    WEBSOCKETS[name] = (app, rule)


websocket("WS-HS-05", "sends_before_accept", {"type": "websocket.send", "text": "x"}, ACCEPT)
websocket("WS-HS-12", "accepts_twice", ACCEPT, ACCEPT)
websocket("WS-HS-08", "unoffered_subprotocol", {**ACCEPT, "subprotocol": "chat"})
websocket("WS-HS-10", "subprotocol_as_header",
          {**ACCEPT, "headers": [(b"sec-websocket-protocol", b"chat")]})  # fmt: skip
websocket(
    "WS-MSG-05", "both_in_one", ACCEPT, {"type": "websocket.send", "text": "x", "bytes": b"x"}
)
websocket("WS-MSG-05", "nothing_sent", ACCEPT, {"type": "websocket.send"})
websocket("MSG-09", "bytes_as_text", ACCEPT, {"type": "websocket.send", "text": b"x"})
websocket("WS-CLOSE-04", "code_1005", ACCEPT, {**CLOSE, "code": 1005})
websocket("WS-CLOSE-03", "long_reason", ACCEPT, {**CLOSE, "reason": "x" * 200})
websocket(
    "WS-CLOSE-22", "sends_after_close", ACCEPT, CLOSE, {"type": "websocket.send", "text": "x"}
)
websocket("WS-DENY-02", "denies_after_accept", ACCEPT, DENIAL)
websocket("WS-DENY-06", "accepts_after_denial", DENIAL, ACCEPT)
websocket("SCOPE-12", "denies_without_extension", DENIAL,
          {"type": "websocket.http.response.body"})  # fmt: skip


def in_websockets(rule: str) -> Callable[[App], App]:
    """Enter an application under its name."""

    def enter(app: App) -> App:
        WEBSOCKETS[app.__name__] = (app, rule)  # type: ignore[attr-defined]
        return app

    return enter


@in_websockets("APP-22")
async def accepts_unasked(scope: Any, receive: Any, send: Any) -> None:
    refuse(scope, "websocket")
    await send(ACCEPT)
    while (await receive())["type"] != "websocket.disconnect":
        pass


@in_websockets("WS-HS-05")
async def returns_without_an_answer(scope: Any, receive: Any, send: Any) -> None:
    refuse(scope, "websocket")
    await receive()


@in_websockets("WS-CLOSE-23")
async def never_ends(scope: Any, receive: Any, send: Any) -> None:
    refuse(scope, "websocket")
    await receive()
    await send(ACCEPT)
    while True:
        await receive()


@in_websockets("WS-CLOSE-24")
async def needs_a_reason(scope: Any, receive: Any, send: Any) -> None:
    refuse(scope, "websocket")
    await receive()
    await send(ACCEPT)
    while (event := await receive())["type"] != "websocket.disconnect":
        pass
    event["reason"].upper()


@in_websockets("WS-MSG-06")
async def looks_for_the_key(scope: Any, receive: Any, send: Any) -> None:
    refuse(scope, "websocket")
    await receive()
    await send(ACCEPT)
    while (event := await receive())["type"] != "websocket.disconnect":
        key = "bytes" if "bytes" in event else "text"
        await send({"type": "websocket.send", key: event[key]})


@in_websockets("APP-13")
async def websocket_will_not_be_cancelled(scope: Any, receive: Any, send: Any) -> None:
    refuse(scope, "websocket")
    await receive()
    await send(ACCEPT)
    try:
        while (await receive())["type"] != "websocket.disconnect":
            pass
    except asyncio.CancelledError:
        await asyncio.sleep(3600)


@in_websockets("SCOPE-15")
async def needs_subprotocols(scope: Any, receive: Any, send: Any) -> None:
    refuse(scope, "websocket")
    scope["subprotocols"]
    await receive()
    await send(ACCEPT)
    while (await receive())["type"] != "websocket.disconnect":
        pass


@in_websockets("WS-CLOSE-23")
async def pushes_whatever_happens(scope: Any, receive: Any, send: Any) -> None:
    refuse(scope, "websocket")
    await receive()
    await send(ACCEPT)
    while True:
        try:
            await send({"type": "websocket.send", "text": "x"})
        except OSError:
            await asyncio.sleep(0)
