"""An event loop in a thread, with the application's lifespan."""

import asyncio
import subprocess
import sys
import threading
from typing import Any

import pytest

from penstock.bridge.loop_thread import LoopThread, Waiter
from penstock.errors import StartupError
from tests.bridge.calls import DEADLINE_S, run


async def no_lifespan(scope: Any, receive: Any, send: Any) -> None:
    raise KeyError


def test_it_starts_once_and_again_after_a_stop() -> None:
    thread = LoopThread(no_lifespan, "auto")
    thread.stop()
    first = thread.outbox()
    assert thread.outbox() is first
    thread.stop()
    assert first.loop.is_closed()
    assert thread.outbox() is not first
    thread.stop()
    thread.stop()


def test_a_failed_start_leaves_no_thread() -> None:
    thread = LoopThread(no_lifespan, "on")
    before = threading.active_count()
    with pytest.raises(StartupError, match="KeyError"):
        thread.outbox()
    assert threading.active_count() == before


@pytest.mark.parametrize("stays", [True, False])
def test_tasks_are_cancelled_when_it_stops(stays: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    thread = LoopThread(no_lifespan, "off")
    loop = thread.outbox().loop

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    def start() -> None:
        thread.runtime.start_task(endless(), None)

    thread.runtime.call_from_thread(start)
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(DEADLINE_S)
    assert len(thread.runtime.tasks) == 1
    thread.stop()
    assert ended.is_set()


def test_a_waiter_lets_its_task_go_on_whichever_way() -> None:
    async def main() -> None:
        waiter = Waiter()
        waiter.fire()
        waiter.fire()
        await waiter

    run(main())


def test_the_programs_end_runs_lifespan_shutdown() -> None:
    code = (
        "from penstock.bridge.loop_thread import LoopThread\n"
        "async def app(scope, receive, send):\n"
        "    for _ in range(2):\n"
        "        event = (await receive())['type']\n"
        "        print(event, flush=True)\n"
        "        await send({'type': event + '.complete'})\n"
        "thread = LoopThread(app, 'on')\n"
        "thread.outbox()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE_S, check=True
    )
    assert (ended.stdout, ended.stderr) == ("lifespan.startup\nlifespan.shutdown\n", "")
