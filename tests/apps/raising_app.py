"""Applications that raise, or break the rules, at a moment that the request names."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.apps.common import say

START = {"type": "http.response.start", "status": 200, "headers": [(b"x-part", b"head")]}


class Purpose(Exception):
    """What is raised."""


class Deeper(BaseException):
    """What no `except Exception` catches."""


def purpose() -> BaseException:
    return Purpose("on purpose")


def recursion(depth: int = 0) -> int:
    return recursion(depth + 1) + 1


def start(length: int | None = None) -> dict[str, Any]:
    headers = [(b"content-length", b"%d" % length)] if length is not None else []
    return {"type": "http.response.start", "status": 200, "headers": headers}


def body(data: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


# ------------------------------------------------------------------------------------ ASGI, HTTP


async def at_the_call(receive: Any, send: Any) -> None:
    raise purpose()


async def after_a_wait(receive: Any, send: Any) -> None:
    await asyncio.sleep(0.001)
    raise purpose()


async def after_the_body(receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    raise purpose()


async def after_the_head(receive: Any, send: Any) -> None:
    await send(start())
    raise purpose()


async def long_after_the_head(receive: Any, send: Any) -> None:
    await send(start())
    await asyncio.sleep(0.05)  # longer than a head waits for its body
    raise purpose()


async def in_the_body(receive: Any, send: Any) -> None:
    await send(start())
    await send(body(b"part", more=True))
    raise purpose()


async def in_a_body_of_known_length(receive: Any, send: Any) -> None:
    await send(start(8))
    await send(body(b"part", more=True))
    raise purpose()


async def after_the_end(receive: Any, send: Any) -> None:
    await send(start(5))
    await send(body(b"whole"))
    raise purpose()


async def long_after_the_end(receive: Any, send: Any) -> None:
    await send(start(5))
    await send(body(b"whole"))
    await asyncio.sleep(0.02)
    raise purpose()


async def without_an_answer(receive: Any, send: Any) -> None:
    await receive()


async def with_a_head_only(receive: Any, send: Any) -> None:
    await send(start())


async def with_too_little(receive: Any, send: Any) -> None:
    await send(start(8))
    await send(body(b"part"))


async def with_too_much(receive: Any, send: Any) -> None:
    await send(start(2))
    await send(body(b"part"))


async def body_before_head(receive: Any, send: Any) -> None:
    await send(body(b"part"))


async def two_heads(receive: Any, send: Any) -> None:
    await send(start())
    await send(body(b"part", more=True))
    await send(start())


async def an_unknown_message(receive: Any, send: Any) -> None:
    await send({"type": "http.response.nonsense"})


async def no_message_at_all(receive: Any, send: Any) -> None:
    await send(None)


async def a_text_as_body(receive: Any, send: Any) -> None:
    await send(start())
    await send({"type": "http.response.body", "body": "text"})


async def a_header_of_two_lines(receive: Any, send: Any) -> None:
    await send({**START, "headers": [(b"x-part", b"a\r\nset-cookie: b=c")]})
    await send(body(b"never"))


async def no_status(receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "headers": []})


async def a_status_of_text(receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": "200", "headers": []})


async def system_exit(receive: Any, send: Any) -> None:
    sys.exit("on purpose")


async def keyboard_interrupt(receive: Any, send: Any) -> None:
    raise KeyboardInterrupt("on purpose")


async def cancelled(receive: Any, send: Any) -> None:
    raise asyncio.CancelledError("on purpose")


async def generator_exit(receive: Any, send: Any) -> None:
    raise GeneratorExit("on purpose")


async def stop_iteration(receive: Any, send: Any) -> None:
    raise StopIteration("on purpose")


async def stop_async_iteration(receive: Any, send: Any) -> None:
    raise StopAsyncIteration("on purpose")


async def base_exception(receive: Any, send: Any) -> None:
    raise Deeper("on purpose")


async def a_group(receive: Any, send: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(at_the_call(receive, send))
        group.create_task(after_a_wait(receive, send))


async def too_deep(receive: Any, send: Any) -> None:
    recursion()


async def no_memory(receive: Any, send: Any) -> None:
    raise MemoryError("on purpose")


async def unspeakable(receive: Any, send: Any) -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise Purpose("on purpose")

        __repr__ = __str__

    raise Unspeakable


async def broken_pipe(receive: Any, send: Any) -> None:
    raise BrokenPipeError("on purpose")  # of a database, say: the client is there


async def a_task_of_its_own(receive: Any, send: Any) -> None:
    async def other() -> None:
        raise purpose()

    task = asyncio.create_task(other())
    await send(start(5))
    await send(body(b"whole"))
    await asyncio.gather(task, return_exceptions=True)


# ------------------------------------------------------------------------------- ASGI, WebSocket


async def websocket_at_the_call(receive: Any, send: Any) -> None:
    raise purpose()


async def websocket_after_connect(receive: Any, send: Any) -> None:
    await receive()
    raise purpose()


async def websocket_without_an_answer(receive: Any, send: Any) -> None:
    await receive()


async def websocket_send_before_accept(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.send", "text": "too early"})


async def websocket_after_accept(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    raise purpose()


async def websocket_after_a_message(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "hello"})
    await receive()
    raise purpose()


async def websocket_a_message_of_both(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "a", "bytes": b"b"})


async def websocket_returns(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})


async def websocket_after_close(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 4000, "reason": "done"})
    raise purpose()


async def websocket_system_exit(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    sys.exit("on purpose")


async def good(receive: Any, send: Any) -> None:
    await send(start(4))
    await send(body(b"good"))


async def held(receive: Any, send: Any) -> None:
    """A response that runs while others fail."""
    await send(start())
    await send(body(b"first ", more=True))
    while (await receive())["type"] == "http.request":
        pass


async def lifespan(receive: Any, send: Any) -> None:
    moment = os.environ.get("TRIAL_LIFESPAN", "")
    if moment == "at the call":
        raise purpose()
    await receive()
    if moment == "startup":
        raise purpose()
    if moment == "startup failed":
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        return
    if moment == "startup exit":
        sys.exit("no database")
    await send({"type": "lifespan.startup.complete"})
    if moment == "serving":
        await asyncio.sleep(0)
        raise purpose()
    await receive()
    if moment == "shutdown":
        raise purpose()
    if moment == "shutdown failed":
        await send({"type": "lifespan.shutdown.failed", "message": "cannot close"})
        return
    await send({"type": "lifespan.shutdown.complete"})


def app(scope: Any, receive: Any, send: Any) -> Any:
    """No coroutine function, so that it can raise, or return what it must not, before there is a coroutine."""
    if scope["type"] == "lifespan":
        return lifespan(receive, send)
    moment = scope["path"][1:]
    if moment == "before_the_coroutine":
        raise purpose()
    if moment == "no_coroutine":
        return None
    return globals()[moment](receive, send)


# ----------------------------------------------------------------------------------------- WSGI

StartResponse = Callable[..., Callable[[bytes], object]]
OK = "200 OK"


def wsgi_at_the_call(start_response: StartResponse) -> Iterable[bytes]:
    raise purpose()


def wsgi_after_start_response(start_response: StartResponse) -> Iterable[bytes]:
    start_response(OK, [])
    raise purpose()


def wsgi_at_the_first_block(start_response: StartResponse) -> Iterator[bytes]:
    start_response(OK, [])
    if start_response:
        raise purpose()
    yield b"never"


def wsgi_in_the_body(start_response: StartResponse) -> Iterator[bytes]:
    start_response(OK, [])
    yield b"part"
    raise purpose()


def wsgi_after_write(start_response: StartResponse) -> Iterable[bytes]:
    write = start_response(OK, [])
    write(b"part")
    raise purpose()


def wsgi_without_start_response(start_response: StartResponse) -> Iterable[bytes]:
    return [b"never"]


def wsgi_returns_none(start_response: StartResponse) -> Any:
    start_response(OK, [])


def wsgi_text(start_response: StartResponse) -> Any:
    start_response(OK, [])
    return ["text"]


def wsgi_bad_status(start_response: StartResponse) -> Iterable[bytes]:
    start_response("fine", [])
    return [b"never"]


def wsgi_bad_header(start_response: StartResponse) -> Iterable[bytes]:
    start_response(OK, [("X-Part", "a\r\nSet-Cookie: b=c")])
    return [b"never"]


def wsgi_too_little(start_response: StartResponse) -> Iterable[bytes]:
    start_response(OK, [("Content-Length", "8")])
    return [b"part"]


def wsgi_system_exit(start_response: StartResponse) -> Iterable[bytes]:
    sys.exit("on purpose")


def wsgi_exc_info(start_response: StartResponse) -> Iterable[bytes]:
    """The one right way to change one's mind (PEP 3333)."""
    start_response(OK, [])
    try:
        raise purpose()
    except Purpose:
        start_response("503 Service Unavailable", [], sys.exc_info())
    return [b"sorry"]


class Closing:
    """An iterable whose `close` raises."""

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"whole"])

    def close(self) -> None:
        say("close called")
        raise purpose()


def wsgi_in_close(start_response: StartResponse) -> Iterable[bytes]:
    start_response(OK, [("Content-Length", "5")])
    return Closing()


def wsgi_good(start_response: StartResponse) -> Iterable[bytes]:
    start_response(OK, [("Content-Length", "4")])
    return [b"good"]


def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    answer: Iterable[bytes] = globals()["wsgi_" + environ["PATH_INFO"][1:]](start_response)
    return answer
