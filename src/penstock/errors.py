"""One tree of exceptions; each knows its wire code or exit code and its hint.

PenstockError
├── SetupError              what a person who starts the server has to change
│   ├── UsageError          exit 2: an option or a call that makes no sense
│   ├── StartupError        exit 3: the application failed to start
│   ├── ImportFailed        exit 4: the application could not be imported
│   └── BindError           exit 5: the address could not be bound
├── ProtocolError           remote: the peer broke a protocol
│   ├── CompressionError    a header block of HTTP/2 that cannot be decoded: the connection is over
│   ├── HttpError           has the status to answer with
│   ├── WebSocketError      has the close code to answer with
│   ├── Http2Error          ends an HTTP/2 connection; has the code of its GOAWAY
│   └── StreamError         ends one stream of HTTP/2; has the code of its RST_STREAM
├── MessageError            local: the application broke a rule of ASGI, WSGI or HTTP
└── ClientDisconnected      also an OSError: the client is gone, nothing can be sent any more
"""


class PenstockError(Exception):
    """Base of everything that Penstock raises on purpose."""


class SetupError(PenstockError):
    """A start that cannot succeed; `hint` says what to change, `exit_code` is the process's."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(SetupError):
    """An option or argument that makes no sense."""

    exit_code = 2


class StartupError(SetupError):
    """The application said, or showed, that it cannot start."""

    exit_code = 3


class ImportFailed(SetupError):
    """The application could not be imported."""

    exit_code = 4


class BindError(SetupError):
    """A listening address could not be bound."""

    exit_code = 5


class ProtocolError(PenstockError):
    """The peer broke a protocol. `rule` names the RFC section, `option` what would change it."""

    def __init__(self, message: str, rule: str = "", option: str = "") -> None:
        super().__init__(message)
        self.rule = rule
        self.option = option


class CompressionError(ProtocolError):
    """A header block that breaks RFC 7541; its connection has no header table to go on with."""


class HttpError(ProtocolError):
    """A request that is refused with `status`; the connection is over after it."""

    def __init__(self, status: int, message: str, rule: str = "", option: str = "") -> None:
        super().__init__(message, rule, option)
        self.status = status


class WebSocketError(ProtocolError):
    """A frame or message that ends the WebSocket with close `code` (RFC 6455 section 7.4.1)."""

    def __init__(self, code: int, message: str, rule: str = "", option: str = "") -> None:
        super().__init__(message, rule, option)
        self.code = code


class Http2Error(ProtocolError):
    """A fault that ends an HTTP/2 connection: GOAWAY with `code` (RFC 9113 sections 5.4.1, 7)."""

    def __init__(self, code: int, message: str, rule: str = "", option: str = "") -> None:
        super().__init__(message, rule, option)
        self.code = code


class StreamError(ProtocolError):
    """A fault that ends one stream: RST_STREAM with `code` (RFC 9113 sections 5.4.2, 7)."""

    def __init__(self, code: int, message: str, rule: str = "", option: str = "") -> None:
        super().__init__(message, rule, option)
        self.code = code


class MessageError(PenstockError):
    """The application sent what the specification forbids; nothing of it went out."""


class ClientDisconnected(PenstockError, OSError):
    """The client is gone: nothing can be sent any more (ASGI HTTP spec 2.4, HTTP-DISC-06)."""
