"""What the supervisor's policy is told, and what it answers: events and actions.

`worker` is the number that the policy gave a worker process when it asked for it; no two processes
ever have the same one. Statuses are those of `os.waitstatus_to_exitcode`: negative for a signal.
"""

from __future__ import annotations

from typing import NamedTuple

# ----------------------------------------------------------------------------------------- events


class Started(NamedTuple):
    """The workers are to be started, for the first time."""


class Loaded(NamedTuple):
    """A worker has imported the application and starts it now."""

    worker: int


class Ready(NamedTuple):
    """A worker has started the application and accepts."""

    worker: int


class Failed(NamedTuple):
    """A worker says why it cannot start; it ends by itself. `code`: the exit code that fits."""

    worker: int
    code: int
    reason: str


class Exited(NamedTuple):
    """A worker's process has ended."""

    worker: int
    status: int


class Late(NamedTuple):
    """A worker's event loop has not turned for longer than it may."""

    worker: int
    silent_s: float


class Beating(NamedTuple):
    """The event loop of a worker that was late turns again."""

    worker: int


class Leaving(NamedTuple):
    """A worker ends gracefully, and not because the policy asked it to."""

    worker: int


class Wish(NamedTuple):
    """A worker is to be replaced by a fresh one, for this reason."""

    worker: int
    reason: str


class Reload(NamedTuple):
    """All workers are to be replaced by new ones, one at a time."""


class More(NamedTuple):
    """One worker more."""


class Fewer(NamedTuple):
    """One worker fewer."""


class Stop(NamedTuple):
    """The first time: end gracefully. The second time: at once, with `forced` as the exit code."""

    name: str
    forced: int


class Succeeded(NamedTuple):
    """Another supervisor serves on the same sockets now: end gracefully."""


class Tick(NamedTuple):
    """Time has passed."""


Event = (
    Started | Loaded | Ready | Failed | Exited | Late | Beating | Leaving | Wish | Reload | More
    | Fewer | Stop | Succeeded | Tick
)  # fmt: skip

# ---------------------------------------------------------------------------------------- actions


class Spawn(NamedTuple):
    """Start a worker process."""

    worker: int


class Retire(NamedTuple):
    """Ask a worker to end gracefully. `succeeded`: others go on accepting on the same sockets."""

    worker: int
    succeeded: bool


class Interrupt(NamedTuple):
    """Ask by a signal: its loop, or its import of the application, hears nothing else."""

    worker: int


class Cut(NamedTuple):
    """Ask a worker to end at once."""

    worker: int


class Explain(NamedTuple):
    """Log where a worker stands: stacks of all threads, tasks, requests."""

    worker: int
    why: str


class Kill(NamedTuple):
    """End a worker's process by force, after logging where it stands."""

    worker: int
    why: str


class Say(NamedTuple):
    """Log a line."""

    level: str
    text: str


class Announce(NamedTuple):
    """All workers are ready for the first time: the service runs."""


class Leave(NamedTuple):
    """The server is going to stop: say so to whoever asks whether it is ready."""


class Exit(NamedTuple):
    """All is over. `reason`: why it could not start, "" when it ran."""

    code: int
    reason: str


Action = (
    Spawn | Retire | Interrupt | Cut | Explain | Kill | Say | Announce | Leave | Exit
)  # fmt: skip
