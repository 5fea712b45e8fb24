"""What all connections of one event loop share: settings, clock, counters, and what gets logged."""

import asyncio
import logging
import os
import time
from typing import Any

from penstock.gateway.forwarded import Forwarding
from penstock.transport.admission import Admission
from penstock.transport.counters import Counters
from penstock.transport.record import Record
from penstock.transport.timers import http_date
from penstock.wire.http1 import Limits

ERROR_LOGGER = "penstock.error"

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

# Lines about refused requests that are written in one second; a flood of bad requests must not
# become a flood of lines (X06, S12). What is left out is counted.
REFUSED_LINES_MAX = 10
# One line about clients that do not read in this time; it says how many they were.
CUT_INTERVAL_S = 5.0
# How long the sweep of the connections holds the loop, at most, before it lets it turn. To cut one
# that does not read takes tens of microseconds here, and several times as much where it is closed.
SWEEP_SLICE_S = 0.00025
# A turn that took longer was spent on what the sweep has cut.
SWEEP_TURN_S = 0.001
# Of what a peer sent, or an error said about it, as much stands in a line.
SHOWN_MAX = 200


def shown(text: str) -> str:
    """`text` as printable ASCII, cut: nothing that a peer sent reaches a log as it is (X06)."""
    safe = ascii(text)[1:-1] if not (text.isascii() and text.isprintable()) else text
    return safe if len(safe) <= SHOWN_MAX else safe[:SHOWN_MAX] + "..."


def request_line(exchange: Any) -> str:
    """Method and path of an exchange's request, for the log."""
    head = getattr(exchange, "head", None)
    if head is None:
        return "a request"
    return shown(f"{head.method} {head.raw_path.decode('latin-1')}")


def request_limits(settings: Any) -> Limits:
    """The limits of HTTP/1 requests, from the options."""
    return Limits(
        settings.limit_request_line,
        settings.limit_request_head,
        settings.limit_request_fields,
        settings.limit_chunk_extensions,
        -1 if settings.limit_request_body is None else settings.limit_request_body,
    )


