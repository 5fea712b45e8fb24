"""The validator as middleware: in front of an application, under any server or test client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from penstock.testing.callables import single
from penstock.testing.faults import ContractBroken, Fault, serious
from penstock.testing.validator import Validator


class Validated:
    """ASGI middleware that judges every scope, event and message that passes.

    Without `on_fault` it raises ContractBroken where the fault is: out of the application's `send()`, out
    of `receive()` for an event of the server's, or once the call has returned. Nothing of a message with
    a fault goes out. What an application catches is raised again when it returns. With `on_fault` nothing
    is raised or held back: it is called with each Fault, notes included.
    """

    def __init__(self, app: Any, on_fault: Callable[[Fault], None] | None = None) -> None:
        self._app = single(app)
        self._on_fault = on_fault

    async def __call__(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """Serve one call."""
        validator = Validator(scope, refuses=self._on_fault is None)
        self._tell(validator.faults)

        async def judged_receive() -> Any:
            event = await receive()
            self._tell(validator.event(event))
            return event

        async def judged_send(message: Any) -> None:
            forwarded, found = validator.message(message)
            self._tell(found)
            try:
                await send(forwarded)
            except OSError:
                validator.lost()
                raise

        try:
            returned = await self._app(scope, judged_receive, judged_send)
        except BaseException as error:
            if not isinstance(error, ContractBroken):
                self._tell(validator.end(error))
            raise
        found = validator.end(None, returned)
        # An application that caught ContractBroken has not mended anything
        self._tell(validator.faults if self._on_fault is None else found)

    def _tell(self, found: list[Fault]) -> None:
        if self._on_fault is not None:
            for fault in found:
                self._on_fault(fault)
        elif grave := serious(found):
            raise ContractBroken(grave)
