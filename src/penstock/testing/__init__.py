"""What authors of applications test with: clients in the test's own process, a live server, a validator.

    with SyncClient(app) as client:                in a plain test: lifespan, requests, WebSockets
    async with Client(app) as client:              the same in an async test
    httpx.AsyncClient(transport=Transport(app))    for who has tests written for httpx
    with LiveServer(app, tls=True) as server:      the real server on a free port
    Validated(app)                                 middleware that raises where ASGI is broken

Each is imported when it is first asked for; `penstock.testing.fixtures` is for pytest.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.testing.blocking import SyncClient
    from penstock.testing.client import Client
    from penstock.testing.conversation import Communicator, Conversation, Disconnected
    from penstock.testing.exchange import Exchange
    from penstock.testing.faults import ContractBroken, Fault
    from penstock.testing.live import LiveServer
    from penstock.testing.response import Response
    from penstock.testing.transport import Transport
    from penstock.testing.validated import Validated
    from penstock.testing.validator import Validator
    from penstock.testing.websocket import Closed, Denied, WebSocket

_HOMES = {
    "Client": "client",
    "Closed": "websocket",
    "Communicator": "conversation",
    "ContractBroken": "faults",
    "Conversation": "conversation",
    "Denied": "websocket",
    "Disconnected": "conversation",
    "Exchange": "exchange",
    "Fault": "faults",
    "LiveServer": "live",
    "Response": "response",
    "SyncClient": "blocking",
    "Transport": "transport",
    "Validated": "validated",
    "Validator": "validator",
    "WebSocket": "websocket",
}

__all__ = [
    "Client",
    "Closed",
    "Communicator",
    "ContractBroken",
    "Conversation",
    "Denied",
    "Disconnected",
    "Exchange",
    "Fault",
    "LiveServer",
    "Response",
    "SyncClient",
    "Transport",
    "Validated",
    "Validator",
    "WebSocket",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
