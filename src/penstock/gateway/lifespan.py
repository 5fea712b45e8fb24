"""The lifespan conversation: the application starts before the first request and stops after the
last (LIFE-01 ff.).

A state machine as data; waiting with a deadline is the caller's, which has a clock.
"""

from textwrap import indent
from typing import Any

from penstock.asgi import ASGI_VERSION, LIFESPAN_SPEC_VERSION
from penstock.errors import MessageError, StartupError

# States
CALLED = 0  # the application runs and has not asked for its first event
STARTING = 1  # it has lifespan.startup
SERVING = 2  # it said startup.complete
STOPPING = 3  # the server wants it to stop; lifespan.shutdown is there to be received
SHUTDOWN = 4  # it has lifespan.shutdown
STOPPED = 5  # it said shutdown.complete, or returned while or before stopping
FAILED = 6  # it said startup.failed, and stays failed whatever comes (LIFE-09)
SHUTDOWN_FAILED = 7  # it said shutdown.failed, or raised while stopping
UNSUPPORTED = 8  # it raised or returned before startup.complete
CRASHED = 9  # its lifespan ended by an exception while serving
ENDED = 10  # its lifespan returned while serving: there is nothing to shut down (LIFE-15)

STATE_NAMES = (
    "called", "starting", "serving", "stopping", "shutdown", "stopped", "failed",
    "shutdown failed", "unsupported", "crashed", "ended",
)  # fmt: skip

# Inputs
RECEIVE = 0
STARTUP_COMPLETE = 1
STARTUP_FAILED = 2
SHUTDOWN_COMPLETE = 3
SHUTDOWN_FAILED_SENT = 4
RETURNED = 5
RAISED = 6
STOP = 7  # from the server

# (state, input) → next state. What is missing is out of order: it raises in the application if it
# was its message (LIFE-16), and changes nothing if it was its end or the server's wish.
TRANSITIONS = {
    (CALLED, RECEIVE): STARTING,
    (CALLED, RETURNED): UNSUPPORTED,
    (CALLED, RAISED): UNSUPPORTED,
    (STARTING, STARTUP_COMPLETE): SERVING,
    (STARTING, STARTUP_FAILED): FAILED,
    (STARTING, RETURNED): UNSUPPORTED,
    (STARTING, RAISED): UNSUPPORTED,
    (SERVING, RETURNED): ENDED,
    (SERVING, RAISED): CRASHED,
    (SERVING, STOP): STOPPING,
    (STOPPING, RECEIVE): SHUTDOWN,
    (STOPPING, RETURNED): STOPPED,
    (STOPPING, RAISED): SHUTDOWN_FAILED,
    (SHUTDOWN, SHUTDOWN_COMPLETE): STOPPED,
    (SHUTDOWN, SHUTDOWN_FAILED_SENT): SHUTDOWN_FAILED,
    (SHUTDOWN, RETURNED): STOPPED,
    (SHUTDOWN, RAISED): SHUTDOWN_FAILED,
}

_INPUTS = {
    "lifespan.startup.complete": STARTUP_COMPLETE,
    "lifespan.startup.failed": STARTUP_FAILED,
    "lifespan.shutdown.complete": SHUTDOWN_COMPLETE,
    "lifespan.shutdown.failed": SHUTDOWN_FAILED_SENT,
}

_BEFORE_START = frozenset({CALLED, STARTING})
_FINAL = frozenset({STOPPED, FAILED, SHUTDOWN_FAILED, UNSUPPORTED, CRASHED, ENDED})


