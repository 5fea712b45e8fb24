"""A worker process: a server whose supervisor holds the sockets and watches its event loop.

    supervisor → worker   start (how, with which number; board and report) · sockets · stop · cut · reopen
    worker → supervisor   loaded · started (what is served) · ready · failed (code, reason, traceback)

The worker asks for the sockets only when its application has started, so that nobody waits at a
socket that nobody serves, and nothing that the application starts while it is imported holds a port.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from functools import partial
from types import FrameType
from typing import Any

from penstock.config import Bind
from penstock.errors import SetupError
from penstock.gateway.loading import Loaded
from penstock.process import board as columns
from penstock.process import stacks
from penstock.process.board import Board
from penstock.process.channel import Channel
from penstock.process.embed import load, open_access_log
from penstock.process.handover import unpack, unpack_bind
from penstock.process.run import configure_logs, end_tasks, loop_factory, loop_name
from penstock.process.steering import Steering
from penstock.process.title import set_title
from penstock.transport.direct import keep_memory
from penstock.transport.inflight import in_flight
from penstock.transport.server import Server
from penstock.transport.worker import ERROR_LOGGER

# How often the loop writes that it turns; a worker that is to be recycled by requests says its count
# more often.
BEAT_S = 1.0
COUNTING_BEAT_S = 0.2

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def main(control: int) -> int:
    """The worker's whole life; returns its exit code. `control`: descriptor of its channel."""
    os.set_inheritable(control, False)
    channel = Channel(socket.socket(fileno=control))
    message = channel.wait()
    if message is None:
        return 1
    _, start = message
    sys.path[:] = start["path"]
    sys.argv[:] = start["argv"]
    return begin(channel, start, None)


def begin(channel: Channel, start: dict[str, Any], loaded: Loaded | None) -> int:
    """Be a worker; the exit code. `start`: what the supervisor said, with whose message board and
    report have come. `loaded`: the application, where it is imported already."""
    board_fd, report = channel.take(2)
    board = Board(board_fd)
    try:
        return Child(channel, board, report, start, loaded).run()
    finally:
        channel.close()
        board.close()


