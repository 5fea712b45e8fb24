"""An HTTP/2 connection's socket: what is written and when, how reading is paused and the end is made.

All that one read brings about leaves in one write at its end; what comes about at other times is
collected for a turn of the loop. No more is taken out of the session than the socket has room for:
what waits there can still be ordered, by priority and by the windows.
"""

from typing import Any

from penstock.gateway.stream import DISCONNECT_LOST, Service
from penstock.transport.direct import write_now
from penstock.transport.http1_output import reset_at_close
from penstock.transport.http2_shared import Shared
from penstock.wire.http2_session import Session

# Taken out of the session at once, and in one turn of the loop: others have a turn, too.
_PIECE_BYTES = 1 << 16
_TURN_BYTES_MAX = 1 << 18
# What the transport may hold of what the kernel does not take. More would only be beyond the reach of
# priorities.
WRITE_BUFFER_BYTES = 1 << 15
# How long a client is listened to after the end while the server stops, as for HTTP/1.
_CLOSING_LINGER_S = 0.5


class Output:
    """The base of `http2_input.Input`. `worker`: the `Worker` it belongs to.

    - `client`, `server`, `scheme`, `tls`: as of `Stream`, of the connection.
    - `streams`: the `Http2Stream`s that somebody may still have to be told of.
    - `shared`, `session`: see there.
    """

    __slots__ = (
        "_advancing",
        "_closed",
        "_deadline",
        "_direct",
        "_drained",
        "_ending",
        "_fd",
        "_flush_due",
        "_lingering",
        "_lost",
        "_paused",
        "_peer_eof",
        "_proxy",
        "_reading_paused",
        "_received",
        "_sent_mark",
        "_sent_since",
        "_spilled",
        "_transport",
        "_written",
        "client",
        "scheme",
        "server",
        "service",
        "session",
        "shared",
        "streams",
        "tls",
        "worker",
    )

    def __init__(self, worker: Any) -> None:
        if worker.http2 is None:
            worker.http2 = Shared(worker)
        self.worker = worker
        self.service: Service = worker.service
        self.shared: Shared = worker.http2
        self.session = Session(self.shared.limits, self.shared.websockets)
        self.streams: set[Any] = set()
        self._transport: Any = None
        self._fd = -1
        self._direct = False
        self._proxy: Any = None
        self._advancing = False
        self._closed = False
        self._paused = False
        self._reading_paused = False
        self._peer_eof = False
        self._lingering = False
        self._lost = False
        self._flush_due = False
        self._spilled = False
        self._deadline = 0.0
        self._received = 0
        self._written = 0
        self._drained = 0
        self._sent_mark = -1
        self._sent_since = 0.0
        self._ending: list[Any] | None = None
        self.client: Any = None
        self.server: Any = None
        self.scheme = "http"
        self.tls: Any = None

    # For the streams.

    def output(self) -> None:
        """There is something to write: at the end of the read that is under way, or else soon."""
        if not self._advancing and not self._flush_due:
            self._flush_due = True
            self.worker.loop.call_soon(self._flush_now)

    def ends(self, stream: Any) -> None:
        """`stream` has given all of its response, and some of it still waits."""
        if self._ending is None:
            self._ending = [stream]
        else:
            self._ending.append(stream)

    def over(self, stream: Any) -> None:
        """Nobody has to be told of `stream` any more."""
        self.streams.discard(stream)
        if not self.streams:
            self._deadline = self.worker.now + self.worker.settings.timeout_keep_alive

    # The socket.

    def _flush_now(self) -> None:
        self._flush_due = False
        if not self._closed and not self._advancing:
            self._flush()
            self._after()

    def _flush(self) -> None:
        """Write what there is, as far as the socket has room; then tell those who waited for it."""
        session = self.session
        taken = 0
        while not self._paused and session.has_output():
            if taken >= _TURN_BYTES_MAX:
                self.output()
                break
            out = session.take(_PIECE_BYTES)
            size = len(out)
            if not size:
                break
            taken += size
            self._write(out, size)
        if session.failed:
            failed = session.failed
            session.failed = None
            for end in failed:
                if end.owner is not None:
                    end.owner.lost(DISCONNECT_LOST)
        if session.drained:
            drained = session.drained
            session.drained = None
            for end in drained:
                if end.owner is not None:
                    end.owner.drained()
        if self._ending is not None:
            self._look_at_ending()

    def _look_at_ending(self) -> None:
        """Let go of the streams whose responses are written."""
        ending = self._ending
        self._ending = None
        if ending is not None:
            for stream in ending:
                if not stream.let_go():
                    self.ends(stream)

    def _write(self, out: bytes, size: int) -> None:
        """Write, straight to the socket while the transport has nothing of its own to write."""
        transport = self._transport
        self._written += size
        if self._spilled and not transport.get_write_buffer_size():
            self._spilled = False
        if self._direct and not self._spilled:
            sent = write_now(self._fd, out)
            if sent == size:
                return
            if sent:
                out = out[sent:]
        self._spilled = True
        # A broken transport complains about each further write: not of ours (A11).
        if not transport.is_closing():
            transport.write(out)

    def pause_writing(self) -> None:
        """The transport's buffer has passed the high-water mark."""
        self._paused = True

    def resume_writing(self) -> None:
        """The transport's buffer is below the low-water mark again."""
        self._paused = False
        if not self._closed:
            self._resumed()

    def _resumed(self) -> None:
        raise NotImplementedError

    def _after(self) -> None:
        raise NotImplementedError

    def advance_soon(self) -> None:
        """Go on with the input in the next turn of the loop."""
        raise NotImplementedError

    def begin_promised(self, parent: Any, end: Any, head: Any) -> None:
        """Start the exchange of a request that was promised on the stream `parent`."""
        raise NotImplementedError

    def trusts_peer(self) -> bool:
        """Whether the connection's peer may say what a request's id is."""
        return self._proxy is not None and self._proxy.trusted

    def _pause(self) -> None:
        if not self._reading_paused and not self._lost and not self._transport.is_closing():
            self._reading_paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._reading_paused:
            self._reading_paused = False
            if not self._lost and not self._transport.is_closing():
                self._transport.resume_reading()

    def _close(self) -> None:
        """Close once everything is written."""
        self._closed = True
        if not self._transport.is_closing():
            self._transport.close()

    def _linger(self) -> None:
        """End our side, and read off what the client still sends, up to a limit and a deadline: what
        arrives after a close would be answered with a reset, and that could take our last frames
        away from the client."""
        self._closed = True
        if self._lingering or self._transport.is_closing():
            return
        worker = self.worker
        if self._peer_eof or worker.crowded or not self._transport.can_write_eof():
            self._transport.close()
            return
        self._lingering = True
        worker.lingering.add(self)
        self._direct = False
        self._deadline = worker.now + worker.settings.timeout_undrained
        self._transport.write_eof()
        if worker.closing:
            worker.loop.call_later(_CLOSING_LINGER_S, self._lingered)
        self._resume()

    def _read_off(self, size: int) -> None:
        """What comes after the end counts towards a limit; see `http1_output.Output`."""
        self._drained += size
        if self._drained > self.worker.settings.limit_undrained_body:
            if self._transport.get_write_buffer_size():
                self._pause()
            else:
                self._transport.abort()

    def _lingered(self) -> None:
        """A shutdown waits no longer for the client to end its side."""
        if not self._lost:
            self._close()

    def relieve(self) -> None:
        """Room is needed: wait no longer for a client that has got everything to close, too."""
        if self._lingering and not self._lost and not self._transport.get_write_buffer_size():
            self._transport.close()

    def _reads(self, now: float) -> bool:
        """Whether the client takes what the socket holds at the lowest rate, over each window (S04)."""
        waiting = self._transport.get_write_buffer_size()
        if not waiting:
            self._sent_mark = -1
            return True
        gone = self._written - waiting
        if self._sent_mark < 0 or self._sent_mark > gone:
            self._sent_since = now
            self._sent_mark = gone
            return True
        settings = self.worker.settings
        window = settings.timeout_min_rate
        if now - self._sent_since < window:
            return True
        enough: bool = gone - self._sent_mark >= settings.min_rate * window
        self._sent_since = now
        self._sent_mark = gone
        return enough

    def _cut(self) -> None:
        """End at once, and let the kernel give up what is unsent: it would keep that for as long as the
        client likes."""
        if self._fd >= 0 and not self._lost:
            reset_at_close(self._fd)
        self._transport.abort()
