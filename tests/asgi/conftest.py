"""Tests that do not care what carries a request run over each version of HTTP."""

import pytest

from tests.http2 import Http2Client
from tests.sockets import Client, Served


@pytest.fixture(params=["http1", "http2"])
def each_protocol(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients of the test's servers speak HTTP/1.1, and in another run HTTP/2."""
    connect = Served.client

    def client(served: Served, receive_buffer: int = 0) -> Client | Http2Client:
        return Http2Client(connect(served, receive_buffer).sock)

    if request.param == "http2":
        monkeypatch.setattr(Served, "client", client)
