"""`--reload`: one child serves, and is started anew when a file changes.

This process holds the sockets, so whoever connects during a restart waits a moment and is not refused.
While there is no application (a syntax error, a failed start, a child that died) it answers itself,
with what went wrong. The child is a worker as under the supervisor (`child`, `actor`), hastened: what
still runs at a restart is cut within a second. SIGINT, SIGTERM and SIGQUIT end it, SIGHUP starts the
child anew, SIGUSR1 opens log files again.
"""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import logging
import os
import signal
import subprocess
import sys
from typing import Any

from penstock.config import Config
from penstock.config.config import DEFAULT
from penstock.gateway.loading import Loaded
from penstock.process import embed
from penstock.process import events as e
from penstock.process.actor import _ROOT, Actor
from penstock.process.channel import Channel
from penstock.process.reload_page import Problem, application
from penstock.process.reload_policy import Changed, Hide, ReloadPolicy, Show, shown
from penstock.process.run import announce_service, configure_logs
from penstock.process.surroundings import Surroundings
from penstock.process.watching import Watched, Watcher, watched
from penstock.transport.server import Server
from penstock.transport.worker import ERROR_LOGGER

# What a request under way, a stream or a WebSocket gets at a restart; with what follows it is less than
# a second.
GRACE_S = 0.4
# Idle connections: a browser opens new ones without a word.
DRAIN_S = 0.05

# Options of several workers, or of a service that others watch, which mean nothing here.
_UNUSED = (
    "workers", "preload", "limit_max_requests", "limit_max_age", "limit_max_rss", "drain_delay",
    "health_bind",
)  # fmt: skip

# The kernel ends the child with this process; see `orphans`. No function runs between fork and exec,
# since this process has threads.
_BOOT = (
    "import sys; sys.path.insert(0, {root!r}); from penstock.process import orphans;"
    " orphans.end_with({parent}); from penstock.process.child import main; sys.exit(main({fd}))"
)


def run(config: Config) -> int:
    """Serve and reload until a signal; the exit code: 0, or 128 + signal when it came twice.

    Raises SetupError and its kin for what is wrong besides the application.
    """
    current = os.getcwd()
    around = Surroundings(config)
    folders = config.reload_dir or (current, *_of_the_application(config))
    files = watched(folders, config.reload_include, config.reload_exclude, current)
    try:
        around.enter("reloader", bind=True)
        configure_logs(config)
        return asyncio.run(Reloader(config, around, files).run())
    finally:
        around.leave()


def _of_the_application(config: Config) -> list[str]:
    """The folders that it is imported from, besides the current one."""
    file = str(config.app).partition(":")[0]
    found = [os.path.dirname(os.path.abspath(file))] if file.endswith(".py") else []
    return found + [config.app_dir] * bool(config.app_dir)


def hastened(config: Config) -> Config:
    """`config` for a child that makes room for the next one at once."""
    grace_s = min(config.timeout_graceful_shutdown, GRACE_S)
    return config.replace(
        timeout_graceful_shutdown=grace_s,
        timeout_disconnect_grace=min(config.timeout_disconnect_grace, grace_s / 3),
        timeout_lifespan_shutdown=min(config.timeout_lifespan_shutdown, grace_s / 6),
        timeout_drain=DRAIN_S,
        drain_delay=0,
    )


