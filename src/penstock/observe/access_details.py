"""The access log with every detail of a request: for other formats than uvicorn's look, for
sampling and exclusion, and for records with attributes.

As in `access`, a request costs a tuple in a list; lines are made and written in batches, and which
requests have a line is decided there. Only JSON lines are made at once where all are wanted: with so
many fields that is cheaper than to come back to them.
"""

import atexit
import logging
import os
import re
from collections.abc import Callable
from time import monotonic, time
from typing import Any

from penstock.gateway.endings import (
    COMPLETE,
    ENDINGS,
    EVENTS,
    REQUEST,
    STREAM_START,
    WEBSOCKET_OPEN,
)
from penstock.observe.access import (
    BATCH_INTERVAL_S,
    RECORD_FORMAT,
    WEBSOCKET_ACCEPTED_FORMAT,
    WEBSOCKET_CLOSED_FORMAT,
    address,
    own_handler,
    text_lines,
)
from penstock.observe.access_entry import Entry
from penstock.observe.access_json import JsonShape
from penstock.observe.logs import ACCESS_LOGGER, ERROR_LOGGER, quoted

# Fewer than in the plain log: what a batch of this size takes stays in the processor's cache.
_RECORDS_MAX = 256
# Of a request's header field as much stands in a line; a thousand may wait to be written.
_FIELD_CHARS_MAX = 1024
_TRACEPARENT_CHARS = 55  # W3C Trace Context, section 3.2
_FAILED_FROM = 500

_TRACEPARENT = b"traceparent"
_USER_AGENT = b"user-agent"
_HTTP = (REQUEST, STREAM_START)


class DetailedLog:
    """One worker's access log; the interface of `access.AccessLog`, and `note` in place of `add`.

    `details` says that `note` is wanted. `stream_start_s`: age at which a response that goes on has
    a line for its start, 0 for never. `wants_lines`: the response's header lines are looked at.
    """

    __slots__ = (
        "_as_records",
        "_clock",
        "_excluded",
        "_format",
        "_handler",
        "_index",
        "_json",
        "_logger",
        "_pending",
        "_plainly",
        "_random",
        "_schedule",
        "_scheduled",
        "_shape",
        "_share",
        "_show_query",
        "_slow_us",
        "_wanted",
        "details",
        "stream_start_s",
        "wants_lines",
    )

    def __init__(
        self, schedule: Callable[[float, Callable[[], None]], object], settings: Any
    ) -> None:
        self.details = True
        self.stream_start_s: float = settings.access_log_stream or 0.0
        self._schedule = schedule
        self._scheduled = False
        # What makes Unix time of the monotonic clock; set anew for each batch.
        self._clock = time() - monotonic()
        self._logger = logging.getLogger(ACCESS_LOGGER)
        self._handler: Any = None
        self._as_records = False
        self._pending: list[Any] = []
        self._format = settings.access_log_format
        self._shape = _shape(self._format)
        self._json: JsonShape | None = self._shape if isinstance(self._shape, JsonShape) else None
        # Whether JSON lines are made when they are noted: no logger of the user's, nothing left out.
        self._plainly = False
        self._wanted: tuple[bytes, ...] = self._shape.wanted
        self._index = {name: place for place, name in enumerate(self._wanted)}
        self.wants_lines: bool = self._shape.wants_lines
        self._show_query: bool = settings.access_log_query
        self._excluded = _excluded(settings.access_log_exclude)
        self._share: float = settings.access_log_sample
        slow = settings.access_log_slow
        self._slow_us = -1 if slow is None else int(slow * 1e6)
        self._random = _always
        if self._share < 1:
            import random  # brings hashlib along

            self._random = random.random
        self._look_at_logger()
        atexit.register(self.flush)

    def note(
        self,
        event: int,
        client: Any,
        head: Any,
        status: int,
        ended: int,
        bytes_in: int,
        bytes_out: int,
        duration_us: int,
        first_byte_us: int,
        close_code: int,
        id_head: str,
        id_tail: str,
        lines: bytes,
        now: float,
    ) -> None:
        """Note one event at `now`, by the monotonic clock in seconds; `access_entry` says what the
        other arguments mean."""
        raw_path = head.raw_path
        query = head.query if self._show_query else b""
        picked = self._pick(head.headers)
        if self._json is not None and self._plainly:
            # At once, while all of it is in the processor's cache.
            line = self._json.line(
                event, client, head.method, raw_path.decode("latin-1"), query.decode("latin-1"),
                head.http_version, status, ended, bytes_in, bytes_out, duration_us, first_byte_us,
                now + self._clock, id_head, id_tail, close_code, picked,
            )  # fmt: skip
            self._keep(line)
            return
        entry = (
            event,
            client,
            head.method,
            raw_path.decode("latin-1"),
            query.decode("latin-1"),
            head.http_version,
            status,
            ended,
            bytes_in,
            bytes_out,
            duration_us,
            first_byte_us,
            now + self._clock,
            id_head,
            id_tail,
            close_code,
            picked,
            lines,
        )
        if self._as_records:
            if self._keeps(entry):
                self._emit(entry)
            return
        self._keep(entry)

    def _keep(self, noted: Any) -> None:
        """Let an entry, or a line, wait for the batch to be written."""
        pending = self._pending
        pending.append(noted)
        if not self._scheduled:
            self._clock = time() - monotonic()
            self._scheduled = True
            self._schedule(BATCH_INTERVAL_S, self._on_timer)
        elif len(pending) >= _RECORDS_MAX:
            self.flush()

    def _pick(self, headers: list[tuple[bytes, bytes]]) -> list[str]:
        """The fields that the format shows, in its order; the first of several counts."""
        picked = [""] * len(self._wanted)
        index = self._index
        try:
            for name, value in headers:
                place = index.get(name)
                if place is not None and not picked[place]:
                    if name == _TRACEPARENT and len(value) != _TRACEPARENT_CHARS:
                        continue
                    if len(value) > _FIELD_CHARS_MAX:
                        value = value[:_FIELD_CHARS_MAX]
                    picked[place] = value.decode("latin-1")
        except (AttributeError, TypeError, ValueError):
            pass  # the application has put something else into its scope's list
        return picked

    def flush(self) -> None:
        """Write what is pending."""
        entries = self._pending
        if not entries:
            return
        self._pending = []
        plainly = self._plainly
        self._look_at_logger()
        if plainly:
            self._write_lines(entries)
            return
        if self._excluded is not None or self._share < 1:
            entries = [entry for entry in entries if self._keeps(entry)]
            if not entries:
                return
        handler = self._handler
        if handler is None:
            for entry in entries:
                self._emit(entry)
        elif self._logger.isEnabledFor(logging.INFO):
            handler.write(self._shape.render(entries, handler.use_colors))

    def _write_lines(self, lines: list[str]) -> None:
        """Write lines that are made already, as records if the logger was changed meanwhile."""
        if not self._logger.isEnabledFor(logging.INFO):
            return
        if self._handler is not None:
            self._handler.write("".join(lines))
            return
        for line in lines:
            self._logger.info("%s", line[:-1])

    def close(self) -> None:
        """Write what is pending; the log may be dropped afterwards."""
        self.flush()
        atexit.unregister(self.flush)

    def _on_timer(self) -> None:
        self._scheduled = False
        self.flush()

    def _look_at_logger(self) -> None:
        """As `AccessLog` does it."""
        if not self._as_records:
            self._handler = own_handler(self._logger)
            self._as_records = self._handler is None
            self._plainly = (
                self._json is not None
                and not self._as_records
                and self._excluded is None
                and self._share >= 1
            )

    def _keeps(self, noted: Any) -> bool:
        """Whether an entry has a line. Sampling leaves out only requests that went well and fast."""
        entry = Entry._make(noted)
        if self._excluded is not None and self._excluded(entry.path):
            return False
        return (
            self._share >= 1
            or entry.event != REQUEST
            or entry.status >= _FAILED_FROM
            or entry.ended != COMPLETE
            or 0 <= self._slow_us <= entry.duration_us
            or self._random() < self._share
        )

    def _emit(self, noted: Any) -> None:
        """One real log record, with the details as attributes. Its message is the line of the format;
        that of uvicorn's look has the arguments which formatters written for it expect."""
        entry = Entry._make(noted)
        extra = _attributes(entry, self._wanted)
        if self._format != "text":
            line = self._shape.render([noted], False)
            self._logger.info("%s", line[:-1], extra=extra)
            return
        where = address(entry.client)
        target = quoted(entry.target)
        if entry.event in _HTTP:
            self._logger.info(
                RECORD_FORMAT, where, entry.method, target, entry.version, entry.status, extra=extra
            )
            return
        logger = logging.getLogger(ERROR_LOGGER)
        if entry.event == WEBSOCKET_OPEN:
            logger.info(WEBSOCKET_ACCEPTED_FORMAT, where, target, extra=extra)
        else:
            logger.info(WEBSOCKET_CLOSED_FORMAT, where, target, entry.close_code, extra=extra)


