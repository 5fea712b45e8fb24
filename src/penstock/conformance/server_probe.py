"""The probe: an ASGI application that any server can load, and that does what each case wants.

This file is copied beside the server under test and imported there, maybe by another Python without
Penstock: it uses the standard library only. A case names itself in the request's `x-probe` header (or
`probe=` in the query); what the application then does stands as Python source in `<case>.py` beside
the probe, and all that happens is appended to `<case>.jsonl`, with its Python types. So what is reported
does not depend on the connection under test.
"""

import asyncio
import contextvars
import functools
import hashlib
import inspect
import json
import os
import re
import threading
import time
from collections.abc import Callable
from typing import Any

# Where the cases' files are; a server that runs in the same process may set it
folder = os.path.dirname(os.path.abspath(__file__))

_WHOLE_MAX = 2048  # bytes of a value that are reported; of longer ones the digest tells enough
_SAFE = re.compile(r"[A-Za-z0-9~-]+")
_LOOK_S = 0.005  # how often a signal is looked for
_PLAIN: dict[type, Any] = {int: int, str: str, bytes: bytes}
_numbers: dict[str, int] = {}
_behaviours: dict[str, Any] = {}
_serial = 0
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
shared: dict[str, Any] = {}  # what calls leave for each other, in one worker


def encode(value: Any) -> Any:
    """`value` as JSON that keeps Python's types: what JSON has no form for becomes [type, value]."""
    kind = type(value)
    if value is None or kind in {bool, int, float, str}:
        return value
    if kind is bytes:
        if len(value) <= _WHOLE_MAX:
            return ["bytes", value.decode("latin-1")]
        digest = hashlib.sha256(value).hexdigest()
        return ["long", len(value), digest, value[:64].decode("latin-1")]
    if kind is list:
        return ["list", [encode(each) for each in value]]
    if kind is tuple:
        return ["tuple", [encode(each) for each in value]]
    if kind is dict:
        return ["dict", [[encode(key), encode(each)] for key, each in value.items()]]
    items = None
    if hasattr(value, "__iter__") and not isinstance(value, (str, bytes, bytearray, memoryview)):
        items = [encode(each) for each in value]
    bases = [base.__name__ for base in kind.__mro__]
    plain = next((_PLAIN[base](value) for base in _PLAIN if isinstance(value, base)), None)
    return ["other", bases, repr(value)[:200], items, encode(plain)]


