"""The way from threads into an event loop: what they post is delivered there, and posts that come
while a wake-up is pending share it.

On Linux asyncio's own loops are woken by an eventfd, which costs one call of the system on each side.
`call_soon_threadsafe`, the way into all others, costs three, and each may give up the interpreter to the
thread that waits for it.
"""

import asyncio
import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any

_EVENTFD = hasattr(os, "eventfd")
_ONE = (1).to_bytes(8, sys.byteorder)  # what a ring adds to the eventfd's number


def _none() -> None:
    return None


class _Bell:
    """The eventfd of one loop. Only the loop's selector keeps it, and lets go of it when the loop is closed.
    Who uses it holds it meanwhile, so that nobody can write to a descriptor that is another's by then."""

    __slots__ = ("__weakref__", "_descriptor", "outbox")

    def __init__(self, outbox: "Outbox") -> None:
        self._descriptor = -1
        self.outbox = outbox
        self._descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def fileno(self) -> int:
        """The descriptor, for the selector."""
        return self._descriptor

    def ring(self) -> None:
        """Wake the loop; any thread may call this."""
        os.write(self._descriptor, _ONE)

    def silence(self) -> None:
        """Let the loop sleep again."""
        try:
            os.read(self._descriptor, 8)
        except BlockingIOError:  # a child after a fork did
            pass


class Outbox:
    """Of one event loop; made by `outbox_of`, on the loop's thread."""

    __slots__ = ("_bell", "_posts", "_waking", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._posts: deque[Any] = deque()
        self._waking = False
        self._bell: Callable[[], _Bell | None] = _none
        if _EVENTFD and isinstance(loop, asyncio.SelectorEventLoop):
            try:
                bell = _Bell(self)
            except OSError:  # no descriptors are left: it goes without
                return
            self._bell = weakref.ref(bell)
            # The loop would keep the values of the caller's context as long as itself.
            Context().run(loop.add_reader, bell, self._heard)
            _bells[id(loop)] = bell

    def post(self, item: Any) -> None:
        """Have `item.deliver()` called on the loop's thread soon; any thread may call this.

        Raises RuntimeError if the loop is closed: nothing is delivered then.
        """
        # The append comes before the look at the flag, and `_deliver` clears the flag before it
        # looks at the posts: so whatever finds the flag set will be seen by that run.
        self._posts.append(item)
        if self._waking:
            if self.loop.is_closed():
                raise RuntimeError("the event loop is closed")
            return
        self._waking = True
        bell = self._bell()
        try:
            if bell is None or self.loop.is_closed():
                # This raises what is to be raised where the bell has gone with its loop.
                self.loop.call_soon_threadsafe(self._deliver)
            else:
                bell.ring()
        except RuntimeError:
            self._waking = False
            self._posts.clear()
            raise

    def _heard(self) -> None:
        # Silence comes before `_deliver` clears the flag: a ring for a later post stays.
        self._silence()
        self._deliver()

    def _silence(self) -> None:
        # Apart, since whoever keeps an exception of what is delivered keeps the callers' variables.
        bell = self._bell()
        if bell is not None:
            bell.silence()

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
# By the ids of their loops, for a thread that turns from one loop to another and back.
_bells: "weakref.WeakValueDictionary[int, _Bell]" = weakref.WeakValueDictionary()


def outbox_of(loop: asyncio.AbstractEventLoop) -> Outbox:
    """The way into `loop`, which runs on this thread."""
    outbox = _last.outbox
    if outbox is None or outbox.loop is not loop:
        bell = _bells.get(id(loop))
        outbox = None if bell is None else bell.outbox
        if outbox is None or outbox.loop is not loop:
            outbox = Outbox(loop)
        _last.outbox = outbox
    return outbox
