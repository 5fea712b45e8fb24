"""The event loops that transport is tested on: asyncio's, and uvloop's where it is installed."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

NewLoop = Callable[[], asyncio.AbstractEventLoop]

NEW_LOOPS: list[Any] = [pytest.param(asyncio.new_event_loop, id="asyncio")]

try:
    import uvloop
except ImportError:
    pass
else:
    # libuv makes a pipe for signals with the first loop and keeps it as long as the process lives;
    # made here, it is no descriptor that some test left behind.
    uvloop.new_event_loop().close()
    NEW_LOOPS.append(pytest.param(uvloop.new_event_loop, id="uvloop"))

each_loop = pytest.mark.parametrize("new_loop", NEW_LOOPS)


def run_on(new_loop: NewLoop, main: Coroutine[Any, Any, None]) -> None:
    """Run `main` to its end on a loop of its own."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main)