class Child:
    """The worker. `start`: what the supervisor said, by name: config, slot, drain_s (how long idle
    connections stay when others take over)."""

    def __init__(
        self,
        channel: Channel,
        board: Board,
        report: int,
        start: dict[str, Any],
        loaded: Loaded | None = None,
    ) -> None:
        self.config = unpack(start["config"])
        self.channel = channel
        self.board = board
        self.slot: int = start["slot"]
        self.server: Server | None = None
        self._report = report
        self._replaced_drain_s: float = start["drain_s"]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sockets: asyncio.Future[list[tuple[socket.socket, Bind]]] | None = None
        self._beat_s = COUNTING_BEAT_S if self.config.limit_max_requests else BEAT_S
        if self.config.timeout_worker:
            self._beat_s = min(self._beat_s, self.config.timeout_worker / 4)
        self._loaded = loaded
        self._asked = False

    def run(self) -> int:
        """Import, start, serve, end; the exit code."""
        # Not SIG_IGN, which what the application starts would inherit. Ctrl+C goes to all processes of
        # a terminal, and the supervisor says what is to be done about it.
        for name in ("SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), _ignored)
        app = self.config.app if isinstance(self.config.app, str) else ""
        set_title(self.config.name, f"worker {self.slot + 1}", app)
        stacks.install(self._report, self._requests)
        self.board.put(self.slot, columns.PID, os.getpid())
        self.board.put(self.slot, columns.STATE, columns.STARTING)
        try:
            return self._run()
        except SetupError as error:
            self._fail(error)
            return error.exit_code

    def _run(self) -> int:
        config = self.config
        configure_logs(config)
        loop = self._loop = loop_factory(config.loop)()
        keep_memory()
        try:
            asyncio.set_event_loop(loop)
            server = self.server = Server(
                config,
                partial(load, config),
                open_access_log=partial(open_access_log, config),
                open_sockets=self._open_sockets,
                on_ready=self._ready,
            )
            server.number = self.slot + 1
            server.steering = Steering(self.board, self.slot, time.monotonic_ns)
            self._load(server)
            for name in ("SIGTERM", "SIGQUIT"):
                signal.signal(getattr(signal, name), self._on_end)
            self.channel.sock.setblocking(False)
            loop.add_reader(self.channel.sock, self._listen)
            self._beat()
            try:
                loop.run_until_complete(server.serve())
            finally:
                loop.remove_reader(self.channel.sock)
                self.channel.sock.setblocking(True)
                end_tasks(loop, logging.getLogger(ERROR_LOGGER))
        finally:
            asyncio.set_event_loop(None)
            loop.close()
        return 0

    def _load(self, server: Server) -> None:
        server.application = self._loaded
        server.load()
        self.channel.send("loaded")

    def _fail(self, error: SetupError) -> None:
        cause = error.__cause__
        detail = stacks.of_exception(cause) if cause is not None else ""
        self.channel.send("failed", error.exit_code, str(error), error.hint, detail)

    # -------------------------------------------------------------------------------------- sockets

    async def _open_sockets(self) -> list[tuple[socket.socket, Bind]]:
        server, loop = self.server, asyncio.get_running_loop()
        if server is None or server.should_exit:
            return []
        self._sockets = loop.create_future()
        loaded = server.load()
        self.channel.send("started", loaded.name, loaded.interface, loop_name(loop))
        return await self._sockets

    def _ready(self, _server: Any) -> None:
        self._count()
        self.board.put(self.slot, columns.STATE, columns.SERVING)
        self.channel.send("ready")

    # ------------------------------------------------------------------------------ what it is told

    def _listen(self) -> None:
        messages = self.channel.receive()
        if messages is None:
            self._abandoned()
            return
        for message in messages:
            getattr(self, f"_on_{message[0]}")(*message[1:])

    def _on_sockets(self, binds: list[Any]) -> None:
        found = [socket.socket(fileno=fd) for fd in self.channel.take(len(binds))]
        pairs = [(sock, unpack_bind(bind)) for sock, bind in zip(found, binds, strict=True)]
        if self._sockets is not None and not self._sockets.done():
            self._sockets.set_result(pairs)

    def _on_stop(self, succeeded: bool) -> None:
        server = self.server
        if server is None:
            return
        if succeeded:
            server.succeeded = True
            server.drain_s = self._replaced_drain_s
        self._end()

    def _on_cut(self) -> None:
        if self.server is not None:
            self.server.force_exit = True
            self._end()

    def _on_reopen(self) -> None:
        from penstock.observe import logs

        logs.reopen()

    def _abandoned(self) -> None:
        """The supervisor is gone, and with it whoever would stop this process later."""
        logging.getLogger(ERROR_LOGGER).error("The supervisor is gone: this worker ends")
        if self._loop is not None:
            self._loop.remove_reader(self.channel.sock)
        self._on_cut()

    def _on_end(self, _number: int, _frame: FrameType | None) -> None:
        # Not more than once: a service manager signals all processes, and the supervisor asks, too
        if not self._asked and self._loop is not None:
            self._asked = True
            try:
                self._loop.call_soon_threadsafe(self._end)
            except RuntimeError:
                pass  # the loop is closed: it ends already

    def _end(self) -> None:
        self.board.put(self.slot, columns.STATE, columns.DRAINING)
        if self._sockets is not None and not self._sockets.done():
            self._sockets.set_result([])
        if self.server is not None:
            self.server.should_exit = True

    # -------------------------------------------------------------------------------- what it tells

    def _beat(self) -> None:
        self._count()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_later(self._beat_s, self._beat)

    def _count(self) -> None:
        board, slot = self.board, self.slot
        worker = self.server.worker if self.server is not None else None
        if worker is not None:
            board.put(slot, columns.CONNECTIONS, len(worker.connections))
            board.put(slot, columns.WEBSOCKETS, worker.websockets)
            board.put(slot, columns.STALLS, worker.counters.stalls)
            board.put(slot, columns.STALLED_NS, int(worker.counters.stall_s * 1e9))
            board.put(slot, columns.RUNNING, worker.running)
            board.put(slot, columns.REQUESTS, worker.requests)
            for column, name in enumerate(columns.COUNTERS, columns.COUNTED):
                board.put(slot, column, getattr(worker.counters, name))
            if self.server is not None and self.server.acceptor is not None:
                board.put(slot, columns.ACCEPTED, self.server.acceptor.accepted)
        if self.config.limit_max_rss is not None:
            board.put(slot, columns.RSS_BYTES, resident_bytes())
        board.put(slot, columns.BEAT_NS, time.monotonic_ns())

    def _requests(self) -> list[str]:
        worker = self.server.worker if self.server is not None else None
        return [] if worker is None else in_flight(worker, worker.loop.time())


def resident_bytes() -> int:
    """The resident memory of this process; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0


def _ignored(_number: int, _frame: FrameType | None) -> None:
    """A signal that is the supervisor's to act on."""