class Lifespan:
    """One application's lifespan in one event loop (LIFE-02).

    How to use it: `start()`, wait for the future `started` as long as you like, then `check()`.
    At the end `stop()`, and wait for the future `stopped`. `task` is the application's call, for
    whoever has to cancel it.

    - `mode`: `"on"`: an application that does not support lifespan cannot start; `"auto"`: it can.
    - `scope_state`: the lifespan namespace, which requests copy (LIFE-STATE-01, -03); this class puts
      nothing into it.
    - `note(level, text, error=None)`: logs a line, with the traceback of `error`.
    """

    __slots__ = (
        "_app",
        "_context",
        "_error",
        "_message",
        "_mode",
        "_note",
        "_runtime",
        "_waiting",
        "scope_state",
        "started",
        "state",
        "stopped",
        "task",
    )

    def __init__(self, app: Any, runtime: Any, context: Any, mode: str, note: Any) -> None:
        self._app = app
        self._runtime = runtime
        self._context = context
        self._mode = mode
        self._note = note
        self._message = ""
        self._error: BaseException | None = None
        # One future for each receive() that waits: cancelling one must not cancel the others.
        self._waiting: list[Any] = []
        self.scope_state: dict[str, Any] = {}
        self.state = CALLED
        self.started = runtime.new_future()
        self.stopped = runtime.new_future()
        self.task: Any = None

    def start(self) -> None:
        """Call the application, in the context that requests copy."""
        self.task = self._runtime.start_task(self._call(), self._context)

    def check(self) -> None:
        """After `started`: raise `StartupError` if the server must not serve.

        In mode `auto` an application that raised or returned without a word does not support
        lifespan; the server says so and serves (LIFE-07, LIFE-14).
        """
        error = self._error
        if self.state == FAILED:
            # LIFE-08, LIFE-10: the message may be empty; what the application raised then says more.
            message = self._message.strip() or (
                f"{type(error).__name__}: {error}" if error is not None else "it gave no reason"
            )
            hint = "It sent lifespan.startup.failed; the reason is the application's."
            if "\n" in message:
                # A traceback, as several frameworks send it: what was raised stands last, at times
                # in the frame that is drawn around a group of exceptions.
                hint = "It sent lifespan.startup.failed with this:\n" + indent(message, "    ")
                lines = [line.strip(" |+-") for line in message.splitlines()]
                message = next((line for line in reversed(lines) if line), message)
            raise StartupError(f"The application failed to start: {message}", hint) from error
        if self.state != UNSUPPORTED:
            return
        if error is not None and not isinstance(error, Exception):
            raise StartupError(
                f"The application ended the start with {type(error).__name__}({error})",
                "Its lifespan startup calls sys.exit() or the like.",
            ) from error
        if self._mode == "on":
            what = f"raised {type(error).__name__}: {error}" if error is not None else "returned"
            raise StartupError(
                f"The application {what} before lifespan.startup.complete",
                "--lifespan auto serves applications that do not support lifespan.",
            ) from error
        if error is not None:
            self._note(
                "warning",
                "The application raised before lifespan.startup.complete, so it is served without"
                " lifespan; --lifespan off does not ask it, --lifespan on makes this an error",
                error,
            )
        else:
            self._note("info", "The application does not use lifespan")

    def stop(self) -> None:
        """Ask the application to stop; `stopped` is done when it has, or when there is nothing to
        stop."""
        after = TRANSITIONS.get((self.state, STOP))
        if after is not None:
            self.state = after
            waiting, self._waiting = self._waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)
        if self.state in _FINAL:
            self._settle()

    def cancel(self) -> None:
        """End the application's call by force, if it has not ended; nothing is logged about it any
        more."""
        if self.state not in _FINAL:
            self.state = UNSUPPORTED if self.state in _BEFORE_START else SHUTDOWN_FAILED
        if self.task is not None and not self.task.done():
            self.task.cancel()
        self._settle()

    async def _call(self) -> None:
        error: BaseException | None = None
        scope = {
            "type": "lifespan",
            "asgi": {"version": ASGI_VERSION, "spec_version": LIFESPAN_SPEC_VERSION},
            "state": self.scope_state,
        }
        try:
            await self._app(scope, self._receive, self._send)
        except BaseException as raised:
            error = raised
        self._ended(error)

    def _ended(self, error: BaseException | None) -> None:
        before = self.state
        if before == FAILED and self._error is None:
            self._error = error
        after = TRANSITIONS.get((before, RETURNED if error is None else RAISED))
        if after is not None:
            self.state = after
            self._error = error
            if after == CRASHED:
                self._note(
                    "error",
                    "The application's lifespan raised while it was serving; requests are still"
                    " served, and there will be no lifespan shutdown",
                    error,
                )
            elif after == SHUTDOWN_FAILED:
                self._note("error", "The application's lifespan shutdown raised", error)
        elif before == STOPPED and error is not None and not isinstance(error, MessageError):
            # A MessageError comes from a receive() after the end (LIFE-24)
            self._note("warning", "The application raised after lifespan.shutdown.complete", error)
        self._settle()

    def _settle(self) -> None:
        if not self.started.done() and self.state not in _BEFORE_START:
            self.started.set_result(None)
        if not self.stopped.done() and self.state in _FINAL:
            self.stopped.set_result(None)

    async def _receive(self) -> dict[str, Any]:
        if self.state == CALLED:
            self.state = TRANSITIONS[CALLED, RECEIVE]
            return {"type": "lifespan.startup"}
        while self.state in {STARTING, SERVING}:
            future = self._runtime.new_future()
            self._waiting.append(future)
            try:
                await future
            finally:
                if future in self._waiting:
                    self._waiting.remove(future)
        after = TRANSITIONS.get((self.state, RECEIVE))
        if after is None:
            # LIFE-24: whoever waits here would wait for ever
            raise MessageError(
                f"receive() in lifespan state {STATE_NAMES[self.state]!r}: no further event comes"
            )
        self.state = after
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Any) -> None:
        kind = message.get("type")
        known = _INPUTS.get(kind)
        after = None if known is None else TRANSITIONS.get((self.state, known))
        if after is None:
            allowed = [
                name for name, number in _INPUTS.items() if (self.state, number) in TRANSITIONS
            ]
            raise MessageError(
                f"lifespan message {kind!r} in state {STATE_NAMES[self.state]!r}: expected "
                + (" or ".join(allowed) or "none")
            )
        if after in {FAILED, SHUTDOWN_FAILED}:
            text = message.get("message", "")
            if not isinstance(text, str):
                raise MessageError(f"{kind}: message must be a str, not {type(text).__name__}")
            self._message = text
            if after == SHUTDOWN_FAILED:
                self._note("error", f"The application failed to shut down: {text}".rstrip(": "))
        self.state = after
        self._settle()
