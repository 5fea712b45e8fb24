"""The two interfaces between a connection and a conversation, fixed for every protocol.

Downwards, an exchange (the conversation with the application about one request) talks to a
`Stream`; upwards, the connection tells an `Exchange` what happened on the wire. HTTP/1.1, HTTP/2
and HTTP/3 each implement `Stream`; exchanges are written once and never know which protocol
carries them. A `Runtime` gives an exchange futures, tasks and a way in from threads, so that this
room imports no asyncio and is tested without a loop.

Who may call whom, and from where
- Everything here runs on the loop's thread, except `Runtime.call_from_thread`.
- An exchange calls its stream only until it has ended the response (`body(..., end=True)`,
  `trailers` or `reset`) or was told `on_disconnect(..., gone=True)`; afterwards the stream belongs
  to the next request.
- A stream may call its exchange from inside a downward call only for `on_disconnect`.
- Only the connection's own loop over its input starts an exchange; a downward call never does.

Who owns the bytes
- Bytes passed downwards are immutable `bytes`; the stream keeps them until the kernel has them.
- Bytes passed upwards are `bytes` that the exchange keeps; nothing is reused behind its back.
"""

from typing import Any


class Stream:
    """One request's way back to the client. Base class; every method is overridden.

    Attributes
    - `writable`: False while more than the high-water mark waits to be written; the exchange
      then waits for `Exchange.on_writable` before it lets the application send more.
    - `http_version` (`"1.0"`, `"1.1"`, `"2"`, `"3"`), `scheme` (`"http"`/`"https"`), `client`
      and `server` (ASGI address tuples or None): what the scope says of the connection.
    - `root_path`: the service's, or what a trusted proxy says of this request.
    - `extensions`: names of the ASGI response extensions that this stream offers.
    - `ended`: how the response ends (`gateway.endings`), for the log. An exchange says it before it
      ends one that is not as it should be; the connection knows the rest.
    - `tls`: its `entry()` gives what the scope says of the TLS connection; None without TLS.
    """

    __slots__ = (
        "client",
        "ended",
        "extensions",
        "http_version",
        "root_path",
        "scheme",
        "server",
        "tls",
        "writable",
    )

    client: Any
    ended: int
    extensions: tuple[str, ...]
    http_version: str
    root_path: str
    scheme: str
    server: Any
    tls: Any
    writable: bool

    def head(self, status: int, headers: Any, bodyless: bool, trailers: bool) -> int:
        """Check and encode a final response's head; hold it until `body`, `file` or `flush`.

        `headers` is any iterable of two-item iterables of bytes. `bodyless` says that no body
        will follow on the wire (HEAD, 204, 304); `trailers` that `trailers()` ends the message.
        May be called again as long as nothing has left: the last head wins. Returns the length
        that the headers declare in bytes, -1 for none. Raises `MessageError`; then nothing has
        changed (A01, A08, A09).
        """
        raise NotImplementedError

    def flush(self) -> None:
        """Write a held head now, without waiting for the body."""
        raise NotImplementedError

    def body(self, data: bytes, end: bool) -> None:
        """Write `data` (possibly empty) as body, the held head before it; `end` ends the response.

        Lengths and body-less answers are the exchange's business: it never passes more than was
        declared, nor any data after a `bodyless` head.
        """
        raise NotImplementedError

    def file(self, fd: int, offset: int, count: int, end: bool) -> Any:
        """Send `count` bytes of the regular file `fd` from `offset` on as body, without copying.

        Returns a future (see `Runtime.new_future`) that is done when `fd` is needed no more, or
        None if that is so already. The descriptor stays the caller's. A file that turns out
        shorter cuts the connection. The future never carries an exception.
        """
        raise NotImplementedError

    def trailers(self, headers: Any) -> None:
        """Write trailer fields and end the response. Raises `MessageError` on a bad field."""
        raise NotImplementedError

    def informational(self, status: int, headers: Any) -> None:
        """Write a 1xx response before the held head; ignored where the protocol has none."""
        raise NotImplementedError

    def push(self, path: str, headers: Any) -> None:
        """Make the client's next request for it: a GET of `path` (beginning with a slash) with these
        headers, whose response is sent along. Does nothing where the client takes no pushes, or no
        more of them, and where the protocol has none. Raises `MessageError` for what cannot be
        asked for (PUSH-03 to PUSH-08)."""
        raise NotImplementedError

    def accept(self, headers: Any) -> None:
        """Agree to the WebSocket handshake with these extra response headers; then `body` carries
        frames and `Exchange.on_body` delivers them. Raises `MessageError` on a bad header."""
        raise NotImplementedError

    def read_more(self) -> None:
        """The exchange took what it had buffered and waits for more of the request's body: read
        on, and send `100 Continue` where the client waits for it."""
        raise NotImplementedError

    def reset(self, reason: str) -> None:
        """Cut the response so that the client can tell that it is not whole; `reason` is for the
        log."""
        raise NotImplementedError

    def done(self) -> None:
        """The application's call has ended (exactly once for each started exchange)."""
        raise NotImplementedError


