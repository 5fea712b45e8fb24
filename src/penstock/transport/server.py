"""One worker's server in one event loop: start, serve, and a shutdown that ends.

start     claim the addresses · lifespan startup · listen · accept
shutdown  in phases, see `shutdown`
"""

import asyncio
import contextvars
import functools
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Self

from penstock.config import Bind, Config
from penstock.config.binds import has_certificate, secured
from penstock.errors import SetupError, StartupError
from penstock.gateway.lifespan import Lifespan
from penstock.gateway.loading import Loaded
from penstock.gateway.scope import ROOT_PATH_MODES, where
from penstock.gateway.stream import Service
from penstock.transport.listeners import GivenListener, Listener, bind_of, make_listener, url_of
from penstock.transport.runtime import LoopRuntime
from penstock.transport.shutdown import DRAIN_S, Shutdown, cancel_lifespan
from penstock.transport.sockets import TCP_FAMILIES, Acceptor
from penstock.transport.timers import Sweep, sweep_interval
from penstock.transport.worker import Worker

__all__ = ["Server", "Worker"]

# Threads that are still in the application: they cannot be ended, only left.
THREADS_S = 1.0

# Sockets that somebody else has bound, with or without what the options say of them.
Given = Iterable[socket.socket | tuple[socket.socket, Bind]]


