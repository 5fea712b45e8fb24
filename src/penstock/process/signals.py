"""Signals of a process that serves: the first one asks, the second one cuts, the third one ends.

    SIGINT, SIGTERM, SIGQUIT   first: graceful shutdown, exit status 0; with --drain-delay that comes
                               before it, and one signal more, which ends the delay, does not count
                               second: cut everything; exit status 128 + signal, within a second
                               third: the process ends at once, with the same status
    SIGUSR1                    log files are opened again
    SIGHUP                     says that reload needs --workers; if its terminal is gone: as SIGTERM

The handlers are Python's own (`signal.signal`), not the event loop's: an application that blocks the
loop must not keep a person from ending it. For the same reason a guard thread ends the process when
the loop does not get through the shutdown in time, and says where it stands.

As PID 1 of a container nothing differs but this: the kernel gives PID 1 no default action, and every
signal that ends a server has a handler here, so it ends there, too. Orphans that are handed to PID 1
are not reaped: a process that waits for any child would take the exit status away from the
application's own `subprocess` calls. Who starts programs that leave orphans runs the container with
an init (`docker run --init`).
"""

import _thread
import faulthandler
import os
import signal
import sys
import time
from types import FrameType
from typing import Any

# How long after the shutdown's deadline the guard waits for what has its own limits behind it:
# cancelled tasks, threads, and the lifespan's minimum.
GUARD_MARGIN_S = 5.0
# From the second signal to the end of the process.
FORCED_S = 1.0
# The exit status when the guard had to end the process.
EXIT_STUCK = 1

_ENDING = ("SIGINT", "SIGTERM", "SIGQUIT")


class Signals:
    """Installs the handlers for `server` (see `transport.server.Server`); use it with `with`, on the
    main thread. Afterwards `exit_code` is the process's: 0, or 128 + signal if it was forced.

    `note(level, text)` logs a line, on the loop's thread. The guard outlives the `with`: threads of
    the application may still keep the process from ending. `dismiss()` calls it off, for programs
    that go on after the server. `delay_s`: from the first signal to the begin of the shutdown;
    `server.leaving` is set meanwhile.
    """

    def __init__(self, server: Any, shutdown_s: float, note: Any, delay_s: float = 0.0) -> None:
        self.exit_code = 0
        self._server = server
        self._shutdown_s = shutdown_s
        self._note = note
        self._delay_s = delay_s
        self._count = 0
        self._guards: list[bool] = []
        self._before: dict[int, Any] = {}
        self._had_terminal = has_terminal()

    def __enter__(self) -> "Signals":
        for name in _ENDING:
            self._handle(getattr(signal, name, None), self._on_end)
        self._handle(getattr(signal, "SIGHUP", None), self._on_hangup)
        self._handle(getattr(signal, "SIGUSR1", None), self._on_reopen)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            # The handler that was there may be none of Python's (None): it cannot be put back
            if handler is not None:
                signal.signal(number, handler)

    def dismiss(self) -> None:
        """The process goes on: no guard ends it any more."""
        self._guards.clear()

    def _handle(self, number: int | None, handler: Any) -> None:
        if number is None:
            return
        before = signal.signal(number, handler)
        if before is signal.SIG_IGN and number == getattr(signal, "SIGHUP", None):
            signal.signal(number, before)  # started with nohup: a hang-up is to be ignored
            return
        self._before[number] = before

    def _on_end(self, number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if self._delay_s and not self._server.leaving and self._server.started:
            self._leave(name)
            return
        self._count += 1
        if self._count == 1:
            self._guard(self._shutdown_s + GUARD_MARGIN_S, EXIT_STUCK)
            self._server.should_exit = True
            self._say("info", f"{name}: shutting down (once more cuts what is running)")
            return
        self.exit_code = 128 + number
        if self._count == 2:
            self._guard(FORCED_S, self.exit_code)
            self._server.force_exit = True
            _write(f"{name} again: ending now\n")
            return
        os._exit(self.exit_code)

    def _leave(self, name: str) -> None:
        """The first signal, with a delay: readiness ends, everything else goes on."""
        self._server.leaving = True
        self._guard(self._delay_s + self._shutdown_s + GUARD_MARGIN_S, EXIT_STUCK)
        self._say(
            "info",
            f"{name}: not ready from now on; the shutdown begins in {self._delay_s:g} s (once more"
            " begins it now)",
        )
        loop = self._server.worker.loop
        loop.call_soon_threadsafe(loop.call_later, self._delay_s, self._delay_over)

    def _delay_over(self) -> None:
        if not self._count:
            self._count = 1
            self._server.should_exit = True
            self._note("info", "Shutting down")

    def _on_reopen(self, _number: int, _frame: FrameType | None) -> None:
        """From the loop, since a handler may have interrupted the logging itself."""
        worker = getattr(self._server, "worker", None)
        if worker is not None:
            try:
                worker.loop.call_soon_threadsafe(_reopen_logs)
            except RuntimeError:
                pass  # the loop is closed: no line follows

    def _on_hangup(self, number: int, frame: FrameType | None) -> None:
        if self._had_terminal and not has_terminal():
            self._on_end(number, frame)
            return
        self._say(
            "warning",
            "SIGHUP: reloading needs --workers, and this is one process without a supervisor;"
            " restart it instead",
        )

    def _say(self, level: str, text: str) -> None:
        """Log from the loop, since a handler may have interrupted the logging itself."""
        worker = getattr(self._server, "worker", None)
        if worker is None:
            _write(f"{text}\n")
            return
        try:
            worker.loop.call_soon_threadsafe(self._note, level, text)
        except RuntimeError:
            _write(f"{text}\n")

    def _guard(self, limit_s: float, status: int) -> None:
        """End the process in `limit_s`, come what may.

        A bare thread: `threading` takes locks that the interrupted code may hold, and waits for its
        threads at exit.
        """
        alive = self._guards
        alive.append(True)

        def watch() -> None:
            time.sleep(limit_s)
            if not alive:
                return
            if status == EXIT_STUCK:
                _write(
                    f"The shutdown did not end within {limit_s:g} s, so the process is ended;"
                    " this is where it stands:\n"
                )
                try:
                    faulthandler.dump_traceback(all_threads=True)
                except (OSError, ValueError, AttributeError, RuntimeError):
                    pass  # standard error is closed, or no file
            os._exit(status)

        _thread.start_new_thread(watch, ())


def _reopen_logs() -> None:
    from penstock.observe import logs

    logs.reopen()


def _write(text: str) -> None:
    """To standard error past all buffers and locks: the code that was interrupted may hold them."""
    try:
        os.write(2, text.encode("utf-8", "backslashreplace"))
    except OSError:
        pass


def has_terminal() -> bool:
    """Whether the process has a controlling terminal that is alive."""
    if sys.platform == "win32":
        return False
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
