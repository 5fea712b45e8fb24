"""The phases of a worker's shutdown, which ends.

    stop accepting · let requests end · tell long ones · cut what is left · lifespan

They share `timeout_graceful_shutdown`; its last part is kept for the application's lifespan
shutdown, which always runs (LIFE-11).
"""

import asyncio
from typing import Any

from penstock.gateway.lifespan import Lifespan
from penstock.gateway.scope import where
from penstock.transport.inflight import in_flight
from penstock.transport.worker import Worker

# The lifespan shutdown gets this much even if the requests used up the time, or there was none.
LIFESPAN_SHUTDOWN_MIN_S = 1.0
# Idle connections stay open for requests that are on their way: several round trips of a load
# balancer nearby, and hardly noticed by a person who pressed Ctrl+C.
DRAIN_S = 0.5
# Cancelled tasks get this long to clean up; those that swallow the cancellation are left behind.
CANCEL_S = 1.0
# While the shutdown waits, how often it looks again for what nothing announces.
LOOK_AGAIN_S = 0.05


class Shutdown:
    """The shutdown of `server`, a `transport.server.Server` whose start made a worker.

    `news` is to be called whenever something that is waited for may have come.
    """

    def __init__(self, server: Any) -> None:
        self._server = server
        self._changed = asyncio.Event()

    def news(self) -> None:
        """Look again whether what is waited for has come."""
        self._changed.set()

    async def run(self) -> None:
        """Go through the phases; returns within the deadline, and its few margins."""
        server = self._server
        worker, settings = server.worker, server.settings
        began = worker.loop.time()
        deadline = began + settings.timeout_graceful_shutdown
        try:
            await self._stop_accepting(worker)
            await self._begin(worker, began)
            if not await self._idle(began + settings.timeout_disconnect_grace):
                for connection in list(worker.connections):
                    connection.notify_disconnect()
            if not await self._idle(deadline - settings.timeout_lifespan_shutdown):
                await self._cut(worker)
        finally:
            if server.lifespan is not None:
                await self._stop_lifespan(worker, server.lifespan, deadline)

    async def _stop_accepting(self, worker: Worker) -> None:
        server = self._server
        acceptor = server.acceptor
        if acceptor is not None:
            # Whoever is in the queue gets an answer: closing the last sockets would reset them
            if not server.succeeded:
                acceptor.drain()
            acceptor.close()
            await acceptor.settle(DRAIN_S)
        worker.closing = True
        server.close_listeners()

    async def _begin(self, worker: Worker, began: float) -> None:
        """Tell the connections: those with a request, and those that can be told not to send one, at
        once; others after a short drain.

        A request may be on its way to an idle one, or in its socket already, and would be reset; it
        gets its answer, with `Connection: close`, since the worker is closing (V03).
        """
        told = {connection for connection in worker.connections if not connection.expects_request}
        for connection in told:
            connection.begin_shutdown()
        if len(told) < len(worker.connections):
            await self._idle(began + self._server.drain_s)
        for connection in worker.connections - told:
            connection.begin_shutdown()

    async def _idle(self, until: float, *, even_forced: bool = False) -> bool:
        """Wait until nothing runs any more; False if that is not so at `until`, or when forced."""
        server = self._server
        worker, runtime = server.worker, server.runtime
        loop = worker.loop
        while worker.connections or worker.running or runtime.tasks:
            left = until - loop.time()
            if left <= 0 or (server.force_exit and not even_forced):
                return False
            self._changed.clear()
            waiter = loop.create_task(self._changed.wait())
            await asyncio.wait({waiter}, timeout=min(left, LOOK_AGAIN_S))
            waiter.cancel()
        return True

    async def _cut(self, worker: Worker) -> None:
        """End by force what is left, and say what it was and where it stood."""
        runtime = self._server.runtime
        for line in in_flight(worker, worker.loop.time()):
            worker.note("warning", f"Cut by the shutdown: {line}")
        for connection in list(worker.connections):
            connection.abort()
        # Applications whose client has left run on without a connection.
        for task in runtime.tasks:
            if not task.cancelling():
                task.cancel()
        if not await self._idle(worker.loop.time() + CANCEL_S, even_forced=True):
            for task in runtime.tasks:
                worker.note(
                    "error",
                    "A request ignores its cancellation and is left behind, at"
                    f" {where(task.get_coro())}",
                )

    async def _stop_lifespan(self, worker: Worker, lifespan: Lifespan, deadline: float) -> None:
        if lifespan.task is None:
            return
        lifespan.stop()
        limit_s = LIFESPAN_SHUTDOWN_MIN_S
        if not self._server.force_exit:
            limit_s = max(limit_s, deadline - worker.loop.time())
        await asyncio.wait({lifespan.stopped}, timeout=limit_s)
        if not lifespan.stopped.done():
            worker.note(
                "error",
                f"The application's lifespan shutdown did not end within {limit_s:.3g} s and is cut;"
                f" it waits at {where(lifespan.task.get_coro())}; --timeout-lifespan-shutdown keeps"
                " more time for it",
            )
        elif not lifespan.task.done():
            # It said that it is done; what it does after that, it does at once or not at all
            await asyncio.wait({lifespan.task}, timeout=CANCEL_S)
        await cancel_lifespan(lifespan)


async def cancel_lifespan(lifespan: Lifespan) -> None:
    """End the lifespan's task, by force if it goes on."""
    task = lifespan.task
    lifespan.cancel()
    if not task.done():
        await asyncio.wait({task}, timeout=CANCEL_S)