class Server:
    """Serves one loaded application in the running event loop.

    `start()`, then `shutdown()`; or `serve()` for both, until `should_exit` is set. Start-up errors
    are raised (`SetupError` and its kin), after which nothing is left running. Not for two uses.

    - `settings`: the Config. `load`: called once before the start; returns the application.
    - `sockets`: bound sockets to serve on in place of the configured addresses, or pairs of a socket
      and its Bind; closed at the end.
    - `open_access_log(call_later)`: returns the access log, or None.
    - `on_ready(server)`: called when the server accepts. `on_stopping()`, set before the start:
      when its shutdown begins.
    - `open_sockets()`: awaited after the application has started, in place of `sockets`, where the
      sockets are somebody else's who hands them over only then.
    - `number`: of this worker among several, for the log; 0 where it is alone.
    - `steering`: set before the start where other workers accept from the same sockets.
    - `drain_s`: how long idle connections stay for another request when the server ends. `succeeded`:
      others go on accepting from the same sockets, so whoever is in the queue is left to them.
    - `leaving`: it will be asked to end in a moment, and serves on; for who says that it is not ready.
    - `watched`: set it to False before the start to do without the watchdog of the loop.
    - `worker`, `application` (`Loaded`), `runtime`: there after the start, for whoever watches.
    """

    def __init__(
        self,
        settings: Config,
        load: Callable[[], Loaded],
        *,
        sockets: Given | None = None,
        open_access_log: Callable[[Any], Any] | None = None,
        on_ready: Callable[[Any], None] | None = None,
        open_sockets: Callable[[], Awaitable[Given]] | None = None,
    ) -> None:
        self.settings = settings
        self.number = 0
        self.steering: Any = None
        self.drain_s = min(DRAIN_S, settings.timeout_graceful_shutdown / 10)
        self.succeeded = False
        self.watched = True
        self.leaving = False
        self.on_stopping: Callable[[], None] | None = None
        self.started = False
        self.application: Loaded | None = None
        self.worker: Worker | None = None
        self.runtime: LoopRuntime | None = None
        self.lifespan: Lifespan | None = None
        self._load = load
        self._given = None if sockets is None else list(sockets)
        self._open_access_log = open_access_log
        self._on_ready = on_ready
        self._open_sockets = open_sockets
        self._listeners: list[Listener] = []
        self.acceptor: Acceptor | None = None
        self._tls: Any = None
        self._sweep: Sweep | None = None
        self._watchdog: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._should_exit = False
        self._force = False
        self._shutdown: Shutdown | None = None
        self._stop: asyncio.Event | None = None
        self._ending: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where a client on this machine reaches the server's first socket, without a slash at the
        end: `http://127.0.0.1:8000`, or `unix:/path`."""
        return self.urls[0]

    @property
    def urls(self) -> list[str]:
        """The same for each listening socket."""
        urls = [url_of(sock, each.bind) for each in self._listeners for sock in each.sockets]
        if not urls:
            raise RuntimeError("the server has no address before start() and after shutdown()")
        return urls

    @property
    def sockets(self) -> list[socket.socket]:
        """The listening sockets."""
        return [sock for listener in self._listeners for sock in listener.sockets]

    @property
    def bound(self) -> list[tuple[socket.socket, Bind]]:
        """The same, each with what the options say of it."""
        return [(sock, each.bind) for each in self._listeners for sock in each.sockets]

    @property
    def should_exit(self) -> bool:
        """Set it, from any thread, to shut the server down gracefully."""
        return self._should_exit

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        if value:
            self._should_exit = True
            self._wake()
        elif self._should_exit:
            raise ValueError("a shutdown that was asked for cannot be taken back")

    @property
    def force_exit(self) -> bool:
        """Set it, from any thread, to cut all requests now; lifespan shutdown still runs, briefly."""
        return self._force

    @force_exit.setter
    def force_exit(self, value: bool) -> None:
        if value:
            self._force = True
            self.should_exit = True

    def load(self) -> Loaded:
        """Load the application, once; `start` does it otherwise."""
        if self.application is None:
            self.application = self._load()
        return self.application

    async def serve(self) -> None:
        """Start, serve until `should_exit` is set or this call is cancelled, and shut down."""
        try:
            if await self._start():
                await self._stopped()
        finally:
            await self.shutdown()

    async def start(self) -> None:
        """Return when connections are accepted. Raises SetupError and its kin; nothing is left then.

        Raises also if the server was asked to stop before it had started.
        """
        if not await self._start():
            raise SetupError("The server was asked to stop before it had started")

    async def shutdown(self) -> None:
        """Shut down in phases and return when all is over; further calls wait for the first."""
        if self._loop is None:
            return
        self.should_exit = True
        if self._ending is None:
            if self.on_stopping is not None:
                self.on_stopping()
            self._ending = self._loop.create_task(self._shut_down())
        # Whoever cancels this call must not cut the shutdown short
        await asyncio.shield(self._ending)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shutdown()

    async def _start(self) -> bool:
        """True when serving; False if asked to stop meanwhile."""
        if self._loop is not None:
            raise RuntimeError("a server starts once: make a new one")
        loaded = self.load()
        self._loop = loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        if self._should_exit:
            self._stop.set()
        try:
            self._make_worker(loop, loaded)
            self._claim()
            if not await self._start_lifespan(loaded):
                await self.shutdown()
                return False
            if self._open_sockets is not None:
                self._adopt(await self._open_sockets())
            for listener in self._listeners:
                listener.listen()
            if self._should_exit:
                await self.shutdown()
                return False
        except BaseException:
            # Also what started well is stopped well: lifespan shutdown if listen fails (LIFE-23)
            await self.shutdown()
            raise
        self._accept()
        return True

    def _make_worker(self, loop: asyncio.AbstractEventLoop, loaded: Loaded) -> None:
        runtime = self.runtime = LoopRuntime(loop)
        service = Service(
            app=loaded.app,
            interface="wsgi" if loaded.interface == "wsgi" else "asgi3",
            runtime=runtime,
            context=contextvars.copy_context(),
            state=None,
            settings=self.settings,
            root_path=self.settings.root_path,
            root_path_mode=ROOT_PATH_MODES[self.settings.root_path_mode],
            app_failed=None,
            note=None,
        )
        worker = self.worker = Worker(loop, self.settings, service)
        worker.number = self.number
        service.app_failed = worker.app_failed
        service.note = worker.note
        if loaded.interface == "wsgi":
            from penstock.transport.pool import open_pool

            worker.pool = open_pool(service)
        if self._open_access_log is not None and self.settings.access_log:
            worker.access_log = self._open_access_log(loop.call_later)
        self._shutdown = Shutdown(self)
        worker.closed_hook = self._connection_gone
        runtime.on_idle = self._look
        if has_certificate(self.settings):
            from penstock.transport.tls import Tls

            # A certificate that cannot be used is told before the application starts
            self._tls = Tls(worker, self.settings, self._tls_port)

    def _claim(self) -> None:
        settings = self.settings
        if self._open_sockets is not None:
            return
        if self._given is not None:
            self._adopt(self._given)
            return
        for bind in settings.listeners:
            listener = make_listener(
                bind, settings.backlog, settings.uds_mode, None, settings.uds_owner or ""
            )
            self._listeners.append(listener)
        for listener in self._listeners:
            listener.claim()

    def _adopt(self, sockets: Given) -> None:
        for given in sockets:
            if isinstance(given, tuple):
                sock, bind = given
            else:
                sock = given
                bind = bind_of(sock)._replace(proxy_protocol=self.settings.proxy_protocol)
                [bind] = secured([bind], has_certificate(self.settings))
            self._listeners.append(GivenListener([sock], self.settings.backlog, bind))
        for listener in self._listeners:
            listener.claim()

    async def _start_lifespan(self, loaded: Loaded) -> bool:
        worker, runtime = self.worker, self.runtime
        if worker is None or runtime is None or self._stop is None:
            raise RuntimeError("start() makes the worker first")
        mode = self.settings.lifespan
        if loaded.interface == "wsgi" or mode == "off":
            return not self._should_exit
        service = worker.service
        lifespan = Lifespan(loaded.app, runtime, service.context, mode, worker.note)
        self.lifespan = lifespan
        service.state = lifespan.scope_state
        lifespan.start()
        # It lasts as long as the server: it is no request that a shutdown would wait for
        runtime.tasks.discard(lifespan.task)
        limit_s = self.settings.timeout_startup
        asked = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait(
                {lifespan.started, asked}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            asked.cancel()
        if not lifespan.started.done():
            place = where(lifespan.task.get_coro())
            await cancel_lifespan(lifespan)
            if self._should_exit:
                worker.note("info", "Asked to stop before the application had started")
                return False
            raise StartupError(
                f"The application did not start within {limit_s:g} s; it waits at {place}",
                "--timeout-startup gives it more time.",
            )
        lifespan.check()
        return not self._should_exit

    def _accept(self) -> None:
        from penstock.transport.http1 import Connection

        worker = self.worker
        if worker is None or self._loop is None:
            raise RuntimeError("start() makes the worker first")
        settings = self.settings
        tls = self._tls
        tick = worker.tick if tls is None else tls.tick
        self._sweep = Sweep(self._loop, sweep_interval(settings), tick, worker.sweep)
        self._sweep.start()
        make = functools.partial(Connection.accepted, worker) if tls is None else tls.accepted
        self.acceptor = Acceptor(
            self._loop,
            self.bound,
            make,
            worker.connections,
            settings.limit_connections,
            worker.note,
        )
        self.acceptor.steering = self.steering
        self.acceptor.crowded = worker.relieve
        if settings.limit_connections_per_client is not None:
            from penstock.transport.clients import open_clients

            self.acceptor.clients = open_clients(worker)
        if tls is not None:
            tls.acceptor = self.acceptor
        if any(bind.proxy_protocol for _, bind in self.bound):
            from penstock.transport.arrivals import Arrivals

            self.acceptor.prepare = Arrivals(
                self._loop, settings, worker.note, make, clients=self.acceptor.clients
            ).prepare
        self.acceptor.start()
        if self.watched and settings.warn_blocked_loop > 0:
            from penstock.transport.watchdog import watch

            self._watchdog = watch(worker)
        self.started = True
        if self._on_ready is not None:
            self._on_ready(self)

    def _tls_port(self) -> int:
        """Where https is served, as far as clients know."""
        if self.settings.redirect_port is not None:
            return self.settings.redirect_port
        for sock, bind in self.bound:
            if bind.tls and sock.family in TCP_FAMILIES:
                return int(sock.getsockname()[1])
        return 443

    async def _stopped(self) -> None:
        if self._stop is not None:
            await self._stop.wait()

    def _wake(self) -> None:
        loop = self._loop
        if loop is None:
            return
        try:
            loop.call_soon_threadsafe(self._asked)
        except RuntimeError:
            # The loop is closed, so the server has ended already
            pass

    def _asked(self) -> None:
        if self._stop is not None:
            self._stop.set()
        self._look()

    def _look(self) -> None:
        if self._shutdown is not None:
            self._shutdown.news()

    def _connection_gone(self) -> None:
        if self.acceptor is not None:
            self.acceptor.connection_gone()
        if self._should_exit:
            self._look()

    async def _shut_down(self) -> None:
        try:
            if self._shutdown is not None:
                await self._shutdown.run()
        finally:
            self._release()

    def close_listeners(self) -> None:
        """Free the addresses; nothing listens there any more."""
        for listener in self._listeners:
            listener.close()

    def disown(self) -> None:
        """The addresses are another process's now; the shutdown does not free them."""
        for listener in self._listeners:
            listener.disown()

    def _release(self) -> None:
        """Let go of all that is not the application's."""
        worker = self.worker
        if self._sweep is not None:
            self._sweep.stop()
        if self._watchdog is not None:
            self._watchdog.stop()
        self.close_listeners()
        if self.runtime is not None:
            self.runtime.close()
        if worker is not None:
            if worker.pool is not None:
                for line in worker.pool.stop(THREADS_S):
                    worker.note("error", f"A thread does not end and is left behind: {line}")
            if worker.access_log is not None:
                worker.access_log.close()
        self.started = False