class Reloader:
    """One run of it. `around`: entered, with the sockets. `files`: which are watched."""

    def __init__(self, config: Config, around: Surroundings, files: Watched) -> None:
        self.config = hastened(config)
        self.around = around
        self.logger = logging.getLogger(ERROR_LOGGER)
        self._given = config
        self._files = files
        self._policy = ReloadPolicy()
        self._actor: Actor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Future[int] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._page: Server | None = None
        # Pages come and go one after the other
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._folder = os.getcwd()

    async def run(self) -> int:
        """Serve until all is over; the exit code."""
        loop = self._loop = asyncio.get_running_loop()
        self._over = loop.create_future()
        watcher = self._watcher(loop)
        actor = self._actor = Actor(
            self.config, self.logger, self.tell, lambda: self.around.sockets
        )
        actor.start = self._start
        self._install(loop)
        try:
            self._introduce()
            self.around.listen()
            watcher.start()
            self.tell(e.Started())
            return await self._over
        finally:
            if self._timer is not None:
                self._timer.cancel()
            await loop.run_in_executor(None, watcher.stop)
            self._later(self._hide())
            while self._tasks:
                await asyncio.wait(self._tasks)
            actor.close()

    def tell(self, event: Any) -> None:
        """Let the policy decide about `event`, and do what it says."""
        loop, actor, over = self._loop, self._actor, self._over
        if loop is None or actor is None or over is None or over.done():
            return
        for action in self._policy.on(event, loop.time()):
            if isinstance(action, e.Exit):
                over.set_result(action.code)
            elif isinstance(action, e.Announce):
                self._announce(loop)
            elif isinstance(action, Show):
                self._later(self._show(self._problem(action.reason)))
            elif isinstance(action, Hide):
                self._later(self._hide())
            else:
                actor.act(action)
        self._set_timer(loop)

    def _set_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._policy.due()
        if due is not None:
            self._timer = loop.call_later(max(due - loop.time(), 0.01), self.tell, e.Tick())

    # --------------------------------------------------------------------------------- the outer world

    def _watcher(self, loop: asyncio.AbstractEventLoop) -> Watcher:
        def changed(paths: set[str]) -> None:
            for path in paths:
                _uncache(path)
            names = tuple(shown(path, self._folder) for path in paths)
            _soon(loop, self.tell, Changed(names))

        def note(level: str, text: str) -> None:
            _soon(loop, self._say, level, text)

        config = self.config
        return Watcher(
            self._files, config.reload_delay, changed, note, polling=config.reload_polling
        )

    def _install(self, loop: asyncio.AbstractEventLoop) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            loop.add_signal_handler(number, self._on_end, number)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # not with nohup
            loop.add_signal_handler(signal.SIGHUP, self.tell, e.Reload())
        loop.add_signal_handler(signal.SIGCHLD, self._on_child)
        loop.add_signal_handler(signal.SIGUSR1, self._on_reopen)

    def _on_end(self, number: int) -> None:
        self.around.stopping()
        self.tell(e.Stop(signal.Signals(number).name, 128 + number))

    def _on_child(self) -> None:
        if self._actor is not None:
            self._actor.reap()

    def _on_reopen(self) -> None:
        from penstock.observe import logs

        logs.reopen()
        if self._actor is not None:
            self._actor.send_all("reopen")

    def _start(self, channel: Channel) -> int:
        """A fresh interpreter for the child; its terminal is this one's, for a debugger."""
        fd = channel.sock.fileno()
        flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        boot = _BOOT.format(root=_ROOT, parent=os.getpid(), fd=fd)
        child = subprocess.Popen([sys.executable, *flags, "-c", boot], pass_fds=(fd,))
        child.returncode = 0  # the actor waits for it, not this object
        return child.pid

    # ------------------------------------------------------------------------------------ what it says

    def _say(self, level: str, text: str) -> None:
        self.logger.log(logging.getLevelNamesMapping()[level.upper()], "%s", text)

    def _introduce(self) -> None:
        folders = ", ".join(self._files.folders)
        how = "looking at the files" if self.config.reload_polling else "with watchfiles"
        self._say("info", f"Watching {folders} for changes, {how}")
        given = [name for name in _UNUSED if self._given.sources[name].rank != DEFAULT]
        if given:
            names = ", ".join(self._given.sources[name].place for name in given)
            self._say(
                "warning", f"--reload is one process for development, so these do nothing: {names}"
            )
        if text := self.around.unserved():
            self._say("warning", text)

    def _announce(self, loop: asyncio.AbstractEventLoop) -> None:
        actor = self._actor
        served = next((each.served for each in actor.processes.values()), None) if actor else None
        if served is not None:
            announce_service(self.around.sockets, *served, http2=self.config.http2)
            self.around.ready(loop.call_later, f"Serving {served[0]}, reloading")

    def _problem(self, reason: str) -> Problem:
        """What went wrong; what the child said itself goes to the log, too."""
        failed = self._actor.failure if self._actor is not None else None
        if reason or failed is None:
            return Problem(reason, "", "")
        problem = Problem(failed.reason, failed.hint, failed.detail)
        record = self.logger.makeRecord(
            self.logger.name, logging.ERROR, __file__, 0, problem.title, (), None,
            sinfo="\n".join(text for text in (problem.detail.rstrip(), problem.hint) if text) or None,
        )  # fmt: skip
        self.logger.handle(record)
        return problem

    # ---------------------------------------------------------------------------------------- the page

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _show(self, problem: Problem) -> None:
        async with self._turn:
            loaded = Loaded(application(problem), "asgi3", "error page")
            settings = self.config.replace(lifespan="off", interface="asgi3")
            page = Server(
                settings,
                lambda: loaded,
                sockets=[(sock.dup(), bind) for sock, bind in self.around.sockets],
                open_access_log=functools.partial(embed.open_access_log, settings),
            )
            page.watched = False
            try:
                await page.start()
            except Exception as error:
                self._say("error", f"The error page cannot be shown: {error}")
                return
            self._page = page
            self._say("info", f"The reason is shown at {', '.join(page.urls)}")

    async def _hide(self) -> None:
        async with self._turn:
            page, self._page = self._page, None
            if page is not None:
                page.drain_s = 0.0
                page.succeeded = True  # who waits to be accepted is the application's
                await page.shutdown()


def _uncache(path: str) -> None:
    """Remove the compiled form of a changed source. Python would take it for up to date if it was
    compiled in the second of the change and the size is still the same."""
    if path.endswith(".py"):
        try:
            os.unlink(importlib.util.cache_from_source(path))
        except (OSError, NotImplementedError):
            pass  # there is none, or not ours to remove


def _soon(loop: asyncio.AbstractEventLoop, call: Any, *arguments: Any) -> None:
    """From another thread, unless the loop is over."""
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:
        pass
