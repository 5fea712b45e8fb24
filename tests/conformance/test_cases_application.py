"""Each case about the application's call fails on a server that is wrong in just that."""

import asyncio
from typing import Any

import pytest

from penstock.conformance import server_probe
from tests.conformance.crooked import App, Crooked, Fault, unseen

pytestmark = pytest.mark.slow
ELSEWHERE = (
    "positional_arguments",
    "an_instance",
    "a_bound_method",
    "a_partial",
    "legacy_function",
    "legacy_class",
)


async def _twice(app: App, scope: Any, receive: Any, send: Any) -> None:
    """Each request is two calls."""
    await app(scope, receive, send)

    async def nothing(_: Any = None) -> Any:
        return {"type": "http.disconnect"}

    await app(dict(scope), nothing, nothing)


async def _plain_receive(app: App, scope: Any, receive: Any, send: Any) -> None:
    """receive() returns no awaitable of a dict."""

    async def items() -> Any:
        return list((await receive()).items())

    await app(scope, items, send)


class _Once:
    """Awaitable, but without __await__ of its own to see."""

    def __init__(self, send: Any) -> None:
        self._send = send

    def __call__(self, message: Any) -> Any:
        coroutine = self._send(message)
        return coroutine if message["type"].endswith("start") else _generator(coroutine)


def _generator(coroutine: Any) -> Any:
    return iter([coroutine])


async def _odd_send(app: App, scope: Any, receive: Any, send: Any) -> None:
    await app(scope, receive, _Once(send))


async def _other_loop(app: App, scope: Any, receive: Any, send: Any) -> None:
    """Each call has a loop of its own."""
    loop = asyncio.get_running_loop()

    async def over_there(coroutine: Any) -> Any:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop))

    async def remote_receive() -> Any:
        return await over_there(_coroutine(receive()))

    async def remote_send(message: Any) -> None:
        await over_there(_coroutine(send(message)))

    def run() -> None:
        asyncio.run(app(scope, remote_receive, remote_send))

    await asyncio.to_thread(run)


async def _coroutine(awaitable: Any) -> Any:
    return await awaitable


async def _without_task(app: App, scope: Any, receive: Any, send: Any) -> None:
    """Tasks of this application (others run on the same loop) are cancelled at once."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(0.002)
            for task in asyncio.all_tasks():
                if "_uses_asyncio.<locals>.child" in repr(task):
                    task.cancel()

    task = asyncio.create_task(watch())
    try:
        await app(scope, receive, send)
    finally:
        task.cancel()


async def _one_context(app: App, scope: Any, receive: Any, send: Any) -> None:
    """Context variables stay as they were set."""
    token = server_probe.variable.set(_kept[-1])
    await app(scope, receive, send)
    _kept.append(server_probe.variable.get())
    server_probe.variable.reset(token)


_kept = ["unset"]


async def _wants_none(app: App, scope: Any, receive: Any, send: Any) -> None:
    """A return value is a failure, which is told before the answer."""
    kept: list[Any] = []

    async def keep(message: Any) -> None:
        kept.append(message)

    if await app(scope, receive, keep) is not None:
        raise RuntimeError("on purpose")
    for each in kept:
        await send(each)


def _garbage(data: bytes) -> bytes:
    return data.replace(b"\0\0\0\0", b"abcd")


FAULTS = {
    "one_call_each": Fault(_twice),
    "a_call_for_each_request": Fault(_twice),
    "receive_is_awaitable": Fault(_plain_receive),
    "send_is_awaitable": Fault(_odd_send),
    "one_loop": Fault(_other_loop),
    "asyncio_works": Fault(_without_task),
    "context_variables": Fault(_one_context),
    "return_value": Fault(_wants_none),
    "cancelled_send": Fault(to_client=_garbage),
}


def test_each_case_passes_and_sees_its_fault(crooked: Crooked) -> None:
    assert unseen(crooked, "application", FAULTS, ELSEWHERE) == {}
