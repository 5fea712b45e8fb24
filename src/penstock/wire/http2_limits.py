"""What one HTTP/2 connection may cost: made once per worker, from the options; and how it is told."""

from penstock.wire.http2_frames import (
    FRAME_MIN,
    INITIAL_WINDOW,
    SETTINGS_ENABLE_CONNECT_PROTOCOL,
    SETTINGS_INITIAL_WINDOW_SIZE,
    SETTINGS_MAX_CONCURRENT_STREAMS,
    SETTINGS_MAX_FRAME_SIZE,
    SETTINGS_MAX_HEADER_LIST_SIZE,
    SETTINGS_NO_RFC7540_PRIORITIES,
    settings,
    window_update,
)


class Http2Limits:
    """Limits of a connection and its streams; all sizes in bytes.

    - `streams_max`: SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113 section 6.5.2).
    - `line_max`, `head_max`, `fields_max`, `body_max` (-1: none): those of a request, as for HTTP/1;
      `head_max` counts as RFC 9113 section 10.5.1 does, with 32 bytes for each field.
    - `frame_max`: payload of a frame, both ways (SETTINGS_MAX_FRAME_SIZE; 16384 at least).
    - `stream_window`, `connection_window` (65535 at least, each): what the peer may send before anyone has read it; they
      double, while a stream is read as fast as it comes, up to the `..._max`. The connection's
      bounds the memory of all bodies together.
    - `stream_queue_max`, `connection_queue_max`: body bytes that wait to be written; beyond, streams
      take no more (H10).
    - `settings_s`: time for the acknowledgement of our SETTINGS; `head_s`: time for a header block
      to become whole. In seconds, exact to the sweep that calls `tick`; 0: no limit.
    """

    __slots__ = (
        "body_max",
        "connection_queue_max",
        "connection_window",
        "connection_window_max",
        "fields_max",
        "frame_max",
        "head_max",
        "head_s",
        "line_max",
        "settings_s",
        "stream_queue_max",
        "stream_window",
        "stream_window_max",
        "streams_max",
    )

    def __init__(
        self,
        *,
        streams_max: int = 100,
        line_max: int = 8192,
        head_max: int = 65536,
        fields_max: int = 128,
        body_max: int = -1,
        frame_max: int = 16384,
        stream_window: int = 65535,
        stream_window_max: int = 1 << 20,
        connection_window: int = 1 << 20,
        connection_window_max: int = 4 << 20,
        stream_queue_max: int = 65536,
        connection_queue_max: int = 1 << 20,
        settings_s: float = 10.0,
        head_s: float = 10.0,
    ) -> None:
        self.streams_max = streams_max
        self.line_max = line_max
        self.head_max = head_max
        self.fields_max = fields_max
        self.body_max = body_max
        self.frame_max = frame_max
        self.stream_window = stream_window
        self.stream_window_max = stream_window_max
        self.connection_window = connection_window
        self.connection_window_max = connection_window_max
        self.stream_queue_max = stream_queue_max
        self.connection_queue_max = connection_queue_max
        self.settings_s = settings_s
        self.head_s = head_s


def greeting(limits: Http2Limits, websockets: bool) -> bytes:
    """What a server says first (RFC 9113 section 3.4): SETTINGS, and the connection's window where it
    is not as it is by default; `websockets`: extended CONNECT is offered (RFC 8441 section 3)."""
    pairs = [
        (SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams_max),
        (SETTINGS_MAX_HEADER_LIST_SIZE, limits.head_max),
        (SETTINGS_NO_RFC7540_PRIORITIES, 1),
    ]
    if websockets:
        pairs.append((SETTINGS_ENABLE_CONNECT_PROTOCOL, 1))
    if limits.stream_window != INITIAL_WINDOW:
        pairs.append((SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window))
    if limits.frame_max != FRAME_MIN:
        pairs.append((SETTINGS_MAX_FRAME_SIZE, limits.frame_max))
    if limits.connection_window <= INITIAL_WINDOW:
        return settings(pairs)
    return settings(pairs) + window_update(0, limits.connection_window - INITIAL_WINDOW)
