"""The supervisor: what `penstock --workers N` runs. It holds the sockets and serves nothing itself.

    SIGINT, SIGTERM, SIGQUIT   graceful shutdown; the second time at once
    SIGHUP                     rolling reload: a new worker is ready before an old one ends
    SIGUSR1                    log files are opened again
    SIGUSR2                    a new version of the program takes the sockets over
    SIGTTIN, SIGTTOU           one worker more, one fewer

`policy` decides, `actor` acts, and this module brings them events: signals, time, what the board shows.
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
from typing import Any

from penstock.config import Bind, Config
from penstock.errors import SetupError
from penstock.process import board as columns
from penstock.process import events as e
from penstock.process import upgrade
from penstock.process.actor import Actor
from penstock.process.board import SLOTS_MAX
from penstock.process.policy import DRAINING, HUNG, MARGIN_S, SERVING, Policy, Settings
from penstock.process.recycle import Recycling
from penstock.process.run import announce_service, configure_logs
from penstock.process.signals import has_terminal
from penstock.process.surroundings import Surroundings
from penstock.transport.worker import ERROR_LOGGER

# How often the board is looked at.
WATCH_S = 0.5
WATCH_S_MIN = 0.05
# Timers are not set closer than this.
TICK_S_MIN = 0.01
TICK_S_MAX = 3600.0

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)


def run(config: Config) -> int:
    """Supervise until a signal; the exit code: 0, or 128 + signal when the signal came twice, or 1 if
    a worker had to be killed at the end. Raises SetupError and its kin when it cannot start."""
    before = upgrade.predecessor(os.environ)
    around = Surroundings(config, predecessor=0 if before is None else before.pid)
    try:
        if before is not None:
            around.inherited = partial(before.take, upgrade.SERVICE)
            around.inherited_binds = tuple(before.binds(upgrade.SERVICE))
        around.enter("supervisor", bind=True)
        configure_logs(config)  # after that, so that log files are the user's who opens them again
        return asyncio.run(Supervisor(config, around, before).run())
    except SetupError as error:
        around.news.status(f"Not started: {error}")
        raise
    finally:
        if before is not None:
            before.close()
        around.leave()


class Supervisor:
    """One run of the supervisor. `around`: the surroundings, entered; the sockets are in them.
    `before`: the supervisor whose place it takes, if there is one."""

    def __init__(
        self, config: Config, around: Surroundings, before: upgrade.Predecessor | None = None
    ) -> None:
        self.config = config
        self.around = around
        self._before = before
        self._successor: upgrade.Successor | None = None
        self._health: Any = None
        self._opening: asyncio.Task[None] | None = None
        self._handed_health = [] if before is None else before.take_all(upgrade.HEALTH)
        self.logger = logging.getLogger(ERROR_LOGGER)
        self._policy = Policy(
            Settings(
                workers=config.workers or 1,
                startup_s=config.timeout_startup,
                graceful_s=config.timeout_graceful_shutdown,
                drain_delay_s=config.drain_delay,
                members_max=SLOTS_MAX,
            ),
            lambda worker: self._actor.describe(worker) if self._actor is not None else "a worker",
        )
        self._recycling = Recycling(config)
        self._actor: Actor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Future[e.Exit] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watch_timer: asyncio.TimerHandle | None = None
        self._silence_s = config.timeout_worker or float("inf")
        self._watch_s = max(min(WATCH_S, self._silence_s / 4), WATCH_S_MIN)
        self._watched_at = 0.0
        self._listening = False
        self._reloading = False
        self._stopping = False
        self._had_terminal = has_terminal()

    async def run(self) -> int:
        """Start the workers, supervise them, and return the exit code when all have ended."""
        loop = self._loop = asyncio.get_running_loop()
        self._over = loop.create_future()
        actor = self._actor = Actor(self.config, self.logger, self.tell, self._sockets)
        self._install(loop)
        try:
            if self._before is None:
                await self._open_health()
            self.tell(e.Started())
            self._watched_at = loop.time()
            self._watch_timer = loop.call_later(self._watch_s, self._watch)
            end = await self._over
        finally:
            for timer in (self._timer, self._watch_timer):
                if timer is not None:
                    timer.cancel()
            actor.close()
            if self._successor is not None:
                self._successor.close()
            if self._opening is not None:
                await self._opening
            if self._health is not None:
                await self._health.shutdown()
        if end.reason:
            failed = actor.failure
            if failed is not None and failed.detail and end.code == 4:
                sys.stderr.write(failed.detail)
            error = SetupError(end.reason, failed.hint if failed is not None else "")
            error.exit_code = end.code
            raise error
        return end.code

    async def _open_health(self) -> None:
        """Serve the health endpoints, if somebody asks for them."""
        if not self.config.health_bind:
            return
        from penstock.process.health import open_health

        server = open_health(self.config, self.health, self._handed_health or None)
        await server.start()
        self._health = server

    async def _take_health_over(self) -> None:
        try:
            await self._open_health()
        except SetupError as error:
            self.logger.error("The health endpoints cannot be served: %s. %s", error, error.hint)

    def health(self) -> Any:
        """How the service is, as far as its workers tell; see `health.Health`."""
        from penstock.process.health import health_of_workers

        actor, policy = self._actor, self._policy
        rows = (
            []
            if actor is None
            else [
                (member.state, actor.board.row(process.slot))
                for member in policy.members.values()
                if (process := actor.processes.get(member.id)) is not None
            ]
        )
        found = health_of_workers(rows, policy.wanted, policy.leaving, policy.stopping)
        if self._health is not None and self._health.succeeded:
            # Asked on a connection from before: the service goes on, in its successor
            return found._replace(ready=True, state=SERVING)
        return found

    def tell(self, event: e.Event) -> None:
        """Let the policy decide about `event`, and do what it says."""
        loop, actor, over = self._loop, self._actor, self._over
        if loop is None or actor is None or over is None or over.done():
            return
        actions = self._policy.on(event, loop.time())
        actor.generation = self._policy.generation
        for action in actions:
            if isinstance(action, e.Exit):
                over.set_result(action)
            elif isinstance(action, e.Announce):
                self._announce(actor)
            elif isinstance(action, e.Leave):
                self._stopping = True
                self.around.stopping("Leaving: requests are still served")
            else:
                actor.act(action)
        self._tell_systemd(loop)
        self._set_timer(loop)

    def _tell_systemd(self, loop: asyncio.AbstractEventLoop) -> None:
        """A reload's beginning and its end, however it went."""
        if self._policy.reloading is self._reloading or self._stopping:
            return
        self._reloading = not self._reloading
        if self._reloading:
            self.around.reloading("Reloading: workers are replaced one by one")
        else:
            self.around.ready(loop.call_later, f"Serving {self.config.app}", self._alive)

    def _alive(self) -> bool:
        """Whether somebody serves: a supervisor alone is no service."""
        return self._stopping or bool(self._policy.of_state(SERVING, DRAINING))

    def _set_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._policy.due()
        if due is not None:
            wait_s = min(max(due - loop.time(), TICK_S_MIN), TICK_S_MAX)
            self._timer = loop.call_later(wait_s, self.tell, e.Tick())

    def _sockets(self) -> list[tuple[socket.socket, Bind]]:
        if not self._listening:
            # Nobody gets through before an application has started (LIFE-06)
            self.around.listen()
            self._listening = True
        return self.around.sockets

    def _announce(self, actor: Actor) -> None:
        served = next((each.served for each in actor.processes.values() if each.served), None)
        if served is None or self._loop is None:
            return
        app, interface, loop_name = served
        announce_service(
            self.around.sockets,
            app,
            interface,
            loop_name,
            self._policy.wanted,
            http2=self.config.http2,
        )
        if text := self.around.unserved():
            self.logger.warning("%s", text)
        try:
            self.around.announce(self.around.sockets)
        except SetupError as error:
            self.logger.error("%s. %s", error, error.hint)
        if self._before is not None:
            self._before.ready()
            # Not before: who answers on the same sockets while another still serves must not say that
            # nobody is ready
            self._opening = self._loop.create_task(self._take_health_over())
        self.around.ready(self._loop.call_later, f"Serving {app}", self._alive)

    # ------------------------------------------------------------------------------------- signals

    def _install(self, loop: asyncio.AbstractEventLoop) -> None:
        ignores_hangup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # nohup
        for number in _ENDING:
            loop.add_signal_handler(number, self._on_end, number)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup, ignores_hangup)
        loop.add_signal_handler(signal.SIGCHLD, self._on_child)
        loop.add_signal_handler(signal.SIGTTIN, self.tell, e.More())
        loop.add_signal_handler(signal.SIGTTOU, self.tell, e.Fewer())
        loop.add_signal_handler(signal.SIGUSR1, self._on_reopen)
        loop.add_signal_handler(signal.SIGUSR2, self._on_upgrade)

    def _on_end(self, number: int) -> None:
        self._stopping = True
        self.around.stopping("Shutting down")
        self.tell(e.Stop(signal.Signals(number).name, 128 + number))

    def _on_hangup(self, ignores_hangup: bool) -> None:
        if self._had_terminal and not ignores_hangup and not has_terminal():
            self._on_end(signal.SIGHUP)
            return
        self.reload()

    def reload(self) -> None:
        """Replace all workers, one at a time."""
        self.tell(e.Reload())

    def _on_reopen(self) -> None:
        from penstock.observe import logs

        logs.reopen()
        if self._actor is not None:
            self._actor.send_all("reopen")

    def _on_child(self) -> None:
        others = self._actor.reap() if self._actor is not None else {}
        if self._successor is not None and self._successor.pid in others:
            self._successor.exited(others[self._successor.pid])

    # ------------------------------------------------------------------------------------- upgrade

    def _on_upgrade(self) -> None:
        if os.getpid() == 1:
            self.logger.warning(
                "SIGUSR2: this is the container's first process, which would end with it; SIGHUP"
                " reloads the application, a new version of the program needs a new container"
            )
            return
        if self._successor is not None or not self._policy.running or self._policy.stopping:
            self.logger.warning("SIGUSR2 is left out: the server starts, stops, or is taken over")
            return
        limit_s = 2 * self.config.timeout_startup + MARGIN_S
        successor = upgrade.Successor(limit_s, self._succeeded, self._not_succeeded)
        handed = [(upgrade.SERVICE, bind, sock) for sock, bind in self.around.sockets]
        if self._health is not None:
            handed += [(upgrade.HEALTH, bind, sock) for sock, bind in self._health.bound]
        try:
            successor.start(handed, self.around.systemd.handed_on())
        except OSError as error:
            self.logger.error("SIGUSR2: the new version cannot be started: %s", error)
            return
        self._successor = successor
        self.logger.info("SIGUSR2: process %d is to take over", successor.pid)

    def _succeeded(self, pid: int) -> None:
        self.logger.info("Process %d has taken over; this one ends", pid)
        self._stopping = True
        for listener in self.around.listeners:
            listener.disown()
        if self._health is not None:
            self._health.disown()
            self._health.succeeded = True
            self._health.acceptor.close()
        self.around.news.main_pid(pid)
        self.tell(e.Succeeded())

    def _not_succeeded(self, why: str) -> None:
        self._successor = None
        self.logger.error("The new version did not take over: %s; this one goes on", why)

    # --------------------------------------------------------------------------------------- watch

    def _watch(self) -> None:
        """Look at the board: whose loop stands still, and who is to be replaced."""
        loop, actor = self._loop, self._actor
        if loop is None or actor is None:
            return
        now = loop.time()
        # Who was stopped itself (SIGSTOP, a debugger) cannot say that others were silent
        slept = now - self._watched_at > self._watch_s + 1.0
        self._watched_at = now
        self._watch_timer = loop.call_later(self._watch_s, self._watch)
        if slept:
            return
        self._look_for_silence(actor)
        self._look_for_wishes(actor, now)

    def _look_for_silence(self, actor: Actor) -> None:
        now_ns = time.monotonic_ns()
        for member in self._policy.of_state(SERVING, DRAINING, HUNG):
            process = actor.processes.get(member.id)
            if process is None or member.ready_at is None:
                continue
            silent_s = (now_ns - actor.board.get(process.slot, columns.BEAT_NS)) / 1e9
            if member.state == HUNG:
                if silent_s < self._silence_s:
                    self.tell(e.Beating(member.id))
            elif silent_s > self._silence_s:
                self.tell(e.Late(member.id, silent_s))

    def _look_for_wishes(self, actor: Actor, now: float) -> None:
        for member in self._policy.of_state(SERVING):
            process = actor.processes.get(member.id)
            if process is None or member.ready_at is None:
                continue
            row: Any = actor.board.row(process.slot)
            if row[columns.STATE] == columns.DRAINING:
                self.tell(e.Leaving(member.id))  # somebody signalled it
            if member.tired:
                continue
            reason = self._recycling.reason(
                member.id, row[columns.REQUESTS], now - member.ready_at, row[columns.RSS_BYTES]
            )
            if reason:
                self.tell(e.Wish(member.id, reason))
