"""Fixtures for pytest. In the conftest.py of the project's tests:

    pytest_plugins = ["penstock.testing.fixtures"]

    @pytest.fixture
    def asgi_app():
        return app

They are not loaded by themselves: to install a server changes nobody's tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from penstock.testing.blocking import SyncClient
from penstock.testing.live import LiveServer


@pytest.fixture
def asgi_app() -> Any:
    """The application under test: override it."""
    raise pytest.UsageError(
        "override the fixture asgi_app: let it return the application, or its import string"
    )


@pytest.fixture
def asgi_client(asgi_app: Any) -> Iterator[SyncClient]:
    """A SyncClient of `asgi_app`, its lifespan running."""
    with SyncClient(asgi_app) as client:
        yield client


@pytest.fixture
def serve() -> Iterator[Callable[..., LiveServer]]:
    """`serve(app, **options)`: a LiveServer that ends with the test."""
    with ExitStack() as stack:

        def start(app: Any, **options: Any) -> LiveServer:
            return stack.enter_context(LiveServer(app, **options))

        yield start


@pytest.fixture
def penstock_server(asgi_app: Any) -> Iterator[LiveServer]:
    """A LiveServer of `asgi_app`: HTTP/1.1, and HTTP/2 for clients that start with it."""
    with LiveServer(asgi_app) as server:
        yield server


@pytest.fixture
def penstock_tls_server(asgi_app: Any) -> Iterator[LiveServer]:
    """A LiveServer of `asgi_app` with TLS: HTTP/1.1, and HTTP/2 for clients that offer it."""
    with LiveServer(asgi_app, tls=True) as server:
        yield server
