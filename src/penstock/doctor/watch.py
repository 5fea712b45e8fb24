"""Sees what holds the thread that an application runs on, while it is exercised.

Two kinds of evidence, and neither slows the application down:

- A thread looks at the stack every few milliseconds. The loop says when a turn of it begins and
  ends; a turn that took longer than the limit is blamed on the code that was seen most. What the
  thread waited for a processor, or for another thread of the process, does not count.
- The interpreter's audit events, and SQLite's trace, tell of calls that block for as long as
  somebody else likes: quick ones too, which a stack never shows.

A call that does not come back at all is ended by a signal, in whose handler `Overdue` is raised.
"""

from __future__ import annotations

import asyncio
import ipaddress
import linecache
import selectors
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from penstock.transport.stall import Call, advise, innermost, stack
from penstock.transport.watchdog import BLOCKED, SHARE, Meter, Sample, judge

# Between two looks at the stack; costs about 1 % of the thread that is watched.
LOOK_S = 0.004
# Bounds what a run can find: beyond it the first ones say enough.
FOUND_MAX = 500
# Between two signals to a call that does not end.
AGAIN_S = 1.0


class Overdue(BaseException):
    """Raised in the application when a call does not come back within its deadline.

    No Exception, so that an application that goes on after every error does not go on after this.
    """


class Held(NamedTuple):
    """A place that kept the thread: `call` in `calls` (innermost first), its `source`, how long.

    `seconds` is 0 for a call that is known to block and did not take long. `what` names such a call.
    `computed`: it spent its time computing. `request`: what was asked for then.
    """

    call: Call
    source: str
    advice: str
    seconds: float
    computed: bool
    what: str
    request: str
    importing: bool


class Watch:
    """Watches the thread that enters it (`with`), which must be the main one for `Overdue`.

    `limit_s`: how long a turn may take; `deadline_s`: when it is ended. `request` is set by whoever
    asks. `found` is what was seen, in order.
    """

    def __init__(self, limit_s: float, deadline_s: float) -> None:
        self.limit_s = limit_s
        self.deadline_s = deadline_s
        self.request = ""
        self.found: list[Held] = []
        # Whether application code may be running: between the beginning and the end of a turn
        self.busy = False
        self._turn: int = 0
        self._began = Sample(0.0, 0.0, 0.0, 0.0)
        self._seen: list[list[Call]] = []
        self._thread = 0
        self._meter: Any = None
        # Connections of sqlite3 that this thread made in this turn
        self._untraced: list[Any] = []
        self._ending = threading.Event()
        self._looker: threading.Thread | None = None
        self._handler: Any = None

    def __enter__(self) -> Watch:
        global _active
        self._thread = threading.get_ident()
        self._meter = Meter()
        _listen()
        _active = self
        if (
            hasattr(signal, "pthread_kill")
            and threading.current_thread() is threading.main_thread()
        ):
            self._handler = signal.signal(signal.SIGVTALRM, self._interrupt)
        self._looker = threading.Thread(target=self._look, name="penstock doctor", daemon=True)
        self._looker.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        global _active
        self.busy = False
        _active = None
        self._untraced.clear()
        self._ending.set()
        if self._looker is not None:
            self._looker.join(self.deadline_s)
        if self._handler is not None:
            signal.signal(signal.SIGVTALRM, self._handler)
        self._meter.close()

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """An event loop whose turns are watched."""
        return asyncio.SelectorEventLoop(_Selector(self))

    def sample(self) -> Sample:
        """The state of the thread now."""
        sample: Sample = self._meter.read()
        return sample

    def begin(self) -> None:
        """A turn begins; on the thread."""
        self._trace_all()
        self._seen = []
        self._began = self.sample()
        self._turn += 1
        self.busy = True

    def end(self) -> None:
        """The turn has ended; what took too long in it is found."""
        if not self.busy:
            return
        self.busy = False
        seen = self._seen
        before = self._began
        if time.monotonic() - before.at < self.limit_s:
            return
        after = self.sample()
        if judge(before, after, self.limit_s, watched=True) == BLOCKED:
            self._blame(before, after, seen)

    # ------------------------------------------------------------------------------------ stalls

    def _blame(self, before: Sample, after: Sample, seen: list[list[Call]]) -> None:
        span_s = after.at - before.at - (after.waited - before.waited)
        cpu_s = after.cpu - before.cpu
        others_s = after.process_cpu - before.process_cpu - cpu_s
        computed = cpu_s >= self.limit_s and cpu_s >= span_s * SHARE
        if not computed and others_s >= span_s * SHARE:
            return  # another thread had the interpreter
        stacks = [calls for calls in seen if calls]
        places = [(call, calls) for calls in stacks if (call := innermost(calls)) is not None]
        if not places:
            return
        ((place, count),) = Counter((call.file, call.function) for call, _ in places).most_common(1)
        if count < len(places) * SHARE:
            return  # many small things, none of which is the one
        at_place = [each for each in places if (each[0].file, each[0].function) == place]
        ((line, _),) = Counter(call.line for call, _ in at_place).most_common(1)
        call, calls = next(each for each in at_place if each[0].line == line)
        self._add(call, calls, span_s * count / len(places), computed, "")

    def _add(
        self, call: Call, calls: list[Call], seconds: float, computed: bool, what: str
    ) -> None:
        if len(self.found) >= FOUND_MAX:
            return
        source = linecache.getline(call.file, call.line).strip()
        advice = _cure(what) or advise(calls, source, computed)
        importing = any("importlib._bootstrap" in each.file for each in calls)
        self.found.append(
            Held(call, source, advice, seconds, computed, what, self.request, importing)
        )

    # ------------------------------------------------------------------------------ known to block

    def heard(self, what: str, frame: FrameType | None) -> None:
        """A call that blocks was made on some thread; `frame` is whose call it was."""
        if not self.busy or threading.get_ident() != self._thread:
            return
        calls = stack(frame)
        call = innermost(calls)
        if call is not None:
            self._add(call, calls, 0.0, False, what)

    def trace(self, connection: Any) -> None:
        """Hear of every query of a connection of sqlite3; it may not be ready for that yet."""
        if threading.get_ident() == self._thread:
            self._untraced.append(connection)

    def _trace_all(self) -> None:
        while self._untraced:
            try:
                self._untraced.pop().set_trace_callback(self._queried)
            except Exception:  # noqa: S112 - it is closed already, or was never opened
                continue

    def _queried(self, statement: str) -> None:
        word = statement.lstrip().partition(" ")[0][:20]
        self.heard(f"a query of SQLite ({word} …)", sys._getframe(1))

    # ---------------------------------------------------------------------------- on its own thread

    def _look(self) -> None:
        sent_turn = -1
        sent_at = 0.0
        while not self._ending.wait(LOOK_S):
            if not self.busy:
                continue
            turn, seen = self._turn, self._seen
            frame = sys._current_frames().get(self._thread)
            calls = stack(frame)
            del frame
            if turn != self._turn:
                continue  # what was seen may be of neither turn
            seen.append(calls)
            now = time.monotonic()
            if now - self._began.at < self.deadline_s or self._handler is None:
                continue
            if sent_turn != turn or now - sent_at >= AGAIN_S:
                sent_turn, sent_at = turn, now
                signal.pthread_kill(self._thread, signal.SIGVTALRM)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        if self.busy and time.monotonic() - self._began.at >= self.deadline_s:
            raise Overdue(f"not back within {self.deadline_s:g} s")