class Exchange:
    """One conversation, as its connection sees it. Base class; every method is overridden.

    `buffered` is the number of body bytes that nobody has taken or waits for: the connection
    pauses reading above its high-water mark. `status` is the final status that was sent, 0 before.
    `began`: the connection's clock when the request's head was whole, in seconds; exact to a second.
    """

    __slots__ = ("began", "buffered", "status")

    began: float
    buffered: int
    status: int

    def start(self) -> None:
        """Call the application; called once, by the connection's loop over its input."""
        raise NotImplementedError

    def on_body(self, data: bytes, end: bool) -> None:
        """The next bytes of the request's body (or of the WebSocket); `end`: the body is whole."""
        raise NotImplementedError

    def on_writable(self) -> None:
        """The stream is writable again."""
        raise NotImplementedError

    def on_disconnect(self, reason: str, gone: bool) -> None:
        """No more will come from the client. `gone`: nothing can be sent either.

        `reason` is one of the DISCONNECT_* names below. `gone=False` after a FIN or at the grace
        of a shutdown: the application is told, but may still send.
        """
        raise NotImplementedError

    def on_deadline(self, now: float) -> None:
        """The worker's sweep, about once a second; `now` is the loop's monotonic clock."""
        raise NotImplementedError

    def on_shutdown(self) -> None:
        """The server stops: a WebSocket closes with 1012, a request goes on to its end."""
        raise NotImplementedError

    def where(self) -> str:
        """Where the application's call stands, for the log. May be called from any thread."""
        raise NotImplementedError

    def cancel(self) -> str:
        """End the application's call by force; returns where it stood, for the log."""
        raise NotImplementedError


DISCONNECT_EOF = "eof"
DISCONNECT_LOST = "lost"
DISCONNECT_TIMEOUT = "timeout"
DISCONNECT_PROTOCOL_ERROR = "protocol error"
DISCONNECT_SHUTDOWN = "shutdown"


class Runtime:
    """What an exchange needs of the event loop. Implemented in transport, faked in tests."""

    __slots__ = ()

    def new_future(self) -> Any:
        """A future: `done()`, `set_result(value)`, awaitable by a task of `start_task`."""
        raise NotImplementedError

    def new_waiter(self) -> Any:
        """A future for one task that waits for it in an awaitable: `done()`, `set_result(None)`
        lets the task go on in the next turn of the loop, `fire()` at once where no other runs."""
        raise NotImplementedError

    def start_task(self, coroutine: Any, context: Any) -> Any:
        """Run `coroutine` as a task in `context` (a `contextvars.Context`), up to its first
        suspension before this returns where the Python version can (3.12 and later)."""
        raise NotImplementedError

    def call_soon(self, callback: Any) -> None:
        """Call `callback()` in the next turn of the loop."""
        raise NotImplementedError

    def call_from_thread(self, callback: Any) -> None:
        """Call `callback()` on the loop's thread soon. The only method that any thread may call;
        callbacks queued while a wake-up is pending share it."""
        raise NotImplementedError

    def flush_soon(self, exchange: Any) -> None:
        """Call `exchange.flush()` at most 10 ms from now, sharing one timer among exchanges."""
        raise NotImplementedError


class Service:
    """What all conversations of one worker share.

    - `app`: the application; `interface`: `"asgi3"` (ASGI 2 applications come wrapped) or `"wsgi"`.
    - `runtime`: see `Runtime`. `context`: the context that lifespan ran in; each request runs in a
      copy of it.
    - `state`: the lifespan namespace, None where lifespan is not supported.
    - `root_path`: mount point, no trailing slash, "" for none. `root_path_mode`: whether the proxy in
      front has taken it off, one of the ROOT_PATH_* of `gateway.scope`.
    - `settings`: the `Config` (limits by their option names), read once by whoever needs them.
    - `app_failed(exchange, exc)`: logs an exception that escaped the application.
    - `note(level, text)`: logs one line; level is `"debug"`, `"info"`, `"warning"`, `"error"`.
    """

    __slots__ = (
        "app",
        "app_failed",
        "context",
        "interface",
        "note",
        "root_path",
        "root_path_mode",
        "runtime",
        "settings",
        "state",
    )

    def __init__(
        self,
        *,
        app: Any,
        interface: str,
        runtime: Any,
        context: Any,
        state: Any,
        settings: Any,
        root_path: str = "",
        root_path_mode: int = 0,
        app_failed: Any,
        note: Any,
    ) -> None:
        self.app = app
        self.interface = interface
        self.runtime = runtime
        self.context = context
        self.state = state
        self.settings = settings
        self.root_path = root_path
        self.root_path_mode = root_path_mode
        self.app_failed = app_failed
        self.note = note
