"""`StatelessServer`: a base for programs that feed ASGI applications with something else than
connections (asgiref's `asgiref.server`; SYNC-43, SYNC-44)."""

import asyncio
import logging
from typing import Any

from penstock.asgi import Message, Scope
from penstock.bridge.compatibility import guarantee_single_callable

_log = logging.getLogger("penstock.bridge")


class StatelessServer:
    """Keeps one call of `application` for each id, with a queue of events for it.

    A subclass has `handle`, which calls `get_or_create_application_instance(id, scope)` and puts
    events into the queue that it gets, and `application_send`. Of more than `max_applications` calls
    the one that was asked for longest ago is cancelled. Calls that have ended are taken away every
    `application_checker_interval` seconds, and what they raised goes to `application_exception`.
    """

    application_checker_interval = 0.1

    def __init__(self, application: Any, max_applications: int = 1000) -> None:
        self.application = application
        self.max_applications = max_applications
        self.application_instances: dict[Any, dict[str, Any]] = {}

    def run(self) -> None:
        """`arun` in a new event loop, until it ends or is interrupted."""
        try:
            asyncio.run(self.arun())
        except KeyboardInterrupt:
            _log.info("Exiting due to Ctrl-C/interrupt")

    async def arun(self) -> None:
        """`handle` to its end, with the checker beside it; then no call goes on."""
        checker = asyncio.ensure_future(self.application_checker())
        handler = asyncio.ensure_future(self.handle())
        try:
            await asyncio.wait({checker, handler}, return_when=asyncio.FIRST_COMPLETED)
            (handler if handler.done() else checker).result()
        finally:
            ending = [checker, handler]
            ending += [each["future"] for each in self.application_instances.values()]
            for future in ending:
                future.cancel()
            await asyncio.gather(*ending, return_exceptions=True)

    async def handle(self) -> None:
        """What the server does; a subclass has it."""
        raise NotImplementedError("a subclass of StatelessServer must have handle()")

    async def application_send(self, scope: Scope, message: Message) -> None:
        """Take a message of the application; a subclass has it."""
        raise NotImplementedError("a subclass of StatelessServer must have application_send()")

    def get_or_create_application_instance(
        self, scope_id: Any, scope: Scope
    ) -> "asyncio.Queue[Message]":
        """The queue of events of the call for `scope_id`, which is begun with `scope` if there is
        none."""
        instance = self.application_instances.pop(scope_id, None)
        if instance is None:
            while len(self.application_instances) >= self.max_applications:
                self.delete_oldest_application_instance()
            instance = self._begun(scope)
        # Last in the dict: asked for most recently.
        self.application_instances[scope_id] = instance
        events: asyncio.Queue[Message] = instance["input_queue"]
        return events

    def _begun(self, scope: Scope) -> dict[str, Any]:
        events: asyncio.Queue[Message] = asyncio.Queue()

        async def send(message: Message) -> None:
            await self.application_send(scope, message)

        single = guarantee_single_callable(self.application)
        future = asyncio.ensure_future(single(scope, events.get, send))
        return {"input_queue": events, "future": future, "scope": scope}

    def delete_oldest_application_instance(self) -> None:
        """Cancel the call that was asked for longest ago."""
        self.delete_application_instance(next(iter(self.application_instances)))

    def delete_application_instance(self, scope_id: Any) -> None:
        """Cancel the call for `scope_id`."""
        future = self.application_instances.pop(scope_id)["future"]
        if not future.done():
            future.cancel()

    async def application_checker(self) -> None:
        """Take away the calls that have ended, until cancelled."""
        while True:
            await asyncio.sleep(self.application_checker_interval)
            for scope_id, instance in list(self.application_instances.items()):
                future = instance["future"]
                if future.done():
                    self.application_instances.pop(scope_id, None)
                    error = None if future.cancelled() else future.exception()
                    if error is not None:
                        await self.application_exception(error, instance)

    async def application_exception(
        self, exception: BaseException, application_details: dict[str, Any]
    ) -> None:
        """An application's call has raised; logs it."""
        _log.error("exception in an application: %s", exception, exc_info=exception)
