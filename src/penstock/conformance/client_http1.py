"""A client that writes exact bytes: a socket with a transcript, and a strict reader of HTTP/1 answers."""

import contextlib
import socket
import ssl
import struct
import time
from typing import Any, NamedTuple

_READ = 1 << 16
_SHOWN_MAX = 400  # bytes of one read or write in the transcript
_HEAD_MAX = 1 << 20  # bytes of a response head


class Wrong(Exception):
    """What was seen is not what the requirement asks for."""

    def __init__(self, expected: str, came: object) -> None:
        super().__init__(f"expected {expected}; came {came}")
        self.expected = expected
        self.came = str(came)


class Response(NamedTuple):
    """An answer; `complete` is False where it ended before its end."""

    version: str
    status: int
    reason: bytes
    headers: list[tuple[bytes, bytes]]  # names as sent
    body: bytes
    framing: str  # none, length, chunked or close
    complete: bool
    trailers: list[tuple[bytes, bytes]]
    head: bytes

    def all(self, name: bytes) -> list[bytes]:
        """The values of a header, in order."""
        return [value for key, value in self.headers if key.lower() == name]

    def get(self, name: bytes) -> bytes | None:
        """The first value of a header."""
        return next(iter(self.all(name)), None)

    def __str__(self) -> str:
        whole = "" if self.complete else ", cut off"
        return (
            f"{self.status} with {len(self.body)} bytes ({self.framing}{whole}): {self.body[:80]!r}"
        )


