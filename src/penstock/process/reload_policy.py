"""What `--reload` does about changed files and about its one child: decided here, acted elsewhere.

    broken ── a file changes ──► starting ── ready ──► serving
      ▲                             │  ▲                  │
      └── it fails, or ends ────────┴──│──────────────────┤
                                    stopping ◄── a file changes

In each state a change ends in the newest code being started. A child that ends by itself, however that
comes, is told, shown to browsers, and started again at the next change: at once would only repeat it.
Events and actions are those of the supervisor (`events`), and the three below.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from typing import NamedTuple

from penstock.process import events as e

BROKEN = "broken"
STARTING = "starting"
SERVING = "serving"
STOPPING = "stopping"
ENDING = "ending"

# The child ends by itself well before (see `reload.hastened`), unless its loop stands still.
STOP_S = 4.0
# After a second signal, and from one attempt to kill it to the next.
FORCED_S = 1.0
# Files that are named in a line; beyond them their number.
NAMED_MAX = 3


class Changed(NamedTuple):
    """Files have changed; `names` as they are to be shown."""

    names: tuple[str, ...]


class Show(NamedTuple):
    """Answer every request with what went wrong. `reason`: "" for what the child said itself."""

    reason: str


class Hide(NamedTuple):
    """Do so no longer: the application is on its way."""


Event = e.Event | Changed
Action = e.Action | Show | Hide


class ReloadPolicy:
    """Decides for one reloader. `on` takes what happened and returns what to do; `due` says when it
    wants a `Tick`."""

    __slots__ = (
        "_announced",
        "_asked_at",
        "_code",
        "_deadline",
        "_failed",
        "_stops",
        "state",
        "worker",
    )

    def __init__(self) -> None:
        self.state = BROKEN
        self.worker = 0  # the child's number; no two have the same
        self._announced = False
        self._asked_at = 0.0
        self._deadline: float | None = None
        self._failed = False
        self._stops = 0
        self._code = 0

    def due(self) -> float | None:
        """When time matters next, on the clock of `on`."""
        return self._deadline

    def on(self, event: Event, now: float) -> list[Action]:
        """Return what is to be done, in this order. Events of children that are gone do nothing."""
        if isinstance(event, e.Started):
            self._asked_at = now
            return self._spawn()
        if isinstance(event, Changed):
            return self._changed(f"{_named(event.names)} changed", now)
        if isinstance(event, e.Reload):
            return self._changed("SIGHUP", now)
        if isinstance(event, e.Stop):
            return self._stop(event, now)
        if isinstance(event, e.Tick):
            return self._tick(now)
        if isinstance(event, e.Ready | e.Failed | e.Exited) and event.worker == self.worker:
            if isinstance(event, e.Ready):
                return self._ready(now)
            if isinstance(event, e.Exited):
                return self._exited(event.status)
            self._failed = True
            # It ends by itself, unless a thread of the application keeps it
            self._deadline = now + STOP_S
        return []

    def _spawn(self) -> list[Action]:
        self.worker += 1
        self.state = STARTING
        self._failed = False
        self._deadline = None
        return [e.Spawn(self.worker)]

    def _changed(self, what: str, now: float) -> list[Action]:
        if self.state in {ENDING, STOPPING}:
            return []  # what is started next has the newest files anyway
        self._asked_at = now
        said: list[Action] = [e.Say("info", f"{what}: starting again")]
        if self.state == BROKEN:
            return [*said, Hide(), *self._spawn()]
        return said + self._end(STOPPING, now + STOP_S)

    def _end(self, state: str, deadline: float) -> list[Action]:
        """Ask the child to end."""
        serving = self.state == SERVING
        self.state = state
        self._deadline = deadline
        if serving:
            return [e.Retire(self.worker, succeeded=state == STOPPING)]
        # While it imports, it hears nothing but a signal
        return [e.Interrupt(self.worker)]

    def _ready(self, now: float) -> list[Action]:
        if self.state != STARTING:
            return []
        self.state = SERVING
        if not self._announced:
            self._announced = True
            return [e.Announce()]
        return [e.Say("info", f"Serving again after {now - self._asked_at:.1f} s")]

    def _exited(self, status: int) -> list[Action]:
        if self.state == ENDING:
            return [e.Exit(self._code, "")]
        if self.state == STOPPING:
            return self._spawn()
        failed, self.state, self._deadline = self._failed, BROKEN, None
        if failed:
            return [Show(""), e.Say("info", "It is started again when a file changes")]
        reason = f"The application's process ended {_ended(status)}"
        text = f"{reason}; it is started again when a file changes"
        return [e.Say("error", text), Show(reason)]

    def _stop(self, event: e.Stop, now: float) -> list[Action]:
        self._stops += 1
        if self._stops == 1:
            said: list[Action] = [e.Say("info", f"{event.name}: shutting down")]
            if self.state == BROKEN:
                self.state = ENDING
                return [*said, e.Exit(0, "")]
            if self.state == STOPPING:
                self.state = ENDING
                return said
            return said + self._end(ENDING, now + STOP_S)
        self._code = event.forced
        self._deadline = now + FORCED_S
        if self._stops == 2:
            return [e.Say("warning", f"{event.name} again: ending now"), e.Cut(self.worker)]
        return [e.Kill(self.worker, f"{event.name} for the third time")]

    def _tick(self, now: float) -> list[Action]:
        if self._deadline is None or now < self._deadline:
            return []
        self._deadline = now + FORCED_S
        return [e.Kill(self.worker, "it does not end")]


def _named(names: Iterable[str]) -> str:
    shown = sorted(names)
    if len(shown) <= NAMED_MAX:
        return ", ".join(shown) or "A file"
    return f"{', '.join(shown[:NAMED_MAX])} and {len(shown) - NAMED_MAX} more"


def _ended(status: int) -> str:
    if status >= 0:
        return f"with status {status}"
    try:
        return f"by {signal.Signals(-status).name}"
    except ValueError:
        return f"by signal {-status}"


def shown(path: str, folder: str) -> str:
    """`path` as a line names it: relative to `folder` if it lies in it; control characters escaped."""
    inside = path.startswith(folder.rstrip(os.sep) + os.sep)
    text = os.path.relpath(path, folder) if inside else path
    return text if text.isprintable() else ascii(text)[1:-1]
