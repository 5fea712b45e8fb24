"""Acts for the supervisor: starts worker processes, talks to them, explains and ends them.

What is to be done it is told in actions (see `events`), and what happens to the processes it tells in
events. It decides nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from penstock import errors
from penstock.config import Bind, Config
from penstock.process import board as columns
from penstock.process import events as e
from penstock.process import orphans
from penstock.process.board import SLOTS_MAX, Board
from penstock.process.channel import Channel, pair
from penstock.process.handover import pack, pack_bind
from penstock.process.stacks import Report, new_report

if TYPE_CHECKING:
    from penstock.process.preload import Templates

# What a worker has to tell where it stands.
EXPLAIN_S = 1.0

# The modules of this very program come first until the child has this process's own path.
_BOOT = "import sys; sys.path.insert(0, {root!r}); from penstock.process.{module} import main; sys.exit(main({fd}))"
_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(errors.__file__)))


class Process:
    """A worker process. `worker`: its number in the policy. `slot`: its row of the board."""

    __slots__ = (
        "channel",
        "detail",
        "hint",
        "pid",
        "reason",
        "report",
        "served",
        "slot",
        "turn",
        "worker",
    )

    def __init__(self, worker: int, slot: int, channel: Channel) -> None:
        self.worker = worker
        self.slot = slot
        self.channel = channel
        self.report = Report(new_report())
        self.pid = 0
        self.served: tuple[str, str, str] | None = None  # application, interface, event loop
        self.detail = ""  # the traceback of a failed start
        self.hint = ""  # what to change about it
        self.reason = ""  # of it, in a sentence
        # What is told and done to it takes its turn: it is explained before it is ended.
        self.turn = asyncio.Lock()

    @property
    def name(self) -> str:
        """For the log."""
        return f"worker {self.slot + 1} (process {self.pid})"


class Actor:
    """The processes of one supervisor. All calls on the thread of its event loop.

    `tell(event)`: what happened. `sockets()`: the listening sockets, which are opened by the call.
    `start(channel, path)`, if given, starts a process in place of a fresh interpreter, and
    returns its pid.
    """

    def __init__(
        self,
        config: Config,
        logger: logging.Logger,
        tell: Callable[[e.Event], None],
        sockets: Callable[[], list[tuple[socket.socket, Bind]]],
    ) -> None:
        self.config = config
        self.board = Board()
        self.processes: dict[int, Process] = {}
        self.start: Callable[[Channel], int] | None = None
        # Of the workers that are started from now on
        self.generation = 0
        self._logger = logger
        self._tell = tell
        self._sockets = sockets
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._tie = orphans.tie()
        self._last: Process | None = None  # that failed to start
        self._templates: Templates | None = None
        # Processes that have ended before it was known that they were workers
        self._early: dict[int, int] = {}
        if config.preload:
            from penstock.process.preload import Templates

            self._templates = Templates(
                config, logger, partial(self._fresh, "template"), self._forked, self._not_forked
            )

    @property
    def failure(self) -> Process | None:
        """The last process that said why it could not start."""
        return self._last

    def act(self, action: e.Action) -> None:
        """Do it."""
        getattr(self, f"_act_{type(action).__name__.lower()}")(action)

    def describe(self, worker: int) -> str:
        """A worker's name for the log."""
        process = self.processes.get(worker)
        return process.name if process is not None else "a worker"

    def send_all(self, *message: Any) -> None:
        """Tell all workers something."""
        for process in self.processes.values():
            process.channel.send(*message)

    def close(self) -> None:
        """Let go of everything; no process is left then, or nobody waits for it any more."""
        for task in self._tasks:
            task.cancel()
        if self._templates is not None:
            self._templates.close()
        for process in list(self.processes.values()):
            self._forget(process)
        self.board.close()
        os.close(self.board.fd)

    # ------------------------------------------------------------------------------------- actions

    def _act_spawn(self, action: e.Spawn) -> None:
        used = {process.slot for process in self.processes.values()}
        slot = next(each for each in range(SLOTS_MAX) if each not in used)
        ours, theirs = pair()
        process = self.processes[action.worker] = Process(action.worker, slot, ours)
        self.board.clear(slot)
        start = {
            "config": pack(self.config),
            "slot": slot,
            "path": sys.path,
            "argv": sys.argv,
            "drain_s": self.config.timeout_drain,
        }
        ours.send("start", start, descriptors=(self.board.fd, process.report.fd))
        ours.sock.setblocking(False)
        self._loop.add_reader(ours.sock, self._heard, process)
        try:
            if self._templates is not None:
                self._templates.fork(process, self.generation, theirs)
                return
            process.pid = (self.start or partial(self._fresh, "child"))(theirs)
        except OSError as error:
            self._loop.call_soon(self._not_started, process, error)
        theirs.close()

    def _forked(self, process: Process, pid: int) -> None:
        """The template has forked a worker."""
        status = self._early.pop(pid, None)
        if self._templates is not None and not self._templates.forking:
            self._early.clear()  # what is left was no worker, and its pid may be one's next
        if process.worker not in self.processes:
            if status is None:
                os.kill(pid, signal.SIGKILL)  # it was withdrawn meanwhile
            return
        process.pid = pid
        if status is not None:
            self._ended(process, status)

    def _not_forked(self, process: Process, code: int, text: str, hint: str, detail: str) -> None:
        """There will be no process for a worker."""
        if process.worker in self.processes:
            self._on_failed(process, code, text, hint, detail)
            self._ended(process, code)

    def _fresh(self, module: str, channel: Channel) -> int:
        """Start a new interpreter for a worker, or for a template."""
        fd = channel.sock.fileno()
        # With the options of this one: -X dev, -W, -O and the like
        flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        child = subprocess.Popen(
            [sys.executable, *flags, "-c", _BOOT.format(root=_ROOT, fd=fd, module=module)],
            pass_fds=(fd,),
            preexec_fn=self._tie,  # noqa: PLW1509 - this process has no threads
        )
        child.returncode = 0  # `reap` waits for it, not this object
        return child.pid

    def _not_started(self, process: Process, error: OSError) -> None:
        self._tell(e.Failed(process.worker, 1, f"no process could be started: {error}"))
        self._ended(process, 1)

    def _act_retire(self, action: e.Retire) -> None:
        process = self.processes.get(action.worker)
        if process is not None:
            self.board.put(process.slot, columns.STATE, columns.DRAINING)
            process.channel.send("stop", action.succeeded)

    def _act_interrupt(self, action: e.Interrupt) -> None:
        self._in_turn(action.worker, self._signal, signal.SIGTERM)

    def _act_cut(self, action: e.Cut) -> None:
        process = self.processes.get(action.worker)
        if process is not None:
            process.channel.send("cut")

    def _act_explain(self, action: e.Explain) -> None:
        self._in_turn(action.worker, self._explain, f"stands still: {action.why}")

    def _act_kill(self, action: e.Kill) -> None:
        self._in_turn(action.worker, self._explain, f"is killed: {action.why}")
        self._in_turn(action.worker, self._signal, signal.SIGKILL)

    def _act_say(self, action: e.Say) -> None:
        self._logger.log(logging.getLevelNamesMapping()[action.level.upper()], "%s", action.text)

    def _in_turn(self, worker: int, do: Any, argument: Any) -> None:
        process = self.processes.get(worker)
        if process is None:
            return
        if not process.pid and self._templates is not None and self._templates.withdraw(process):
            self._loop.call_soon(self._ended, process, -signal.SIGTERM)
            return

        async def in_turn() -> None:
            async with process.turn:
                # While it is among the processes, it is not reaped: the pid is no one else's
                if worker in self.processes and process.pid:
                    await do(process, argument)

        task = self._loop.create_task(in_turn())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _signal(self, process: Process, number: int) -> None:
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            pass

    async def _explain(self, process: Process, what: str) -> None:
        text = await process.report.ask(process.pid, EXPLAIN_S)
        name = process.name
        self._log_with(f"{name[:1].upper()}{name[1:]} {what}; this is where it is:", text)

    def _log_with(self, text: str, below: str) -> None:
        """An error with lines below it, which no peer and no application can forge."""
        logger = self._logger
        record = logger.makeRecord(
            logger.name, logging.ERROR, __file__, 0, text, (), None, sinfo=below.rstrip()
        )
        logger.handle(record)

    # ---------------------------------------------------------------------------------- what is heard

    def _heard(self, process: Process) -> None:
        messages = process.channel.receive()
        if messages is None:
            self._loop.remove_reader(process.channel.sock)
            return
        for message in messages:
            getattr(self, f"_on_{message[0]}")(process, *message[1:])

    def _on_loaded(self, process: Process) -> None:
        self._tell(e.Loaded(process.worker))

    def _on_started(self, process: Process, app: str, interface: str, loop: str) -> None:
        process.served = (app, interface, loop)
        try:
            bound = self._sockets()
        except errors.SetupError as error:
            # It has started well and is told to end; the service cannot be
            self._on_failed(process, error.exit_code, str(error), error.hint, "")
            process.channel.send("stop", False)
            return
        process.channel.send(
            "sockets",
            [pack_bind(bind) for _, bind in bound],
            descriptors=[sock.fileno() for sock, _ in bound],
        )

    def _on_ready(self, process: Process) -> None:
        self._tell(e.Ready(process.worker))

    def _on_failed(self, process: Process, code: int, text: str, hint: str, detail: str) -> None:
        process.reason, process.hint, process.detail = text, hint, detail
        self._last = process
        self._tell(e.Failed(process.worker, code, text))

    def reap(self) -> dict[int, int]:
        """Take note of the processes that have ended; returns those that are not workers, with
        their statuses. As PID 1 of a container it has orphans of the application to bury, too."""
        others: dict[int, int] = {}
        by_pid = {process.pid: process for process in self.processes.values()}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return others
            if pid == 0:
                return others
            status = os.waitstatus_to_exitcode(status)
            if pid in by_pid:
                self._ended(by_pid[pid], status)
            else:
                others[pid] = status
                if self._templates is not None:
                    if self._templates.forking:
                        self._early[pid] = status
                    self._templates.exited(pid)

    def _ended(self, process: Process, status: int) -> None:
        if process.worker not in self.processes:
            return
        # What it said last may not have been read yet
        self._heard(process)
        text = process.report.news()
        if status < 0 and text.strip():
            name = process.name
            self._log_with(f"{name[:1].upper()}{name[1:]} was here when it ended:", text)
        self._tell(e.Exited(process.worker, status))
        self._forget(process)

    def _forget(self, process: Process) -> None:
        self.processes.pop(process.worker, None)
        self._loop.remove_reader(process.channel.sock)
        process.channel.close()
        process.report.close()
        self.board.clear(process.slot)
