"""The order of messages: one state machine for each type of scope, and what it complains of.

A judge gets messages whose shape has been looked at; it says what is wrong with their place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from penstock.testing.faults import MUST, NOTE, SHOULD
from penstock.testing.messages import SENT, Complaint

START, BODY, TRAILERS, DONE = range(4)
CONNECTING, OPEN, DENYING, CLOSED = range(4)
_NO_CONTENT = frozenset({204, 304})
_FORBIDDEN_IN_TRAILERS = frozenset(
    {b"content-length", b"transfer-encoding", b"host", b"content-type", b"content-encoding"}
)


def spec_version(scope: dict[str, Any], default: str) -> tuple[int, ...]:
    """The version of the specification that `scope` offers (SCOPE-04, SCOPE-05)."""
    asgi = scope.get("asgi")
    text = asgi.get("spec_version", default) if isinstance(asgi, dict) else default
    try:
        return tuple(int(part) for part in str(text).split("."))
    except ValueError:
        return tuple(int(part) for part in default.split("."))


def pairs(message: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    """The headers of `message` that are pairs of bytes; names in lower case."""
    headers = message.get("headers")
    found = []
    for pair in headers if isinstance(headers, (list, tuple)) else ():
        both = tuple(pair) if isinstance(pair, (list, tuple)) else ()
        if len(both) == 2 and isinstance(both[0], bytes) and isinstance(both[1], bytes):
            found.append((both[0].lower(), both[1]))
    return found


class Judge:
    """What the judges have in common; `complete` and `gone` say that nothing more is owed."""

    __slots__ = ("_extensions", "_opened", "complete", "gone")

    def __init__(self, scope: dict[str, Any]) -> None:
        extensions = scope.get("extensions")
        self._extensions = extensions if isinstance(extensions, dict) else {}
        self._opened = False  # the first event has been given
        self.complete = False
        self.gone = False

    def event(self, message: dict[str, Any]) -> Iterator[Complaint]:
        """Judge the place of an event."""
        raise NotImplementedError

    def message(self, message: dict[str, Any]) -> Iterator[Complaint]:
        """Judge the place of a message."""
        raise NotImplementedError

    def end(self, error: BaseException | None) -> Iterator[Complaint]:
        """Judge whether the call ended too early."""
        raise NotImplementedError

    def _offered(self, kind: str) -> Iterator[Complaint]:
        extension = SENT[kind].extension
        if extension and extension not in self._extensions:
            yield "SCOPE-12", MUST, f"the scope does not offer the extension {extension}"


class Answer:
    """Start, body and trailers of a response, of HTTP or of a WebSocket that is denied."""

    __slots__ = ("_head", "_length", "_pathsend", "_seen_bytes", "_status", "_trailers", "state")

    def __init__(self, *, head: bool) -> None:
        self.state = START
        self._head = head
        self._status = 0
        self._length = -1  # what content-length says
        self._seen_bytes = 0  # -1: unknown, a file is part of it
        self._pathsend = False
        self._trailers = False

    def start(self, message: dict[str, Any], *, trailers: bool) -> Iterator[Complaint]:
        """A message that starts the response."""
        if self.state != START:
            yield "HTTP-RESP-20", MUST, "the response has been started already"
            return
        self.state = BODY
        self._trailers = trailers and message.get("trailers") is True
        status = message.get("status")
        self._status = status if isinstance(status, int) else 0
        lengths = []
        for name, value in pairs(message):
            if name == b"transfer-encoding":
                yield "HTTP-RESP-36", SHOULD, "transfer-encoding is the server's; it is ignored"
            elif name == b"content-length":
                lengths.append(value)
        if lengths:
            yield from self._lengths(lengths)

    def _lengths(self, lengths: list[bytes]) -> Iterator[Complaint]:
        if not all(value.isdigit() for value in lengths) or len(set(lengths)) > 1:
            yield "HTTP-RESP-32", MUST, f"content-length is one number, not {lengths}"
        else:
            self._length = int(lengths[0][:20])
            if len(lengths) > 1:
                yield "HTTP-RESP-32", SHOULD, "content-length is given more than once"

    def body(self, message: dict[str, Any], size: int | None) -> Iterator[Complaint]:
        """A message with `size` bytes of body; None: as many as a file has."""
        if self.state == START:
            yield "HTTP-RESP-01", MUST, "a body before the start of the response"
            return
        if self.state != BODY:
            yield "HTTP-RESP-31", MUST, "a message after the end of the response"
            return
        if self._pathsend:
            yield "PATH-03", MUST, "a body after http.response.pathsend, which is the whole body"
        if size is None or self._seen_bytes < 0:
            self._seen_bytes = -1
        else:
            yield from self._count(size)
        if not message.get("more_body"):
            yield from self._last()

    def _count(self, size: int) -> Iterator[Complaint]:
        before = self._seen_bytes
        self._seen_bytes += size
        if size and before == 0 and self._status in _NO_CONTENT:
            yield "HTTP-RESP-23", SHOULD, f"a response with status {self._status} has no content"
        if before <= self._length < self._seen_bytes and self._counted():
            yield (
                "HTTP-RESP-32", SHOULD,
                f"the body has more bytes than content-length says, {self._length}",
            )  # fmt: skip

    def _last(self) -> Iterator[Complaint]:
        self.state = TRAILERS if self._trailers else DONE
        if 0 <= self._seen_bytes < self._length and self._counted():
            yield (
                "HTTP-RESP-32", SHOULD,
                f"the body has {self._seen_bytes} bytes, content-length says {self._length}",
            )  # fmt: skip

    def _counted(self) -> bool:
        return self._length >= 0 and not self._head and self._status not in _NO_CONTENT

    def path(self, message: dict[str, Any]) -> Iterator[Complaint]:
        """http.response.pathsend, which is the whole body."""
        if self.state == BODY and self._seen_bytes:
            yield "PATH-03", MUST, "http.response.pathsend after a part of the body"
        if self.state == BODY and self._length < 0:
            yield "PATH-04", NOTE, "http.response.pathsend without a content-length of its own"
        yield from self.body(message, None)
        self._pathsend = True

    def trailers(self, message: dict[str, Any]) -> Iterator[Complaint]:
        """http.response.trailers."""
        if self.state != TRAILERS:
            yield (
                "TRAIL-02", MUST,
                "trailers come after the body of a response that was started with trailers: True",
            )  # fmt: skip
            return
        for name, _ in pairs(message):
            if name in _FORBIDDEN_IN_TRAILERS:
                yield "TRAIL-09", SHOULD, f"{name!r} cannot be a trailer (RFC 9110 section 6.5.1)"
        if not message.get("more_trailers"):
            self.state = DONE

    def end(self) -> Iterator[Complaint]:
        """The call is over."""
        if self.state == START:
            yield "HTTP-RESP-01", MUST, "the call returned without a response"
        elif self.state == BODY:
            yield "HTTP-RESP-01", MUST, "the call returned before the end of the response's body"
        elif self.state == TRAILERS:
            yield "TRAIL-02", MUST, "the call returned without the trailers that it announced"


class HttpJudge(Judge):
    """One HTTP request."""

    __slots__ = ("_answer", "_debugged", "_request_over", "_told")

    def __init__(self, scope: dict[str, Any]) -> None:
        super().__init__(scope)
        self._answer = Answer(head=scope.get("method") == "HEAD")
        self._request_over = False
        self._debugged = False
        self._told = False  # of a message before the request

    def event(self, message: dict[str, Any]) -> Iterator[Complaint]:
        """http.request and http.disconnect."""
        self._opened = True
        if message["type"] == "http.disconnect":
            self.gone = True
        elif self.gone:
            yield "HTTP-REQ-01", MUST, "http.request after http.disconnect"
        elif self._request_over:
            yield "HTTP-REQ-04", MUST, "http.request after the last one"
        elif not message.get("more_body"):
            self._request_over = True

    def message(self, message: dict[str, Any]) -> Iterator[Complaint]:
        """Messages of the response and of its extensions."""
        kind = message["type"]
        answer = self._answer
        if not self._opened and not self._told:
            self._told = True
            yield "HTTP-REQ-09", NOTE, "sent before the request was received"
        yield from self._offered(kind)
        if kind == "http.response.start":
            yield from answer.start(message, trailers="http.response.trailers" in self._extensions)
        elif kind == "http.response.body":
            yield from answer.body(message, len(message.get("body") or b""))
        elif kind == "http.response.zerocopysend":
            yield from answer.body(message, None)
        elif kind == "http.response.pathsend":
            yield from answer.path(message)
        elif kind == "http.response.trailers":
            yield from answer.trailers(message)
        elif kind == "http.response.debug":
            if self._debugged or answer.state != START:
                yield "DEBUG-03", MUST, "http.response.debug comes once, before the response"
            self._debugged = True
        elif kind == "http.response.push":
            if answer.state != BODY:
                yield "PUSH-02", MUST, "http.response.push comes between start and end of the body"
        elif answer.state not in {START, BODY}:
            yield "HINT-03", MUST, "http.response.early_hint after the body"
        self.complete = answer.state == DONE

    def end(self, error: BaseException | None) -> Iterator[Complaint]:
        """Nothing is owed to a client that has left, and a server answers for an exception."""
        if error is None and not self.gone:
            yield from self._answer.end()


class WebSocketJudge(Judge):
    """One WebSocket."""

    __slots__ = ("_denial", "_offer", "_received_end", "_state", "_told", "_version")

    def __init__(self, scope: dict[str, Any]) -> None:
        super().__init__(scope)
        self._state = CONNECTING
        self._denial = Answer(head=False)
        self._offer = scope.get("subprotocols") or []
        self._received_end = False
        self._told = False
        self._version = spec_version(scope, "2.0")

    def event(self, message: dict[str, Any]) -> Iterator[Complaint]:
        """websocket.connect, .receive and .disconnect."""
        kind = message["type"]
        if self._received_end and kind != "websocket.disconnect":
            yield "WS-CLOSE-20", MUST, f"{kind} after websocket.disconnect"
        elif kind == "websocket.disconnect":
            self.gone = self._received_end = True
        elif kind == "websocket.connect":
            if self._opened:
                yield "WS-HS-01", MUST, "a second websocket.connect"
            self._opened = True
        elif self._state == CONNECTING:
            yield "WS-HS-20", SHOULD, "websocket.receive before the application accepted"
        if kind == "websocket.receive":
            yield from _one_of_both(message)

    def message(self, message: dict[str, Any]) -> Iterator[Complaint]:
        """Handshake, data, close, or a denial."""
        kind = message["type"]
        if not self._opened and not self._told:
            # By the letter it is wrong; frameworks that refuse at once do it, and servers let them
            self._told = True
            yield "APP-22", NOTE, f"{kind} before websocket.connect was received"
        yield from self._offered(kind)
        if self._state == CLOSED:
            if not self.gone:
                level = NOTE if kind == "websocket.close" else SHOULD
                yield "WS-CLOSE-22", level, f"{kind} after the application closed the WebSocket"
        elif self._received_end:
            yield "WS-CLOSE-23", SHOULD, f"{kind} after websocket.disconnect was received"
        elif kind.startswith("websocket.http."):
            yield from self._deny(kind, message)
        elif self._state == DENYING:
            yield "WS-DENY-06", MUST, f"{kind} after the start of a response in its place"
        elif kind == "websocket.accept":
            yield from self._accept(message)
        elif kind == "websocket.close":
            self._state = CLOSED
            self.complete = True
            if message.get("reason") and self._version < (2, 3):
                yield "SCOPE-07", NOTE, "close has a reason, the scope's spec_version is below 2.3"
        elif self._state == CONNECTING:
            yield "WS-HS-05", MUST, "websocket.send before the WebSocket was accepted"
        if kind == "websocket.send":
            yield from _one_of_both(message)

    def _accept(self, message: dict[str, Any]) -> Iterator[Complaint]:
        if self._state == OPEN:
            yield "WS-HS-12", MUST, "a second websocket.accept"
            return
        self._state = OPEN
        chosen = message.get("subprotocol")
        if chosen is not None and chosen not in self._offer:
            yield "WS-HS-08", SHOULD, f"the client did not offer the subprotocol {chosen!r}"
        headers = pairs(message)
        if headers and self._version < (2, 1):
            yield "SCOPE-07", MUST, "accept has headers, the scope's spec_version is below 2.1"
        if any(name == b"sec-websocket-protocol" for name, _ in headers):
            yield "WS-HS-10", MUST, "the subprotocol has a key of its own, and is no header here"

    def _deny(self, kind: str, message: dict[str, Any]) -> Iterator[Complaint]:
        if self._state == OPEN:
            yield "WS-DENY-02", MUST, "a response after the WebSocket was accepted"
            return
        self._state = DENYING
        if kind.endswith("start"):
            yield from self._denial.start(message, trailers=False)
        else:
            yield from self._denial.body(message, len(message.get("body") or b""))
        if self._denial.state == DONE:
            self._state = CLOSED
            self.complete = True

    def end(self, error: BaseException | None) -> Iterator[Complaint]:
        """A call that returns without an answer refuses its client without saying so."""
        if error is not None or self.gone:
            return
        if self._state == CONNECTING:
            yield "WS-HS-05", MUST, "the call returned without accepting or closing the WebSocket"
        elif self._state == DENYING:
            yield from self._denial.end()
        elif self._state == OPEN:
            yield "WS-CLOSE-16", NOTE, "the call returned without closing the WebSocket"


def _one_of_both(message: dict[str, Any]) -> Iterator[Complaint]:
    given = [key for key in ("bytes", "text") if message.get(key) is not None]
    if len(given) != 1:
        yield "WS-MSG-05", MUST, f"exactly one of bytes and text is given, not {given or 'none'}"


# What may be said after which event; "" before any
_ANSWERS = {
    "": (),
    "lifespan.startup": ("lifespan.startup.complete", "lifespan.startup.failed"),
    "lifespan.shutdown": ("lifespan.shutdown.complete", "lifespan.shutdown.failed"),
}


class LifespanJudge(Judge):
    """The lifespan of an application."""

    __slots__ = ("_answered", "_asked", "_version")

    def __init__(self, scope: dict[str, Any]) -> None:
        super().__init__(scope)
        self._asked = ""
        self._answered = True
        self._version = spec_version(scope, "1.0")

    def event(self, message: dict[str, Any]) -> Iterator[Complaint]:
        """lifespan.startup, then lifespan.shutdown."""
        kind = message["type"]
        expected = "lifespan.startup" if self._asked == "" else "lifespan.shutdown"
        if kind != expected or not self._answered:
            yield "LIFE-05", MUST, f"{kind} where {expected} was next"
        self._asked = kind
        self._answered = False

    def message(self, message: dict[str, Any]) -> Iterator[Complaint]:
        """An answer to the event before it, once."""
        kind = message["type"]
        if kind not in _ANSWERS[self._asked]:
            if self._asked:
                yield "LIFE-19", MUST, f"{kind} is no answer to {self._asked}"
            else:
                yield "LIFE-20", MUST, f"{kind} before lifespan.startup was received"
        elif self._answered:
            yield "LIFE-19", MUST, f"{kind}: {self._asked} was answered already"
        else:
            self._answered = True
            self.complete = kind != "lifespan.startup.complete"
        if kind.endswith(".failed") and self._version < (2, 0):
            yield "LIFE-22", MUST, f"{kind} is of spec_version 2.0, the scope's is older: raise"

    def end(self, error: BaseException | None) -> Iterator[Complaint]:
        """To raise is to say that there is no support; to return says nothing."""
        if error is not None or self.complete:
            return
        if not self._asked:
            yield (
                "LIFE-19",
                NOTE,
                "the call returned at once: raise where lifespan is not supported",
            )
        elif not self._answered:
            yield "LIFE-19", MUST, f"the call returned without an answer to {self._asked}"
        elif self._asked == "lifespan.startup":
            yield "LIFE-18", NOTE, "the call returned before lifespan.shutdown"
