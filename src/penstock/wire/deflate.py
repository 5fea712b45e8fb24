"""permessage-deflate (RFC 7692): what to agree to, and the two directions of the codec.

A connection's zlib objects are made when the first compressed message passes, and their windows and
tables are kept small: one that compresses both ways holds less than 64 KiB (W10). With 12 window
bits zlib needs 16 KiB of window and 16 KiB of tables to compress, and 4 KiB to inflate. A client
that cannot be told to use a small window is told to forget it after each message instead.
"""

import zlib
from typing import Any

from penstock.errors import WebSocketError
from penstock.wire.websocket_frames import INVALID_PAYLOAD

NAME = "permessage-deflate"
# Smaller messages go out as they are: compressing would cost more than the bytes it saves.
COMPRESS_BYTES_MIN = 64
# zlib's memory level: 2 ** (9 + level) bytes of tables.
_MEMORY_LEVEL = 5
_WINDOW_BITS_MIN = 8
_WINDOW_BITS_MAX = 15
# zlib cannot compress with a window of 2 ** 8 bytes (it silently used 2 ** 9 once); with such an
# agreement messages are sent uncompressed, which RFC 7692 section 6 leaves to the sender.
_ZLIB_BITS_MIN = 9
# A message is inflated in steps of at most this many bytes, so that no step outgrows a limit.
_STEP_BYTES_MAX = 65536
# What a sender cuts off from each message, and the receiver puts back (section 7.2.1).
_TAIL = b"\x00\x00\xff\xff"
# A sender may end its deflate stream inside a message; each end costs a new zlib object.
_ENDS_MAX = 64


class Agreement:
    """The parameters that both sides use, as the server answers them (RFC 7692 section 7.1)."""

    __slots__ = ("client_bits", "client_takeover", "server_bits", "server_takeover", "value")

    def __init__(
        self,
        server_bits: int,
        client_bits: int,
        server_takeover: bool,
        client_takeover: bool,
        value: bytes,
    ) -> None:
        self.server_bits = server_bits
        self.client_bits = client_bits
        self.server_takeover = server_takeover
        self.client_takeover = client_takeover
        self.value = value


def negotiate(
    offers: list[tuple[str, list[tuple[str, str | None]]]], window_bits: int, takeover: bool
) -> Agreement | None:
    """Agree to the first acceptable offer, None if there is none.

    `offers` are (name, parameters) in the client's order, as `handshake.extension_offers` gives
    them. `window_bits` is the largest window this server keeps, in either direction; without
    `takeover` neither side keeps its window from one message to the next. An offer with an unknown,
    repeated or invalid parameter is declined (section 7.1).
    """
    for name, parameters in offers:
        if name == NAME:
            agreement = _agree(parameters, window_bits, takeover)
            if agreement is not None:
                return agreement
    return None


def _agree(
    parameters: list[tuple[str, str | None]], window_bits: int, takeover: bool
) -> Agreement | None:
    given = dict(parameters)
    if len(given) != len(parameters):
        return None
    server_bits = window_bits
    client_bits = _WINDOW_BITS_MAX
    server_takeover = client_takeover = takeover
    for name, value in parameters:
        if name == "server_no_context_takeover" and value is None:
            server_takeover = False
        elif name == "client_no_context_takeover" and value is None:
            client_takeover = False
        elif name == "server_max_window_bits" and value is not None and _is_bits(value):
            server_bits = min(server_bits, int(value))
        elif name == "client_max_window_bits" and (value is None or _is_bits(value)):
            client_bits = min(window_bits, int(value or _WINDOW_BITS_MAX))
        else:
            return None
    if client_bits > window_bits:
        # The client did not say that it can be told a window size (section 7.1.2.2).
        client_takeover = False
    answer = [NAME]
    if not server_takeover:
        answer.append("server_no_context_takeover")
    if not client_takeover:
        answer.append("client_no_context_takeover")
    if server_bits < _WINDOW_BITS_MAX:
        answer.append(f"server_max_window_bits={server_bits}")
    if "client_max_window_bits" in given:
        answer.append(f"client_max_window_bits={client_bits}")
    return Agreement(
        server_bits, client_bits, server_takeover, client_takeover, "; ".join(answer).encode()
    )


def _is_bits(value: str) -> bool:
    """A decimal of 8 to 15 without leading zeros (section 7.1.2.1)."""
    return value in {"8", "9", "10", "11", "12", "13", "14", "15"}


class Deflater:
    """Compresses the messages of one direction."""

    __slots__ = ("_bits", "_stream", "_takeover")

    def __init__(self, bits: int, takeover: bool) -> None:
        self._bits = bits
        self._takeover = takeover
        self._stream: Any = None

    def deflate(self, payload: bytes) -> bytes | None:
        """The compressed payload of one message; None where it has to go uncompressed."""
        if self._bits < _ZLIB_BITS_MIN:
            return None
        stream = self._stream
        if stream is None:
            stream = zlib.compressobj(
                zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -self._bits, _MEMORY_LEVEL
            )
            if self._takeover:
                self._stream = stream
        data: bytes = stream.compress(payload) + stream.flush(zlib.Z_SYNC_FLUSH)
        return data[:-4]


class Inflater:
    """Inflates the messages of one direction, in steps that the caller bounds.

    Call `put` with each piece of a compressed message (`last` with the final one), then `take`
    until it gives nothing.
    """

    __slots__ = ("_bits", "_ends", "_input", "_last", "_more", "_stream", "_takeover")

    def __init__(self, bits: int, takeover: bool) -> None:
        self._bits = max(bits, _ZLIB_BITS_MIN)
        self._takeover = takeover
        self._stream: Any = None
        self._input = b""
        self._last = False
        self._more = False
        self._ends = 0

    def put(self, data: bytes, last: bool) -> None:
        """Take a piece of a message's compressed payload."""
        self._input = data + _TAIL if last else data
        self._last = last
        self._more = True

    def take(self, bytes_max: int) -> bytes:
        """At most `bytes_max` (> 0) more bytes of the message; none when all is taken.

        Raises `WebSocketError` (1007) for what is no deflate data.
        """
        while self._more:
            stream = self._stream
            if stream is None:
                stream = self._stream = zlib.decompressobj(-self._bits)
            limit = min(bytes_max, _STEP_BYTES_MAX)
            try:
                data: bytes = stream.decompress(self._input, limit)
            except zlib.error as error:
                raise WebSocketError(
                    INVALID_PAYLOAD,
                    f"compressed data that is broken ({error})",
                    "RFC 7692 section 7",
                ) from None
            if stream.eof:
                self._input = stream.unused_data
                self._end()
            else:
                self._input = stream.unconsumed_tail
                self._more = bool(self._input) or len(data) == limit
            if not self._more and self._last:
                self._ends = 0
                if not self._takeover:
                    self._stream = None
            if data:
                return data
        return b""

    def _end(self) -> None:
        """A block was marked as the last of its stream (section 7.2.3.4): begin a new one."""
        self._ends += 1
        if self._ends > _ENDS_MAX:
            raise WebSocketError(
                INVALID_PAYLOAD,
                f"a message of more than {_ENDS_MAX} deflate streams",
                "RFC 7692 section 7.2.3.4",
            )
        self._stream = None
        self._more = bool(self._input)
        if self._last and self._input == _TAIL[-len(self._input) :]:
            # Only what `put` added is left.
            self._input = b""
            self._more = False