class Transcript:
    """Both directions of a conversation, as text."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._began = time.monotonic()

    def add(self, mark: str, data: bytes | str) -> None:
        """Note what went (`>`) or came (`<`), cut where it is long."""
        shown = data if isinstance(data, str) else repr(data[:_SHOWN_MAX])[1:]
        if len(data) > _SHOWN_MAX:
            shown += f" … {len(data)} bytes"
        self.lines.append(f"{time.monotonic() - self._began:7.3f} {mark} {shown}")


class Wire:
    """One connection. Everything that waits gives up after `patience_s`, with Wrong."""

    def __init__(self, sock: socket.socket, transcript: Transcript, patience_s: float) -> None:
        self.sock = sock
        self.patience_s = patience_s
        self.transcript = transcript
        self.buffer = b""
        self.closed = ""  # how the server ended it: "", "closed" or "reset"

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close our end."""
        with contextlib.suppress(OSError):
            self.sock.close()

    def reset(self) -> None:
        """Leave with a TCP reset."""
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transcript.add("-", "the client resets the connection")
        self.close()

    def finish(self) -> None:
        """End our direction (FIN) and go on reading."""
        self.transcript.add("-", "the client ends its side")
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def leave(self) -> None:
        """Close the connection in the ordinary way."""
        self.transcript.add("-", "the client closes the connection")
        if isinstance(self.sock, ssl.SSLSocket):
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
        self.close()

    def send(self, data: bytes) -> bool:
        """Write all of `data`; False if the server has closed before."""
        self.transcript.add(">", data)
        try:
            self.sock.settimeout(self.patience_s)
            self.sock.sendall(data)
        except OSError as error:
            self.transcript.add("-", f"writing ended with {error}")
            return False
        return True

    def more(self, wait_s: float | None = None) -> bool:
        """Read once into the buffer; False if nothing came in `wait_s`, or the server has closed."""
        if self.closed:
            return False
        self.sock.settimeout(self.patience_s if wait_s is None else max(wait_s, 0.001))
        try:
            data = self.sock.recv(_READ)
        except (TimeoutError, ssl.SSLWantReadError):
            return False
        except OSError as error:
            self.closed = "reset"
            self.transcript.add("-", f"reading ended with {error}")
            return False
        if not data:
            self.closed = "closed"
            self.transcript.add("-", "the server closes the connection")
            return False
        self.transcript.add("<", data)
        self.buffer += data
        return True

    def until(self, mark: bytes) -> bytes:
        """What comes up to `mark` and including it."""
        ends = time.monotonic() + self.patience_s
        while mark not in self.buffer:
            left = ends - time.monotonic()
            if left <= 0 or len(self.buffer) > _HEAD_MAX or not self.more(left):
                how = self.closed or f"nothing more in {self.patience_s:g} s"
                raise Wrong(f"an answer with {mark!r}", f"{how}, after {self.buffer[:200]!r}")
        place = self.buffer.index(mark) + len(mark)
        taken, self.buffer = self.buffer[:place], self.buffer[place:]
        return taken

    def exactly(self, count: int) -> bytes:
        """The next `count` bytes; fewer if the server closes or stops before."""
        ends = time.monotonic() + self.patience_s
        parts, have = [self.buffer], len(self.buffer)
        self.buffer = b""
        while have < count and self.more(ends - time.monotonic()):
            ends = time.monotonic() + self.patience_s
            parts.append(self.buffer)
            have += len(self.buffer)
            self.buffer = b""
        whole = b"".join(parts)
        self.buffer = whole[count:]
        return whole[:count]

    def quiet(self, seconds: float) -> bytes:
        """What comes within `seconds`, where nothing should."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0 and self.more(left):
            pass
        return self.buffer

    def ended(self) -> str:
        """Wait for the server to close: "closed", "reset", or "" if it does not."""
        ends = time.monotonic() + self.patience_s
        while not self.closed and (left := ends - time.monotonic()) > 0:
            self.more(left)
        return self.closed

    def response(self, *, head: bool = False, informational: bool = False) -> Response:
        """The next answer; `head`: to a HEAD request. 1xx ones are passed over unless `informational`."""
        while True:
            raw = self.until(b"\r\n\r\n")
            lines = raw[:-4].split(b"\r\n")
            version, status, reason = _status_line(lines[0])
            headers = [_field(line) for line in lines[1:]]
            if status >= 200 or informational or status == 101:
                break
        found = Response(version, status, reason, headers, b"", "none", True, [], raw)
        if head or status < 200 or status in {204, 304}:
            return found
        codings = found.all(b"transfer-encoding")
        if codings:
            if [coding.lower() for coding in codings] != [b"chunked"]:
                raise Wrong("one transfer coding, chunked", codings)
            if found.get(b"content-length") is not None:
                raise Wrong("a length or chunks", raw)
            return self._chunked(found)
        lengths = set(found.all(b"content-length"))
        if len(lengths) > 1 or not all(length.isdigit() for length in lengths):
            raise Wrong("one content-length", sorted(lengths))
        if lengths:
            length = int(lengths.pop())
            body = self.exactly(length)
            return found._replace(body=body, framing="length", complete=len(body) == length)
        ended = self.ended()
        body, self.buffer = self.buffer, b""
        return found._replace(body=body, framing="close", complete=ended == "closed")

    def _chunked(self, found: Response) -> Response:
        parts: list[bytes] = []
        try:
            while True:
                line = self.until(b"\r\n")[:-2].split(b";")[0].strip()
                if not line or line.strip(b"0123456789abcdefABCDEF"):
                    raise Wrong("a chunk's size", line)
                size = int(line, 16)
                if not size:
                    break
                data = self.exactly(size + 2)
                parts.append(data[:size])
                if len(data) == size + 2 and data[-2:] != b"\r\n":
                    raise Wrong("CR LF after a chunk", data[-2:])
                if len(data) < size + 2:
                    raise _Cut
            trailers = []
            while line := self.until(b"\r\n")[:-2]:
                trailers.append(_field(line))
        except (_Cut, Wrong) as error:
            if isinstance(error, Wrong) and "an answer with" not in error.expected:
                raise
            return found._replace(body=b"".join(parts), framing="chunked", complete=False)
        return found._replace(body=b"".join(parts), framing="chunked", trailers=trailers)


class _Cut(Exception):
    """The connection ended inside a chunk."""


def _status_line(line: bytes) -> tuple[str, int, bytes]:
    parts = line.split(b" ", 2)
    if len(parts) < 2 or parts[0] not in {b"HTTP/1.1", b"HTTP/1.0"} or len(parts[1]) != 3:
        raise Wrong("a status line of HTTP/1", line[:200])
    if not parts[1].isdigit():
        raise Wrong("a status of three digits", line[:200])
    return parts[0][5:].decode(), int(parts[1]), parts[2] if len(parts) > 2 else b""


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not name or name.strip() != name:
        raise Wrong("a header line", line[:200])
    return name, value.strip(b" \t")


def connect(address: Any, transcript: Transcript, patience_s: float, tls: Any = None) -> Wire:
    """A connection to `address`, (host, port) or a path; `tls` is an SSLContext.

    Raises Wrong if it cannot be made.
    """
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(patience_s)
        sock.connect(address)
        if family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            sock = tls.wrap_socket(sock, server_hostname="localhost")
    except OSError as error:
        sock.close()
        raise Wrong("a connection", error) from None
    transcript.add("-", f"connected to {address}")
    return Wire(sock, transcript, patience_s)
