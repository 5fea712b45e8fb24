"""TLS of one worker: its certificates, which are watched, and the handshakes under way."""

import ssl
from collections.abc import Callable
from typing import Any

from penstock.errors import UsageError
from penstock.gateway.stream import Service
from penstock.transport.http1 import Connection
from penstock.transport.sockets import PAUSED_HANDSHAKES
from penstock.transport.tls_context import HTTP2, Certificates, load
from penstock.transport.tls_extension import TlsInfo
from penstock.transport.tls_files import signature
from penstock.transport.tls_layer import TlsLayer
from penstock.transport.tls_redirect import application
from penstock.transport.worker import Worker, shown

# While as many handshakes are under way as may be, those that are older than this are given up:
# honest ones are done by then, and their places are wanted (Z03).
HURRIED_S = 3.0


class Tls:
    """See the module. `worker` is the worker whose connections they become; `port()` tells where
    https is served, for redirects.

    Raises UsageError for certificates that cannot be used. `tick` is to be called every second;
    `acceptor`, set before the first connection, is paused while too many handshakes are under way.
    """

    def __init__(self, worker: Worker, settings: Any, port: Callable[[], int]) -> None:
        self.worker = worker
        self.settings = settings
        self.acceptor: Any = None
        self.handshakes: dict[TlsLayer, None] = {}
        self._port = port
        self._redirecting: Worker | None = None
        self._seen = self._looked = signature(settings)
        self.certificates: Certificates = load(settings, worker.note)

    def accepted(self, bind: Any, client: Any, peer: Any, origin: Any = None) -> Any:
        """The protocol object of a socket just accepted at `bind`; `origin`: of its PROXY header."""
        arrival = (bind, client, peer, origin)
        if bind.tls:
            return TlsLayer(self, arrival)
        if bind.redirect:
            return self.redirecting(arrival)
        return Connection.accepted(self.worker, *arrival)

    def connect(self, arrival: Any, ssl_object: ssl.SSLObject) -> Any:
        """The connection of a client whose handshake is over."""
        connection = Connection.accepted(self.worker, *arrival)
        connection.tls = TlsInfo(ssl_object)
        if ssl_object.selected_alpn_protocol() == HTTP2:
            from penstock.transport import http2  # where nobody speaks it, it takes no memory

            return http2.Connection.in_place_of(connection)
        return connection

    def redirecting(self, arrival: Any) -> Connection:
        """A connection in plain HTTP that is only told where to go."""
        if self._redirecting is None:
            self._redirecting = self._redirecting_worker()
        bind, client, peer, origin = arrival
        plain = bind._replace(tls=False)
        return Connection.accepted(self._redirecting, plain, client, peer, origin)

    def _redirecting_worker(self) -> Worker:
        """A worker with an application of our own, beside the one it belongs to."""
        own, settings = self.worker, self.settings
        service = Service(
            app=application(lambda: self.certificates, self._port),
            interface="asgi3",
            runtime=own.service.runtime,
            context=own.service.context,
            state=None,
            settings=settings,
            app_failed=own.app_failed,
            note=own.note,
        )
        worker = Worker(own.loop, settings, service)
        worker.connections = own.connections
        worker.addresses = own.addresses
        worker.closed_hook = own.closed_hook
        worker.access_log = own.access_log
        worker.admission = None
        return worker

    # The handshakes under way

    def begin(self, layer: TlsLayer) -> None:
        """A handshake is to begin."""
        self.worker.connections.add(layer)
        self.handshakes[layer] = None
        if len(self.handshakes) >= self.settings.limit_tls_handshakes:
            self.acceptor.pause(PAUSED_HANDSHAKES)

    def ended(self, layer: TlsLayer) -> None:
        """It is over, well or not."""
        if layer not in self.handshakes:
            return
        del self.handshakes[layer]
        self.worker.connection_closed(layer)
        if len(self.handshakes) < self.settings.limit_tls_handshakes:
            self.acceptor.resume(PAUSED_HANDSHAKES)

    def late(self, layer: TlsLayer) -> None:
        """It was not done in time."""
        self._say("debug", layer, "the TLS handshake took too long")

    def failed(self, layer: TlsLayer, error: ssl.SSLError) -> None:
        """It has failed. Everybody can make it fail at will, so it is no event for the log."""
        self._say("debug", layer, f"the TLS handshake failed: {error.reason or error}")

    def broken(self, layer: TlsLayer, error: ssl.SSLError) -> None:
        """What came after the handshake was no TLS (Z04)."""
        self._say("debug", layer, f"TLS was broken: {error.reason or error}")

    def _say(self, level: str, layer: TlsLayer, text: str) -> None:
        peer = layer.client[0] if layer.client is not None else "a local client"
        self.worker.note(level, f"{shown(str(peer))}: {text}")

    # Once a second

    def tick(self, now: float) -> None:
        """Set the clocks, hurry handshakes if there are too many, and look at the files."""
        self.worker.tick(now)
        if self._redirecting is not None:
            self._redirecting.tick(now)
            self._redirecting.closing = self.worker.closing
        if len(self.handshakes) >= self.settings.limit_tls_handshakes:
            for layer in list(self.handshakes):
                if now - layer.began > HURRIED_S:
                    self.late(layer)
                    layer.abort()
        self.look()

    def look(self) -> None:
        """Load the certificates again if their files have changed; what cannot be used is told, and
        the old ones stay (Z06).

        A change counts when it is seen twice alike: certificate and key are written one after the
        other.
        """
        looked, self._looked = self._looked, signature(self.settings)
        if self._looked == self._seen or self._looked != looked:
            return
        self._seen = self._looked
        note = self.worker.note
        try:
            self.certificates = load(self.settings, note)
        except UsageError as error:
            note(
                "error",
                f"The changed certificate is not used, the old one stays: {error}; {error.hint}",
            )
        else:
            names = ", ".join(self.certificates.default.certificate.names[:3]) or "no name"
            note("info", f"The changed certificate ({names}) is used for new connections")
