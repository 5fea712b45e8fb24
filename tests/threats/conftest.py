"""A gate for each interface, open as long as the session: a server with an application that notes every call.

A test asks for `gate` (ASGI) or `wsgi_gate`; when it ends, all its connections must have ended, too.
"""

from collections.abc import Iterator

import pytest

from tests.sockets import serving
from tests.threats.gate import AsgiNotes, Gate, WsgiNotes


@pytest.fixture(scope="session")
def _asgi_gate() -> Iterator[Gate]:
    notes = AsgiNotes()
    with serving(notes) as served:
        yield _warm(Gate(served, notes))


@pytest.fixture(scope="session")
def _wsgi_gate() -> Iterator[Gate]:
    notes = WsgiNotes()
    with serving(notes, interface="wsgi") as served:
        yield _warm(Gate(served, notes))


def _warm(gate: Gate) -> Gate:
    """Serve once: libuv opens a spare descriptor with the first connection, and the pool starts its thread."""
    gate.serves_others()
    gate.until(lambda: not gate.served.worker.connections)
    return gate


@pytest.fixture
def gate(_asgi_gate: Gate) -> Iterator[Gate]:
    yield from _asgi_gate.lent()


@pytest.fixture
def wsgi_gate(_wsgi_gate: Gate) -> Iterator[Gate]:
    yield from _wsgi_gate.lent()
