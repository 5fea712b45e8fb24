"""Each case about failures fails on a server that is wrong in just that."""

import asyncio
from typing import Any

import pytest

from tests.conformance.crooked import App, Crooked, Fault, replaced, strict, unseen

pytestmark = pytest.mark.slow
ELSEWHERE = ("cancelled_error", "system_exit", "graceful_stop")


async def _patient(app: App, scope: Any, receive: Any, send: Any) -> None:
    """A failure is noticed late."""
    try:
        await app(scope, receive, send)
    except Exception:
        await asyncio.sleep(0.7)
        raise


async def _again(app: App, scope: Any, receive: Any, send: Any) -> None:
    """What failed is called again."""
    try:
        await app(scope, receive, send)
    except Exception:
        await app(scope, receive, send)


async def _forgiving(app: App, scope: Any, receive: Any, send: Any) -> None:
    """What stops in the middle is finished."""
    try:
        await app(scope, receive, send)
    except Exception:
        pass
    await send({"type": "http.response.body"})


async def _pleased(app: App, scope: Any, receive: Any, send: Any) -> None:
    """An end without an answer is a 200."""
    await app(scope, receive, send)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body"})


_lock: dict[Any, asyncio.Lock] = {}


async def _one_at_a_time(app: App, scope: Any, receive: Any, send: Any) -> None:
    async with _lock.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        await app(scope, receive, send)


FAULTS = {
    "failure_before_start": replaced(b"500 ", b"200 "),
    "failure_ends_the_call": Fault(_again),
    "failure_is_noticed_at_once": Fault(_patient),
    "failure_of_a_head": Fault(to_client=lambda d: d + b"Internal Server Error"),
    "no_answer": Fault(_pleased),
    "only_a_start": Fault(_forgiving),
    "broken_off": Fault(_forgiving),
    "failure_afterwards": Fault(cut=True, to_client=lambda d: d[:-1]),
    "failures_are_alone": strict(when=lambda m: m["type"] == "http.response.body"),
    "calls_are_independent": Fault(_one_at_a_time),
}


def test_each_case_passes_and_sees_its_fault(crooked: Crooked) -> None:
    assert unseen(crooked, "errors", FAULTS, ELSEWHERE) == {}