class _Selector(selectors.DefaultSelector):
    """Where the loop waits for what is next: its turns lie between two of these calls."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """As of the selector's class."""
        self._watch.end()
        try:
            return super().select(timeout)
        finally:
            self._watch.begin()


# ------------------------------------------------------------------------------------ audit events

# The interpreter has no way to take a hook out again, so there is one for all.
_active: Watch | None = None
_listening = False


def _listen() -> None:
    global _listening
    if not _listening:
        _listening = True
        sys.addaudithook(_audited)


def _audited(event: str, arguments: tuple[Any, ...]) -> None:
    watch = _active
    if watch is None:
        return
    describe = _EVENTS.get(event)
    if describe is None:
        return
    try:
        what = describe(*arguments)
        if what:
            watch.heard(what, sys._getframe(1))
    except Exception:
        return  # what raises here would be raised in the application


def _slept(seconds: float) -> str:
    return f"time.sleep({seconds:g})" if seconds > 0 else ""


def _connected(sock: Any, address: Any) -> str:
    if sock.gettimeout() == 0:
        return ""  # it does not wait: the loop does
    return f"a blocking connection to {_shown(address)}"


def _looked_up(host: Any, *_rest: Any) -> str:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if not isinstance(name, str) or not name:
        return ""
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return f"a look-up of the name {name}"
    return ""


def _http_sent(connection: Any, _data: Any) -> str:
    return f"an HTTP request to {getattr(connection, 'host', '?')}"


def _ran(*_arguments: Any) -> str:
    return "os.system()"


def _started(*_arguments: Any) -> str:
    """subprocess.run and its kin; asyncio starts programs the same way, and does not wait."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_name in _WAITING and frame.f_code.co_filename.endswith("subprocess.py"):
            return f"subprocess.{frame.f_code.co_name}()"
        frame = frame.f_back
    return ""


_WAITING = frozenset({"run", "call", "check_call", "check_output", "getoutput", "getstatusoutput"})


def _opened(database: Any) -> str:
    return f"sqlite3.connect({str(database)[:80]!r})"


def _handed_out(connection: Any) -> str:
    watch = _active
    if watch is not None:
        watch.trace(connection)
    return ""


_EVENTS: dict[str, Callable[..., str]] = {
    "time.sleep": _slept,
    "socket.connect": _connected,
    "socket.getaddrinfo": _looked_up,
    "socket.gethostbyname": _looked_up,
    "http.client.send": _http_sent,
    "os.system": _ran,
    "subprocess.Popen": _started,
    "sqlite3.connect": _opened,
    "sqlite3.connect/handle": _handed_out,
}


def _cure(what: str) -> str:
    """What to do about a call that is known to block, where its name says more than the stack."""
    return next((cure for words, cure in _CURES if words in what), "")


_CURES = (
    ("time.sleep", "await asyncio.sleep() in place of time.sleep()"),
    ("sqlite3", _SQLITE := "aiosqlite, or await asyncio.to_thread() around connection and query"),
    ("SQLite", _SQLITE),
    (
        "os.system",
        _PROGRAMS := "asyncio.create_subprocess_exec() in place of subprocess and os.system()",
    ),
    ("subprocess", _PROGRAMS),
)


def _shown(address: Any) -> str:
    if isinstance(address, tuple) and len(address) >= 2:
        return f"{address[0]}:{address[1]}"
    return str(address)[:80]
