"""Starts and stops an application by its lifespan, and says what is wrong with it."""

from __future__ import annotations

import asyncio
import contextvars
import time
from typing import Any

from penstock.doctor.answers import told
from penstock.doctor.exercise import waits_at
from penstock.doctor.findings import FINE, HINT, NOTE, WRONG, Finding
from penstock.doctor.watch import Overdue, Watch
from penstock.errors import StartupError
from penstock.gateway import lifespan
from penstock.transport.runtime import LoopRuntime

# A start that is slower keeps a new worker from serving, and is worth a word.
SLOW_S = 2.0
CANCEL_S = 1.0


class Life:
    """An application's lifespan on `loop`: `start`, then requests, then `stop`.

    `findings` is what was seen; `state` the scope's state, None where lifespan is not supported;
    `failed` that nothing can be asked. `mode` is --lifespan: on, auto, off.
    """

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop, watch: Watch, mode: str) -> None:
        self.findings: list[Finding] = []
        self.state: dict[str, Any] | None = None
        self.failed = False
        self._loop = loop
        self._watch = watch
        self._mode = mode
        self._app = app
        self._notes: list[tuple[str, BaseException | None]] = []
        self._life: Any = None
        self._started_s = 0.0

    def start(self) -> None:
        """Run the startup, within the deadline."""
        if self._mode == "off":
            self._find(NOTE, "it is not asked: --lifespan off")
            return
        began = time.monotonic()
        self._run(self._start())
        self._started_s = time.monotonic() - began
        life = self._life
        if self.failed or life is None:
            return
        try:
            life.check()
        except StartupError as error:
            self.failed = True
            cause = error.__cause__
            text, place = told(cause) if cause is not None else ("", "")
            self._find(
                WRONG, _shortened(str(error)) + (f" ({text})" if text not in str(error) else ""),
                place, "mend the startup: no server can serve this application before", 1000.0,
            )  # fmt: skip
            return
        if life.state == lifespan.UNSUPPORTED:
            self._unsupported()
            return
        self.state = life.scope_state
        if self._started_s >= SLOW_S:
            self._find(
                HINT, f"the startup took {self._started_s:.1f} s", "",
                "start slow things in a background task, and let a health check say when they are"
                " there", self._started_s,
            )  # fmt: skip

    def stop(self) -> None:
        """Run the shutdown, within the deadline."""
        life = self._life
        if life is None or self.failed or self.state is None:
            return
        state = life.state
        began = time.monotonic()
        self._run(self._stop())
        took = time.monotonic() - began
        if state in {lifespan.ENDED, lifespan.CRASHED}:
            self._find(
                WRONG,
                "its lifespan ended right after the startup"
                + (f": {self._raised()}" if state == lifespan.CRASHED else "")
                + ", so there is no shutdown",
                "", "after lifespan.startup.complete, await receive() again for lifespan.shutdown",
            )  # fmt: skip
        elif life.state == lifespan.SHUTDOWN_FAILED and not self.failed:
            self._find(
                WRONG, f"the shutdown failed: {self._raised()}", self._place(),
                "mend the shutdown: what comes after its failure is not cleaned up",
            )  # fmt: skip
        elif not self.failed:
            self._find(
                FINE,
                f"started in {self._started_s * 1000:.0f} ms, stopped in {took * 1000:.0f} ms",
            )

    def _unsupported(self) -> None:
        error = self._notes[-1][1] if self._notes else None
        if error is None:
            self._find(NOTE, "the application does not use lifespan")
            return
        text, place = told(error)
        self._find(
            NOTE,
            f"it raised {text}, which says that it does not use lifespan; if it is meant to, that is why"
            " it does not start (--lifespan on makes it an error)",
            place,
        )

    def _raised(self) -> str:
        for text, error in reversed(self._notes):
            return told(error)[0] if error is not None else _shortened(text)
        return "it does not say why"

    def _place(self) -> str:
        error = self._notes[-1][1] if self._notes else None
        return told(error)[1] if error is not None else ""

    def _find(
        self, level: str, text: str, place: str = "", cure: str = "", weight: float = 0.0
    ) -> None:
        self.findings.append(Finding(level, text, place, cure, weight))

    def _note(self, _level: str, text: str, error: BaseException | None = None) -> None:
        self._notes.append((text, error))

    # ------------------------------------------------------------------------------- on the loop

    def _run(self, coroutine: Any) -> None:
        self._watch.request = "lifespan"
        try:
            self._loop.run_until_complete(coroutine)
        except Overdue:
            self._late("startup or shutdown", "")
        finally:
            self._watch.end()
            self._watch.request = ""

    async def _start(self) -> None:
        runtime = LoopRuntime(self._loop)
        self._life = lifespan.Lifespan(
            self._app, runtime, contextvars.copy_context(), "on" if self._mode == "on" else "auto",
            self._note,
        )  # fmt: skip
        self._life.start()
        await self._within(self._life.started, "startup")

    async def _stop(self) -> None:
        self._life.stop()
        await self._within(self._life.stopped, "shutdown")
        if not self._life.task.done():
            await asyncio.wait({self._life.task}, timeout=CANCEL_S)

    async def _within(self, future: Any, what: str) -> None:
        await asyncio.wait({future}, timeout=self._watch.deadline_s)
        if isinstance(getattr(self._life, "_error", None), Overdue):
            self._late(what, "")
        if future.done():
            return
        self._late(what, waits_at(self._life.task))
        self._life.task.cancel()
        await asyncio.wait({self._life.task}, timeout=CANCEL_S)

    def _late(self, what: str, place: str) -> None:
        self.failed = True
        held = next((each for each in reversed(self._watch.found)
                     if each.request == "lifespan"), None)  # fmt: skip
        place = place or (str(held.call) if held is not None else "")
        self._find(
            WRONG, f"the {what} did not end within {self._watch.deadline_s:g} s", place,
            "put a deadline around what it waits for; a server ends a worker that does not start or"
            " stop", 1000.0,
        )  # fmt: skip


def _shortened(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip()[:200] if lines else ""
