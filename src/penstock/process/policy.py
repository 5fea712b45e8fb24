"""What the supervisor does about what happens to its workers: decided here, acted elsewhere.

    policy = Policy(Settings(...), describe)
    for action in policy.on(event, now): ...
    policy.due()    when it wants to be told that time has passed (`Tick`), None for never

It knows no clock, process or log: `now` is an argument, and all that it does is in what `on` returns.
After each event it compares what is with what should be (`_settle`): so whatever happens in between,
a reload during a crash during a resize, ends in the same place.

What is promised, and held by tests/process/test_policy.py over random sequences: no worker that serves
is asked to end while there are not more than wanted of them, except to stop; of two generations the old
one goes as soon as the new one can be started; a stop ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from penstock.process import events as e
from penstock.process.backoff import Backoff

# The states of a worker.
STARTING = "starting"
SERVING = "serving"
DRAINING = "draining"  # asked to end, or ending by itself
HUNG = "hung"  # its loop stands still; asked to end, in case it hears
KILLED = "killed"

# What happens to it.
READY = "ready"
FAILED = "failed"
RETIRE = "retire"
LEAVING = "leaving"
LATE = "late"
BEATING = "beating"
DEADLINE = "deadline"

# (state, what happens) → (next state, what is done about it); what is not here changes nothing.
TABLE: dict[tuple[str, str], tuple[str, str]] = {
    (STARTING, READY): (SERVING, "serve"),
    (STARTING, FAILED): (DRAINING, "end"),
    (STARTING, RETIRE): (DRAINING, "interrupt"),
    (STARTING, DEADLINE): (KILLED, "kill"),
    (SERVING, RETIRE): (DRAINING, "drain"),
    (SERVING, LEAVING): (DRAINING, "end"),
    (SERVING, LATE): (HUNG, "wake"),
    (DRAINING, LATE): (HUNG, "wake"),
    (DRAINING, DEADLINE): (KILLED, "kill"),
    (HUNG, BEATING): (DRAINING, "end"),
    (HUNG, DEADLINE): (KILLED, "kill"),
    (KILLED, DEADLINE): (KILLED, "kill"),
}

# Beyond the worker's own deadlines, which it keeps itself as long as its loop turns.
MARGIN_S = 5.0
# A worker that hangs gets this long after being asked, at most.
HUNG_S = 5.0
# From a second stop to the end.
FORCED_S = 1.5
# Failures to start that another try does not mend: usage, import, address.
FINAL_CODES = frozenset({2, 4, 5})
START_FAILED = 3
STUCK = 1
# So many workers beside those that are wanted may still drain before reloading and recycling wait.
DRAINING_MAX = 4


class Settings(NamedTuple):
    """How many workers, and the deadlines, in seconds. `members_max`: what the board has room for."""

    workers: int
    startup_s: float
    graceful_s: float
    drain_delay_s: float = 0.0
    members_max: int = 256


class Member:
    """One worker process."""

    __slots__ = (
        "deadline", "generation", "id", "is_second_try", "ready_at", "reason", "state", "tired", "why",
    )  # fmt: skip

    def __init__(self, number: int, generation: int, deadline: float) -> None:
        self.id = number
        self.generation = generation
        self.state = STARTING
        self.deadline = deadline
        self.ready_at: float | None = None
        self.tired = ""  # why it is to be replaced
        self.reason = ""  # why it failed to start
        self.why = ""  # why it is ended
        self.is_second_try = False  # the one before it failed to start, on a first start


class Policy:
    """See the module. `describe(worker)` names a worker in what is said."""

    def __init__(self, settings: Settings, describe: Callable[[int], str]) -> None:
        self.settings = settings
        self.wanted = settings.workers
        self.generation = 1
        self.running = False  # all were ready once
        self.stopping = False
        self.members: dict[int, Member] = {}
        self._describe = describe
        self._next = 1
        self._backoff = Backoff()
        self._second_tries = 0  # that are still to be made, on a first start
        self._stops = 0
        self._stop_at: float | None = None
        self._succeeded = False
        self._code = 0
        self._reason = ""
        self._over = False
        self._now = 0.0
        self._actions: list[e.Action] = []

    def on(self, event: e.Event, now: float) -> list[e.Action]:
        """What to do about `event`, in this order."""
        self._now = now
        self._actions = []
        getattr(self, f"_on_{type(event).__name__.lower()}")(event, now)
        self._expire(now)
        self._settle(now)
        return self._actions

    def due(self) -> float | None:
        """When `Tick` is wanted, on the clock of `now`."""
        times = [member.deadline for member in self.members.values()]
        if self._stop_at is not None:
            times.append(self._stop_at)
        # What may be started already was, unless there is no room for it
        if self._backoff.until > self._now and not self.stopping and self._missing():
            times.append(self._backoff.until)
        return min(times, default=None)

    @property
    def leaving(self) -> bool:
        """Whether the stop was asked for and is put off by the drain delay."""
        return self._stop_at is not None

    @property
    def reloading(self) -> bool:
        """Whether workers of older code still serve."""
        return any(each.generation < self.generation for each in self.of_state(SERVING))

    def of_state(self, *states: str) -> list[Member]:
        """The workers in these states, the oldest first."""
        return [member for member in self.members.values() if member.state in states]

    # ------------------------------------------------------------------------------------- events

    def _on_started(self, _event: e.Started, now: float) -> None:
        pass  # settling starts them

    def _on_tick(self, _event: e.Tick, now: float) -> None:
        pass  # what is due is looked at after every event

    def _on_loaded(self, event: e.Loaded, now: float) -> None:
        member = self.members.get(event.worker)
        if member is not None and member.state == STARTING:
            # The worker keeps this one itself, and can say where the application waits
            member.deadline = now + self.settings.startup_s + MARGIN_S

    def _on_ready(self, event: e.Ready, now: float) -> None:
        self._step(event.worker, READY, now)
        if not self.running and len(self.of_state(SERVING)) >= self.wanted:
            self.running = True
            self._do(e.Announce())

    def _on_failed(self, event: e.Failed, now: float) -> None:
        member = self.members.get(event.worker)
        if member is None or member.state != STARTING:
            return
        member.reason = event.reason
        self._step(event.worker, FAILED, now)
        self._start_failed(member, event.code, now)

    def _on_exited(self, event: e.Exited, now: float) -> None:
        member = self.members.pop(event.worker, None)
        if member is None:
            return
        expected = member.state == DRAINING and not member.reason
        if self.stopping or expected:
            self._say_end(event)
            return
        if member.state == STARTING:
            member.reason = f"it {ending(event.status)} before it was ready"
            self._start_failed(member, START_FAILED, now)
        elif member.ready_at is not None:
            # It served; nobody asked it to end, or it hung and had to be
            self._backoff.died(now, now - member.ready_at, self._ready_since())
            if member.state == SERVING:
                self._say("error", f"{self._name(member)} {ending(event.status)}{self._hint(now)}")
        elif not member.reason:
            member.reason = member.why
            self._start_failed(member, START_FAILED, now)

    def _on_late(self, event: e.Late, now: float) -> None:
        member = self.members.get(event.worker)
        if member is not None and (member.state, LATE) in TABLE:
            member.why = f"its event loop has not turned for {event.silent_s:.1f} s"
            self._step(event.worker, LATE, now)

    def _on_beating(self, event: e.Beating, now: float) -> None:
        member = self.members.get(event.worker)
        if member is not None and member.state == HUNG:
            self._say("info", f"{self._name(member)} turns again, and ends gracefully")
            self._step(event.worker, BEATING, now)

    def _on_leaving(self, event: e.Leaving, now: float) -> None:
        member = self.members.get(event.worker)
        if member is not None and member.state == SERVING:
            self._say("warning", f"{self._name(member)} was told to end; it is replaced")
            self._step(event.worker, LEAVING, now)

    def _on_wish(self, event: e.Wish, now: float) -> None:
        member = self.members.get(event.worker)
        if member is not None and member.state == SERVING and not member.tired:
            member.tired = event.reason
            self._say("info", f"{self._name(member)} is replaced: {event.reason}")

    def _on_reload(self, _event: e.Reload, now: float) -> None:
        if self.stopping:
            return
        if not self.running:
            self._say(
                "warning", "A reload was asked for, but the workers still start: it is left out"
            )
            return
        self.generation += 1
        count = len(self.of_state(SERVING))
        self._say("info", f"Reloading: {count} worker{'s' * (count != 1)}, one at a time")
        for member in self.of_state(STARTING):
            self._retire(member, "the code was reloaded meanwhile", now)

    def _on_more(self, _event: e.More, now: float) -> None:
        if not self.stopping:
            self.wanted = min(self.wanted + 1, self.settings.members_max // 2)
            self._say("info", f"{self.wanted} workers from now on")

    def _on_fewer(self, _event: e.Fewer, now: float) -> None:
        if not self.stopping:
            self.wanted = max(self.wanted - 1, 1)
            self._say("info", f"{self.wanted} worker{'s' * (self.wanted != 1)} from now on")

    def _on_succeeded(self, _event: e.Succeeded, now: float) -> None:
        self._succeeded = True
        self._begin_stop(now)

    def _on_stop(self, event: e.Stop, now: float) -> None:
        if self._stop_at is not None:
            self._say("info", f"{event.name} again: the shutdown begins now")
            self._begin_stop(now)
            return
        self._stops += 1
        if self._stops == 1 and not self.stopping:
            self._say("info", f"{event.name}: shutting down (once more cuts what is running)")
            if self.settings.drain_delay_s and self.running:
                self._do(e.Leave())
                self._stop_at = now + self.settings.drain_delay_s
                return
            self._begin_stop(now)
            return
        self._code = event.forced
        self._begin_stop(now)
        self._say("warning", f"{event.name} again: ending now")
        for member in self.members.values():
            if self._stops > 2:
                member.deadline = now
            elif member.state != KILLED:
                self._do(e.Cut(member.id))
                member.deadline = min(member.deadline, now + FORCED_S)
                member.why = member.why or "it was to end at once"

    # -------------------------------------------------------------------------------- transitions

    def _step(self, number: int, happening: str, now: float) -> None:
        """Take the row of the table for it, if there is one."""
        member = self.members.get(number)
        row = TABLE.get((member.state, happening)) if member is not None else None
        if member is None or row is None:
            return
        member.state, effect = row
        getattr(self, f"_do_{effect}")(member, now)

    def _do_serve(self, member: Member, now: float) -> None:
        member.ready_at = now
        member.deadline = float("inf")

    def _do_end(self, member: Member, now: float) -> None:
        limit_s = self.settings.graceful_s if member.ready_at is not None else 0.0
        member.deadline = now + limit_s + MARGIN_S
        member.why = member.why or "it does not end"

    def _do_drain(self, member: Member, now: float) -> None:
        self._do(e.Retire(member.id, succeeded=not self.stopping or self._succeeded))
        self._do_end(member, now)

    def _do_interrupt(self, member: Member, now: float) -> None:
        self._do_drain(member, now)
        self._do(e.Interrupt(member.id))

    def _do_wake(self, member: Member, now: float) -> None:
        self._do(e.Explain(member.id, member.why))
        self._do(e.Interrupt(member.id))
        member.deadline = now + min(HUNG_S, self.settings.graceful_s)

    def _do_kill(self, member: Member, now: float) -> None:
        if member.ready_at is None and not member.why:
            member.why = f"it did not start within {self.settings.startup_s:g} s"
        self._do(e.Kill(member.id, member.why or "it does not end"))
        member.deadline = now + MARGIN_S
        if self.stopping and not self._code:
            self._code = STUCK

    def _retire(self, member: Member, why: str, now: float) -> None:
        member.why = f"it was asked to end ({why}) and did not in time"
        self._step(member.id, RETIRE, now)

    def _expire(self, now: float) -> None:
        if self._stop_at is not None and now >= self._stop_at:
            self._begin_stop(now)
        for member in list(self.members.values()):
            if now >= member.deadline:
                self._step(member.id, DEADLINE, now)

    def _begin_stop(self, now: float) -> None:
        self._stop_at = None
        if self.stopping:
            return
        self.stopping = True
        for member in list(self.members.values()):
            self._retire(member, "the server stops", now)

    # ------------------------------------------------------------------------------------ failures

    def _start_failed(self, member: Member, code: int, now: float) -> None:
        name = self._name(member)
        if self.stopping:
            return
        if not self.running:
            if code in FINAL_CODES or member.is_second_try:
                self._code, self._reason = code, member.reason
                self._begin_stop(now)
                return
            self._say("error", f"{name} failed to start, and is tried once more: {member.reason}")
            self._backoff.failed(now, self._ready_since())
            self._second_tries += 1
            return
        serving = self.of_state(SERVING)
        old = [each for each in serving if each.generation < self.generation]
        if member.generation == self.generation and old and len(old) == len(serving):
            self._say(
                "error",
                f"The reload is given up and the old workers stay: a new one failed to start:"
                f" {member.reason}",
            )
            for each in old:
                each.generation = self.generation
            return
        self._backoff.failed(now, self._ready_since())
        self._say("error", f"{name} failed to start: {member.reason}{self._hint(now)}")

    def _ready_since(self) -> Iterator[float]:
        return (m.ready_at for m in self.of_state(SERVING) if m.ready_at is not None)

    # -------------------------------------------------------------------------------------- settle

    def _missing(self) -> bool:
        """Whether a worker would be started now, if it may be."""
        serving, starting = self.of_state(SERVING), self.of_state(STARTING)
        if len(serving) + len(starting) < self.wanted:
            return True
        if starting or not self._stale(serving) or len(serving) > self.wanted:
            return False
        return len(self.members) <= 2 * self.wanted + DRAINING_MAX

    def _stale(self, serving: list[Member]) -> list[Member]:
        return [each for each in serving if each.tired or each.generation < self.generation]

    def _settle(self, now: float) -> None:
        """Bring what is closer to what should be."""
        if self.stopping:
            if not self.members and not self._over:
                self._over = True
                self._do(e.Exit(self._code, self._reason))
            return
        serving = self.of_state(SERVING)
        while len(serving) > self.wanted:
            leaving = (self._stale(serving) or serving)[0]
            self._retire(leaving, leaving.tired or "it has been replaced", now)
            serving = self.of_state(SERVING)
        room = self.wanted - len(serving) + bool(self._stale(serving))
        for member in self.of_state(STARTING)[max(room, 0) :]:
            self._retire(member, "fewer workers are wanted", now)
        while self._missing() and now >= self._backoff.until:
            if len(self.members) >= self.settings.members_max:
                break
            self._spawn(now)

    def _spawn(self, now: float) -> None:
        member = Member(self._next, self.generation, now + self.settings.startup_s)
        self._next += 1
        self.members[member.id] = member
        if self._second_tries and not self.running:
            self._second_tries -= 1
            member.is_second_try = True
        self._do(e.Spawn(member.id))

    # ----------------------------------------------------------------------------------------- say

    def _do(self, action: e.Action) -> None:
        self._actions.append(action)

    def _say(self, level: str, text: str) -> None:
        self._do(e.Say(level, text[:1].upper() + text[1:]))

    def _name(self, member: Member) -> str:
        return self._describe(member.id)

    def _say_end(self, event: e.Exited) -> None:
        level = "info" if event.status == 0 else "warning"
        self._say(level, f"{self._describe(event.worker)} {ending(event.status)}")

    def _hint(self, now: float) -> str:
        delay_s = self._backoff.until - now
        return f"; it is replaced in {delay_s:.2g} s" if delay_s > 0 else "; it is replaced"


def ending(status: int) -> str:
    """How a process ended, in words."""
    if status >= 0:
        return "ended" if status == 0 else f"ended with exit code {status}"
    import signal

    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"was killed by {name}"
