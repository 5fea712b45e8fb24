"""One call of an application, driven by hand: what it receives, when its client is gone, what it sent.

Everything else here is made of it. `Communicator` is the same with the names and habits of asgiref's
`ApplicationCommunicator`.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable
from typing import Any

from penstock.testing.callables import single
from penstock.testing.faults import ContractBroken, Fault, serious
from penstock.testing.validator import Validator

PATIENCE_S = 5.0
# How often a call is cancelled before it is given up: some code takes its own timeout for a cancellation
CANCELS_MAX = 5


class Disconnected(OSError):
    """What `send()` raises when the client is gone, as servers of spec_version 2.4 do (HTTP-DISC-06)."""


class Conversation:
    """A call `app(scope, receive, send)` in a task of its own.

    It starts with `start()`, or by itself when it is first talked to, in an empty context, so that it
    sees no context variable of the test's (TEST-02). With `strict`, which is the default, a fault raises
    ContractBroken out of the application's `send()`; `faults` has all that were found either way.
    `window` bounds how many messages wait to be read before `send()` waits; None: any number.
    """

    def __init__(
        self,
        app: Any,
        scope: dict[str, Any],
        *,
        strict: bool = True,
        window: int | None = None,
        by_keyword: bool = False,
    ) -> None:
        self.scope = scope
        self.validator = Validator(scope, refuses=strict)
        self.sends = 0  # calls of send(), those that raised included
        self.receives_after_end = 0  # events given that only repeat that the client is gone
        self.error: BaseException | None = None
        self.returned: Any = None
        self.cancelled = False
        self._app = single(app)
        self._strict = strict
        self._window = window
        self._by_keyword = by_keyword
        self._events: deque[dict[str, Any]] = deque()
        self._gone: dict[str, Any] | None = None
        self._send_raises = False
        self._held = False
        self._outputs: deque[Any] = deque()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._over = False
        self._ending = False  # it is being cancelled: what it still says is not judged

    # ------------------------------------------------------------------------ what the test does

    @property
    def faults(self) -> list[Fault]:
        """What the validator found so far."""
        return self.validator.faults

    @property
    def ended(self) -> bool:
        """Whether the call is over, however it ended."""
        return self._over

    def start(self) -> None:
        """Call the application, if it has not been called."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(
                self._call(), context=contextvars.Context()
            )

    def feed(self, *events: dict[str, Any]) -> None:
        """Queue events for `receive()`."""
        self._events.extend(events)
        self._notify()

    def disconnect(
        self, event: dict[str, Any] | None = None, *, send_raises: bool = True, now: bool = False
    ) -> None:
        """The client is gone: `receive()` says so after what is queued, then again and again.

        `send()` raises Disconnected from here on, or with `send_raises=False` does nothing, as servers of
        spec_version 2.3 and below have it. With `now` what is queued is lost.
        """
        if now:
            self._events.clear()
        if event is None:
            event = {"type": "http.disconnect"}
            if self.scope["type"] == "websocket":
                event = {"type": "websocket.disconnect", "code": 1006, "reason": ""}
        self._gone = event
        self._send_raises = send_raises
        if not send_raises:
            self._window = None
        self._notify()

    def hold(self) -> None:
        """From now on `send()` waits, as if the client had stopped reading."""
        self._held = True

    def release(self) -> None:
        """End `hold()`."""
        self._held = False
        self._notify()

    async def output(self, within_s: float | None = PATIENCE_S) -> dict[str, Any] | None:
        """The next message that the application sends; None when its call is over and there is none.

        Raises TimeoutError after `within_s` seconds. The call goes on.
        """
        self.start()
        await self._until(lambda: bool(self._outputs) or self.ended, within_s)
        if not self._outputs:
            return None
        message: dict[str, Any] = self._outputs.popleft()
        self._notify()
        return message

    async def over(self, within_s: float | None = PATIENCE_S) -> bool:
        """Wait until the call is over, at most `within_s` seconds; return whether it is."""
        self.start()
        try:
            await self._until(lambda: self.ended, within_s)
        except TimeoutError:
            return False
        return True

    async def cancel(self, within_s: float = PATIENCE_S) -> bool:
        """Cancel the call and wait for its end; return whether the first cancellation ended it.

        A call that goes on is cancelled a few times more, and then left alone.
        """
        if self._task is None or self._task.done():
            return True
        self._ending = True
        for attempt in range(CANCELS_MAX):
            self._task.cancel()
            await asyncio.wait([self._task], timeout=within_s if attempt == 0 else 0.05)
            if self._task.done():
                return attempt == 0
        return False

    def reraise(self) -> None:
        """Raise what the call raised, if it did."""
        if self.error is not None and not self.cancelled:
            raise self.error

    # ------------------------------------------------------------------- what the application sees

    async def _call(self) -> None:
        try:
            if self._by_keyword:
                awaitable = self._app(scope=self.scope, receive=self._receive, send=self._send)
            else:
                awaitable = self._app(self.scope, self._receive, self._send)
            self.returned = await awaitable
        except asyncio.CancelledError as error:
            self.cancelled, self.error = True, error
        except BaseException as error:  # SystemExit would leave through the loop
            self.error = error
        self.validator.end(self.error, self.returned)
        if self.error is None and self._strict and (found := serious(self.faults)):
            # Also what was raised before and caught
            self.error = ContractBroken(found)
        self._over = True
        self._notify()

    async def _receive(self) -> dict[str, Any]:
        while not self._events and self._gone is None and not self._responded():
            await self._wait()
        if self._events:
            event = dict(self._events.popleft())
        else:
            event = dict(self._gone or {"type": "http.disconnect"})
            self.receives_after_end += 1
            # An application that asks without end must not keep the loop from turning
            await asyncio.sleep(0)
        self.validator.event(event)
        return event

    def _responded(self) -> bool:
        """Whether the request is over by a complete response (HTTP-DISC-02)."""
        return self.scope["type"] == "http" and self.validator.complete

    async def _send(self, message: Any) -> None:
        self.sends += 1
        if self._ending:
            raise Disconnected("the call is being cancelled")
        forwarded, found = self.validator.message(message)
        if self._strict and (grave := serious(found)):
            raise ContractBroken(grave)
        while not self._lost() and (
            self._held or (self._window is not None and len(self._outputs) >= self._window)
        ):
            await self._wait()
        if self._lost():
            self.validator.lost()
            await asyncio.sleep(0)
            raise Disconnected("the client is gone")
        if self._gone is None:
            self._outputs.append(forwarded)
            self._closes(forwarded)
        self._notify()
        await asyncio.sleep(0)

    def _closes(self, message: Any) -> None:
        """A WebSocket that the application closed, or denied, is told so (WS-CLOSE-13, WS-DENY-09)."""
        if self.scope["type"] == "websocket" and self.validator.complete:
            code, reason = 1006, ""
            if message["type"] == "websocket.close":
                code, reason = message.get("code", 1000), message.get("reason") or ""
            self._events.clear()
            self._gone = {"type": "websocket.disconnect", "code": code, "reason": reason}

    def _lost(self) -> bool:
        return self._send_raises

    def _notify(self) -> None:
        """Wake all who wait; each looks for itself whether it was for them."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def _wait(self) -> None:
        await self._changed.wait()

    async def _until(self, holds: Callable[[], bool], within_s: float | None) -> None:
        async with asyncio.timeout(within_s):
            while not holds():
                await self._wait()


class Communicator(Conversation):
    """A Conversation with the methods of asgiref's `ApplicationCommunicator` (TEST-01 to TEST-06).

    Unlike there, messages are judged: `strict=True` raises ContractBroken in the application.
    """

    def __init__(self, app: Any, scope: dict[str, Any], *, strict: bool = False) -> None:
        super().__init__(app, scope, strict=strict)

    async def send_input(self, message: dict[str, Any]) -> None:
        """Give the application an event; if its call has failed already, raise what it raised."""
        self.start()
        await asyncio.sleep(0)
        if self.ended:
            self.reraise()
        self.feed(message)

    async def receive_output(self, timeout: float = 1) -> dict[str, Any]:  # noqa: ASYNC109
        """The next message. If there is none in time, raise what the application raised; else cancel
        it and raise TimeoutError."""
        try:
            message = await self.output(timeout)
        except TimeoutError:
            await self.cancel()
            raise
        if message is None:
            self.reraise()
            raise TimeoutError("the call is over, and there is no further message")
        return message

    async def receive_nothing(
        self,
        timeout: float = 0.1,  # noqa: ASYNC109
        interval: float = 0.01,
    ) -> bool:
        """Whether no message comes for `timeout` seconds; `interval` is accepted and not needed."""
        self.start()
        try:
            await self._until(lambda: bool(self._outputs) or self._over, timeout)
        except TimeoutError:
            return True
        return not self._outputs

    async def wait(self, timeout: float = 1) -> None:  # noqa: ASYNC109
        """Wait for the end of the call and raise what it raised; after `timeout` it is cancelled."""
        if not await self.over(timeout):
            await self.cancel()
            return
        self.reraise()

    def stop(self, *, exceptions: bool = True) -> None:
        """Cancel the call without waiting; with `exceptions` raise what it had raised."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
        elif exceptions:
            self.reraise()
