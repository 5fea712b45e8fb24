"""The way from threads into an event loop: what they post is delivered there, and posts that come
while a wake-up is pending share it."""

import asyncio
import threading
from collections import deque
from typing import Any


class Outbox:
    """Of one event loop; made by `outbox_of`, on the loop's thread."""

    __slots__ = ("_posts", "_waking", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._posts: deque[Any] = deque()
        self._waking = False

    def post(self, item: Any) -> None:
        """Have `item.deliver()` called on the loop's thread soon; any thread may call this.

        Raises RuntimeError if the loop is closed: nothing is delivered then.
        """
        # The append comes before the look at the flag, and `_deliver` clears the flag before it
        # looks at the posts: so whatever finds the flag set will be seen by that run.
        self._posts.append(item)
        if not self._waking:
            self._waking = True
            try:
                self.loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:
                self._waking = False
                self._posts.clear()
                raise
        elif self.loop.is_closed():
            raise RuntimeError("the event loop is closed")

    def _deliver(self) -> None:
        self._waking = False
        posts = self._posts
        # Only what is there now: a thread that keeps posting must not keep the loop from turning.
        for _ in range(len(posts)):
            try:
                posts.popleft().deliver()
            except Exception as error:
                self.loop.call_exception_handler(
                    {"message": "Exception in what a thread posted", "exception": error}
                )
        if posts and not self._waking:
            self._waking = True
            self.loop.call_soon(self._deliver)


class _Last(threading.local):
    outbox: Outbox | None = None


_last = _Last()


def outbox_of(loop: asyncio.AbstractEventLoop) -> Outbox:
    """The way into `loop`, which runs on this thread."""
    outbox = _last.outbox
    if outbox is None or outbox.loop is not loop:
        outbox = _last.outbox = Outbox(loop)
    return outbox