class TextShape:
    """Uvicorn's look."""

    wanted: tuple[bytes, ...] = (_TRACEPARENT, _USER_AGENT)
    wants_lines = False

    def render(self, entries: list[Any], colours: bool) -> str:
        """The lines of all entries."""
        return text_lines([self._line(Entry._make(entry)) for entry in entries], colours)

    def _line(self, entry: Entry) -> Any:
        """What `access` notes of a request."""
        path, query = entry.path.encode("latin-1"), entry.query.encode("latin-1")
        if entry.event in _HTTP:
            return entry.client, entry.method, path, query, entry.version, entry.status
        return entry.client, "WebSocket", path, query, None, entry.close_code


def _shape(written: str) -> Any:
    """What makes lines of entries, for a value of `access_log_format`."""
    if written == "text":
        return TextShape()
    if written == "json":
        return JsonShape()
    from penstock.config.log_format import parse
    from penstock.observe.access_atoms import AtomShape

    return AtomShape(parse(written))


def _excluded(patterns: tuple[str, ...]) -> Callable[[str], object] | None:
    if not patterns:
        return None
    import fnmatch  # only a log that leaves paths out needs it

    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns)).match


def _always() -> float:
    return 0.0


def _attributes(entry: Entry, wanted: tuple[bytes, ...]) -> dict[str, Any]:
    """The details as attributes of a log record; of the header fields those that JSON shows, too."""
    attributes: dict[str, Any] = {
        "event": EVENTS[entry.event],
        "client": address(entry.client),
        "method": entry.method,
        "path": entry.path,
        "query": entry.query,
        "protocol": f"HTTP/{entry.version}",
        "status": entry.status,
        "ended": ENDINGS[entry.ended],
        "bytes_in": entry.bytes_in,
        "bytes_out": entry.bytes_out,
        "duration_us": entry.duration_us,
        "first_byte_us": entry.first_byte_us,
        "close_code": entry.close_code,
        "request_id": f"{entry.id_head}{entry.id_tail}",
        "worker": os.getpid(),
    }
    fields = dict(zip(wanted, entry.picked, strict=True))
    attributes["traceparent"] = fields.get(_TRACEPARENT, "")
    attributes["user_agent"] = fields.get(_USER_AGENT, "")
    return attributes