class Worker:
    """What a connection needs besides its socket.

    - `connections`: those that are open; `running`: exchanges under way; `requests`: all so far;
      `websockets`: connections that are WebSockets, or asked to be.
      Connections keep these up to date, and call `connection_closed(self)` at their end.
    - `counters`: see `counters.Counters`.
    - `addresses`: the server's own, as connections came in by them, so that they share them.
    - `number`: the worker's among several, from 1; 0 where it is alone.
    - `now`: the loop's clock at the last tick, fine enough for timeouts.
    - `default_headers`: encoded header lines (date, server, --header) of every response.
    - `crowded`: there is no room for another connection. `lingering`: connections that are over, and
      wait for their clients to end their side.
    - `limits`: what a request may cost. `forwarding`: which forwarding headers count, and whose; None for none.
    - `admission`: None without a limit of requests or WebSockets. `access_log`: None when nothing is logged.
    - `id_prefix`: with which the ids begin that requests get here.
    - `http2`: what HTTP/2 connections share (`http2_shared.Shared`), None before the first.
    - `pool`: the threads of a WSGI application, else None.
    - `static`: the folders of --static, None without any.
    - `closing`: no new request is taken any more. `closed_hook`: called after each connection's end.
    """

    __slots__ = (
        "_crashes",
        "_cut_since",
        "_cut_told",
        "_plain_headers",
        "_refused_count",
        "_refused_since",
        "_unswept",
        "access_log",
        "addresses",
        "admission",
        "closed_hook",
        "closing",
        "connections",
        "counters",
        "crowded",
        "default_headers",
        "forwarding",
        "http2",
        "id_prefix",
        "limits",
        "lingering",
        "logger",
        "loop",
        "now",
        "number",
        "pool",
        "requests",
        "running",
        "service",
        "settings",
        "static",
        "websockets",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, settings: Any, service: Any) -> None:
        self.loop = loop
        self.settings = settings
        self.service = service
        self.connections: set[Any] = set()
        self.counters = Counters()
        self.addresses: dict[Any, Any] = {}
        self.number = 0
        self.running = 0
        self.requests = 0
        self.websockets = 0
        self.limits = request_limits(settings)
        self.forwarding = None
        if settings.forwarded_headers:
            self.forwarding = Forwarding(settings, service.root_path, self.note, loop.time)
        self.closing = False
        self.closed_hook: Any = None
        self.access_log: Any = None
        self.http2: Any = None
        self.pool: Any = None
        self.logger = logging.getLogger(ERROR_LOGGER)
        self.admission: Admission | None = None
        if settings.limit_concurrency is not None or settings.limit_websockets is not None:
            self.admission = Admission(
                loop,
                settings.limit_concurrency,
                settings.limit_queue,
                settings.timeout_queue,
                websockets_max=settings.limit_websockets,
                exempt=map(str.encode, settings.health_path),
                counters=self.counters,
                note=self.note,
            )
        self.static: Any = None
        if settings.static:
            # Here, since most workers serve no files
            from penstock.gateway.static import StaticFiles

            boundary = b"penstock-" + os.urandom(16).hex().encode()
            self.static = StaticFiles(settings.static, time.time, boundary)
        lines = [(b"server", b"penstock")] if settings.server_header else []
        lines += settings.header
        self._plain_headers = b"".join(b"%s: %s\r\n" % line for line in lines)
        self._crashes: Any = None
        self._refused_count = 0
        self._refused_since = float("-inf")
        self._unswept: list[Any] = []
        self._cut_since = float("-inf")
        self._cut_told = 0
        self.crowded = False
        self.lingering: set[Any] = set()
        # Ids of requests are told apart from those of other workers, and of earlier ones.
        self.id_prefix = os.urandom(6).hex() + "-"
        self.now = 0.0
        self.default_headers = b""
        self.tick(loop.time())

    def tick(self, now: float) -> None:
        """About once a second: set the clock, build the date, say what was left out."""
        self.now = now
        if self.settings.date_header:
            self.default_headers = b"date: %s\r\n%s" % (http_date(time.time()), self._plain_headers)
        else:
            self.default_headers = self._plain_headers
        if self._refused_count > REFUSED_LINES_MAX and now - self._refused_since >= 1:
            self._say_left_out()
        if self._crashes is not None and self._crashes.is_over(now):
            self._say_crashes_left_out(self._crashes.take_left_out())

    def sweep(self, now: float) -> None:
        """Let every connection look at its timeouts; one that fails harms no other. Not all in one
        turn of the loop: to cut 3,000 slow clients at once would hold everybody else up (S01)."""
        if not self._unswept:
            self._unswept = list(self.connections)
            self._sweep_some(now)

    def _sweep_some(self, now: float) -> None:
        unswept = self._unswept
        began = time.monotonic()
        while unswept:
            connection = unswept.pop()
            if connection not in self.connections:
                continue
            try:
                connection.on_sweep(now)
            except Exception:
                self.logger.exception("The sweep of a connection failed; it is closed")
                connection.abort()
            if unswept and time.monotonic() - began >= SWEEP_SLICE_S:
                self.loop.call_soon(self._sweep_on, now, began)
                return

    def _sweep_on(self, now: float, began: float) -> None:
        """After a slice that others had much to do for (closing sockets, ending applications), all of
        them get as long again for something else."""
        took_s = time.monotonic() - began
        if took_s > SWEEP_TURN_S:
            self.loop.call_later(took_s, self._sweep_some, now)
        else:
            self._sweep_some(now)

    def relieve(self, crowded: bool) -> None:
        """While new connections find no room, or no descriptor, those end at once that are over but
        for their clients' farewell (S07)."""
        self.crowded = crowded
        while crowded and self.lingering:
            self.lingering.pop().relieve()

    def connection_closed(self, connection: Any) -> None:
        """`connection` is over, and so is its exchange as far as the client goes."""
        self.connections.discard(connection)
        self.lingering.discard(connection)
        if getattr(connection, "is_websocket", False):
            self.websockets -= 1
        hook = self.closed_hook
        if hook is not None:
            hook()

    def note(self, level: str, text: str, error: BaseException | None = None) -> None:
        """Log one line, with the traceback of `error`."""
        self.logger.log(_LEVELS[level], text, exc_info=error)

    def app_failed(self, exchange: Any, error: BaseException) -> None:
        """Log an exception that escaped the application, with the request that it was about."""
        from penstock.transport import crash  # most workers never need it

        if self._crashes is None:
            self._crashes = crash.Crashes()
        tell, left_out = self._crashes.ask(self.loop.time())
        if left_out:
            self._say_crashes_left_out(left_out)
        if tell:
            self.logger.error(
                "Exception in the application: %s%s",
                request_line(exchange),
                crash.described(self, exchange),
                exc_info=error,
            )

    def _say_crashes_left_out(self, count: int) -> None:
        self.logger.error("Exceptions in the application: %d more in the last second", count)

    def new_record(self) -> Record | None:
        """What a new connection is to keep of its requests for the log; None for nothing."""
        log = self.access_log
        if log is None or not log.details:
            log = None
        asked = self.settings.request_id
        if log is None and asked == "log":
            return None
        return Record(log, self.id_prefix, asked != "log", asked == "response")

    def refused(self, connection: Any, status: int | str, error: Any) -> None:
        """Log a request that was answered with `status` (or the name of an error code) before the application saw it: what was
        seen, which rule, which peer, which option changes it."""
        self.counters.refused_bad += 1
        now = self.loop.time()
        if now - self._refused_since >= 1:
            if self._refused_count > REFUSED_LINES_MAX:
                self._say_left_out()
            self._refused_since = now
            self._refused_count = 0
        self._refused_count += 1
        if self._refused_count > REFUSED_LINES_MAX:
            return
        client = getattr(connection, "client", None)
        parts = [
            f"Refused a request from {peer(client)} with {status}: {shown(str(error))}",
        ]
        rule = getattr(error, "rule", "")
        option = getattr(error, "option", "")
        if rule:
            parts.append(f" ({rule})")
        if option:
            parts.append(f"; {option} changes this")
        self.logger.warning("%s", "".join(parts))

    def reader_cut(self) -> None:
        """A client that does not read what it asked for was cut (S04)."""
        counters = self.counters
        counters.cut_readers += 1
        if self.now - self._cut_since >= CUT_INTERVAL_S:
            more = counters.cut_readers - self._cut_told
            self._cut_since = self.now
            self._cut_told = counters.cut_readers
            self.note(
                "info", f"Clients that do not read are cut, {more} more; --min-rate changes this"
            )

    def _say_left_out(self) -> None:
        left_out = self._refused_count - REFUSED_LINES_MAX
        self._refused_count = 0
        self.logger.warning("Refused %d more requests in the last second", left_out)


def peer(client: Any) -> str:
    """A client's address, for a person."""
    if client is None:
        return "a local client"
    host, port = client
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