class Call:
    """One call of the application. `number` counts the calls of a case in this process, from 0."""

    def __init__(self, name: str, scope: Any, receive: Any, send: Any) -> None:
        global _serial
        _serial += 1
        self.name = name
        self.scope = scope
        self.raw_receive = receive
        self.raw_send = send
        self.number = _numbers.get(name, 0)
        self.key = f"{os.getpid()}.{_serial}"
        self.quiet = False  # whether receive and send go unreported
        _numbers[name] = self.number + 1

    def report(self, kind: str, **facts: Any) -> None:
        """Append a line to the case's report."""
        line = {"call": self.key, "kind": kind, "at": time.monotonic(), **facts}
        path = os.path.join(folder, f"{self.name}.jsonl")
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, json.dumps(line).encode() + b"\n")
        finally:
            os.close(descriptor)

    def note(self, name: str, value: Any = None) -> None:
        """Report something that only the application sees."""
        self.report("note", name=name, value=encode(value))

    async def receive(self) -> Any:
        """One event, reported."""
        try:
            event = await self.raw_receive()
        except BaseException as error:
            if not self.quiet:
                self.report("receive failed", error=_names(error), text=str(error))
            raise
        if not self.quiet:
            self.report("event", event=encode(event))
        return event

    async def soon(self, seconds: float = 1.0) -> Any:
        """One event, or None if none comes in `seconds`; the pending call is cancelled then."""
        try:
            return await asyncio.wait_for(self.receive(), seconds)
        except TimeoutError:
            self.note("no event", seconds)
            return None

    async def send(self, message: Any) -> None:
        """Send, report what became of it, and let exceptions through. When quiet: just send."""
        if self.quiet:
            await self.raw_send(message)
            return
        shown = encode(message)
        try:
            await self.raw_send(message)
        except BaseException as error:
            self.report("send failed", message=shown, error=_names(error), text=str(error))
            raise
        self.report("sent", message=shown)

    async def attempt(self, message: Any) -> bool:
        """Send what may be refused; whether it was taken."""
        try:
            await self.send(message)
        except Exception:
            return False
        return True

    async def body(self) -> bytes:
        """The whole request body; stops at a disconnect."""
        parts = []
        while True:
            event = await self.receive()
            if event.get("type") != "http.request":
                break
            parts.append(event.get("body", b""))
            if not event.get("more_body", False):
                break
        return b"".join(parts)

    async def start(self, status: int = 200, headers: Any = ()) -> None:
        """Begin the response."""
        await self.send({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def part(self, body: bytes, more: bool = False) -> None:
        """A piece of the response's body, the last one unless `more`."""
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def answer(self, body: bytes = b"ok", status: int = 200, headers: Any = ()) -> None:
        """A whole response, with its length."""
        length = (b"content-length", str(len(body)).encode())
        await self.start(status, [length, *headers])
        await self.part(body)

    async def accept(self, **more: Any) -> None:
        """Take the event `websocket.connect`, and accept."""
        await self.receive()
        await self.send({"type": "websocket.accept", **more})

    async def echo(self) -> None:
        """Send back what comes until the socket is closed."""
        while True:
            event = await self.receive()
            if event["type"] != "websocket.receive":
                return
            key = "text" if event.get("text") is not None else "bytes"
            await self.send({"type": "websocket.send", key: event[key]})

    def signalled(self, name: str) -> bool:
        """Whether the case has given the signal."""
        return os.path.exists(os.path.join(folder, f"{self.name}.{name}"))

    async def signal(self, name: str, seconds: float = 10.0) -> None:
        """Wait until the case gives the signal, or for `seconds`."""
        ends = time.monotonic() + seconds
        while not self.signalled(name) and time.monotonic() < ends:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)  # files have no event


def _names(error: BaseException) -> list[str]:
    return [base.__name__ for base in type(error).__mro__]


async def _default(call: Call) -> None:
    """What is done where the case says nothing."""
    if call.scope["type"] == "lifespan":
        await startup(call)
        await shutdown(call)
    elif call.scope["type"] == "websocket":
        await call.accept()
        await call.echo()
    else:
        await call.body()
        await call.answer()


async def startup(call: Call) -> None:
    """Lifespan: the start, as it should be."""
    await call.receive()
    await call.send({"type": "lifespan.startup.complete"})


async def shutdown(call: Call) -> None:
    """Lifespan: the end, as it should be."""
    await call.receive()
    await call.send({"type": "lifespan.shutdown.complete"})


def _named(scope: Any) -> str:
    if scope.get("type") == "lifespan":
        return "lifespan"
    for name, value in scope.get("headers", ()):
        if bytes(name).lower() == b"x-probe":
            text = bytes(value).decode("latin-1")
            return text if _SAFE.fullmatch(text) else "stray"
    found = re.search(rb"probe=([A-Za-z0-9~-]+)", bytes(scope.get("query_string") or b""))
    return found[1].decode() if found else "stray"


def behaviour(name: str) -> Any:
    """What the application does for the case `name`: the coroutine function in its file."""
    if name not in _behaviours:
        try:
            with open(os.path.join(folder, f"{name}.py"), encoding="utf-8") as file:
                source = file.read()
        except OSError:
            return _default
        names = dict(globals())
        exec(compile(source, f"{name}.py", "exec"), names)  # noqa: S102  # the suite's own source
        _behaviours[name] = names["behave"]
    return _behaviours[name]


async def app(scope: Any, receive: Any, send: Any) -> Any:
    """The application under the server."""
    return await _run(scope, receive, send, "positional")


async def renamed(a: Any, b: Any, c: Any) -> Any:
    """The application, with parameter names that nobody can guess."""
    return await _run(a, b, c, "positional")


class Instance:
    """The application as an object, and as a bound method of one."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """The application."""
        return await _run(scope, receive, send, "instance")

    async def method(self, scope: Any, receive: Any, send: Any) -> Any:
        """The application."""
        return await _run(scope, receive, send, "method")


instance = Instance()
method = Instance().method
partial = functools.partial(app)


def legacy(scope: Any) -> Callable[[Any, Any], Any]:
    """The application in ASGI 2's form: called with the scope, then awaited."""

    async def inner(receive: Any, send: Any) -> Any:
        return await _run(scope, receive, send, "legacy")

    return inner


class Legacy:
    """The same as a class."""

    def __init__(self, scope: Any) -> None:
        self.scope = scope

    async def __call__(self, receive: Any, send: Any) -> Any:
        """The second call."""
        return await _run(self.scope, receive, send, "legacy class")


async def _run(scope: Any, receive: Any, send: Any, style: str) -> Any:
    call = Call(_named(scope), scope, receive, send)
    call.report(
        "scope",
        scope=encode(scope),
        again=encode(list(scope.get("headers", ()))),
        loop=f"{os.getpid()}.{threading.get_ident()}.{id(asyncio.get_running_loop())}",
        identity=id(scope),
        pid=os.getpid(),
        style=style,
        awaitable=[inspect.iscoroutinefunction(receive), callable(receive), callable(send)],
    )
    try:
        result = await behaviour(call.name)(call)
    except BaseException as error:
        call.report("end", how="raised", error=_names(error), text=str(error)[:300])
        raise
    call.report("end", how="returned", error=[], text="")
    return result
