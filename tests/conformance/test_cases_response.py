"""Each case about responses fails on a server that is wrong in just that."""

import asyncio
from typing import Any

import pytest

from tests.conformance.crooked import (
    App,
    Crooked,
    Fault,
    lenient,
    replaced,
    sends,
    strict,
    unseen,
)

pytestmark = pytest.mark.slow
START, BODY = "http.response.start", "http.response.body"


async def _collecting(app: App, scope: Any, receive: Any, send: Any) -> None:
    """All bodies leave as one, at the end."""
    parts: list[bytes] = []

    async def collect(message: Any) -> None:
        if message["type"] == BODY:
            parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            message = {**message, "body": b"".join(parts)}
        await send(message)

    await app(scope, receive, collect)


async def _at_the_end(app: App, scope: Any, receive: Any, send: Any) -> None:
    """Nothing leaves before the application returns."""
    kept: list[Any] = []

    async def keep(message: Any) -> None:
        kept.append(message)

    await app(scope, receive, keep)
    for each in kept:
        await send(each)


async def _whole_body_first(app: App, scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(5)


async def _unbounded(app: App, scope: Any, receive: Any, send: Any) -> None:
    """send() never waits."""
    queue: asyncio.Queue[Any] = asyncio.Queue()

    async def keep(message: Any) -> None:
        queue.put_nowait(message)
        await asyncio.sleep(0)

    async def write() -> None:
        while True:
            await send({**(message := await queue.get()), "body": message.get("body", b"")[:9]})

    task = asyncio.create_task(write())
    await app(scope, receive, keep)
    task.cancel()


def _sorted(message: Any) -> list[Any]:
    return (
        [{**message, "headers": sorted(message["headers"])}] if "headers" in message else [message]
    )


def _reversed_parts(message: Any) -> list[Any]:
    return [{**message, "body": message["body"][::-1]}] if message.get("body") else [message]


FAULTS = {
    "statuses": replaced(b"499", b"400"),
    "headers_left_out": strict(KeyError, lambda m: m["type"] == START and "headers" not in m),
    "order_of_headers": sends(_sorted),
    "iterables_of_headers": sends(
        lambda m: (
            [{**m, "headers": m["headers"] if type(m["headers"]) is list else []}]
            if "headers" in m
            else [m]
        )
    ),
    "set_cookies": replaced(b"\r\nset-cookie: b", b", b"),
    "parts_are_flushed": Fault(_collecting),
    "defaults_of_the_body": sends(
        lambda m: [{**m, "more_body": True}] if m["type"] == BODY else [m]
    ),
    "parts_in_order": sends(_reversed_parts),
    "completed_while_running": Fault(_at_the_end),
    "nothing_after_the_end": replaced(b"done", b"donemore"),
    "ignored_after_the_end": strict(when=lambda m: m.get("body") == b"more"),
    "body_before_start": lenient(),
    "second_start": lenient(),
    "injected_headers": replaced(b"\r\ncontent-length: 2", b"\r\nx-b: 2\r\ncontent-length: 2"),
    "date_and_server_once": replaced(b"\r\nserver: mine", b"\r\nserver: mine\r\nserver: penstock"),
    "backpressure": Fault(_unbounded),
    "answer_before_the_body": Fault(_whole_body_first),
    "encoded_bodies": replaced(b"content-encoding: gzip", b"content-encoding: br"),
}


def test_each_case_passes_and_sees_its_fault(crooked: Crooked) -> None:
    assert unseen(crooked, "response", FAULTS) == {}
