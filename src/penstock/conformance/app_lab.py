"""What a case of the checks of applications has at hand: conversations, patience, and blame."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from penstock.testing.conversation import Conversation
from penstock.testing.faults import APPLICATION, SHOULD, shown
from penstock.testing.messages import settled
from penstock.testing.response import Response
from penstock.testing.scopes import header_pairs, http_scope, websocket_scope

# A call that asks so often after it was told that the client is gone will not end by itself
ASKS_MAX = 100
# A response that has so many parts is taken for one without end
PARTS_MAX = 2000
_WINDOW = 16
_FORM = b"penstock=check&number=42"


@dataclass(frozen=True)
class Request:
    """What to ask of the application; `headers` are pairs of text, in any case."""

    method: str = "GET"
    url: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.method} {self.url}"

    @classmethod
    def parse(cls, text: str, headers: tuple[tuple[str, str], ...] = ()) -> Request:
        """`[METHOD] /path [BODY]`; the type of a body is JSON if it can be, else that of forms."""
        words = text.strip().split(maxsplit=2)
        if words and words[0].startswith("/"):
            words = ["GET", *text.strip().split(maxsplit=1)]
        if len(words) < 2 or not words[1].startswith("/"):
            raise ValueError(f"{text!r} is no request: write [METHOD] /path [BODY]")
        body = words[2].encode() if len(words) > 2 else b""
        return cls(words[0].upper(), words[1], headers, body)


@dataclass(frozen=True)
class Settings:
    """How the checks are run.

    `patience_s`: how long a call may take to end after the client has left, and a response to come.
    `silence_s`: how long it is watched where it should wait. `message`: what WebSockets are sent.
    """

    patience_s: float = 2.0
    silence_s: float = 0.1
    headers: tuple[tuple[str, str], ...] = ()
    message: str = "penstock"


class Finding(NamedTuple):
    """What was found, in which case, and how it was provoked."""

    rule: str
    level: str
    target: str
    text: str
    message: str
    case: str
    events: tuple[str, ...]  # of the conversation: "> " given to the application, "< " sent by it

    def __str__(self) -> str:
        return f"{self.target}: {self.rule} ({self.level}): {self.text}"


class Case(NamedTuple):
    """One thing to try: the rule it is about, how it is called in reports, and what it does.

    With `whole` it compares whole responses, so it is left out where the response has no end.
    """

    rule: str
    title: str
    run: Callable[[Lab], Awaitable[None]]
    whole: bool = False


class Outcome(NamedTuple):
    """How a call answered: what two calls are compared by."""

    status: int  # 0: no response
    body: bytes
    complete: bool
    error: str  # type and text of what was raised, or ""

    def __str__(self) -> str:
        if self.error:
            return f"it raised {self.error}"
        if not self.status:
            return "no response"
        cut = "" if self.complete else ", not complete"
        return f"{self.status} with {len(self.body)} bytes{cut}"


class Recorded(Conversation):
    """A conversation that remembers what passed, as lines for a report."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, strict=False, **options)
        self.lines: list[str] = []
        self.start_message: dict[str, Any] | None = None

    def note(self, line: str) -> None:
        """Add a line, unless there are too many."""
        if len(self.lines) < 40:
            self.lines.append(line)

    async def _receive(self) -> dict[str, Any]:
        if self.receives_after_end > ASKS_MAX:
            await asyncio.Event().wait()  # it has been seen; until it is cancelled it need not spin
        event = await super()._receive()
        self.note(f"> {shown(event)}")
        return event

    async def _send(self, message: Any) -> None:
        self.note(f"< {shown(message)}")
        if isinstance(message, dict) and message.get("type") == "http.response.start":
            self.start_message = message = settled(message)
        await super()._send(message)


class Lab:
    """One run of one case against one target."""

    def __init__(
        self,
        app: Any,
        settings: Settings,
        target: str,
        request: Request | None = None,
        state: dict[str, Any] | None = None,
        *,
        endless: bool = False,
    ) -> None:
        self.app = app
        self.settings = settings
        self.target = target
        self.endless = endless  # set by the case that sees a response without end
        # Of such a response the beginning is enough for all other cases
        self._parts_max = 2 if endless else PARTS_MAX
        self._request = request
        self._state = state
        self._conversations: list[Recorded] = []
        self._found: list[tuple[str, str, str, Recorded | None]] = []

    @property
    def request(self) -> Request:
        """The request of this target."""
        assert self._request is not None
        return self._request

    # ------------------------------------------------------------------------------ conversations

    def scope(self, request: Request | None = None, /, **more: Any) -> dict[str, Any]:
        """The scope that a good server makes of `request`; `more` replaces keys."""
        asked = request or self.request
        if self._state is not None:
            more.setdefault("state", dict(self._state))
        headers = header_pairs(asked.headers)
        if asked.method == "WEBSOCKET":
            return websocket_scope(asked.url, headers, **more)
        names = {name for name, _ in headers}
        if asked.body:
            headers.append((b"content-length", b"%d" % len(asked.body)))
            if b"content-type" not in names:
                headers.append((b"content-type", _content_type(asked.body)))
        more.setdefault("extensions", ())
        return http_scope(asked.method, asked.url, headers, **more)

    def talk(self, scope: dict[str, Any] | None = None, **options: Any) -> Recorded:
        """A conversation that this case is answerable for."""
        options.setdefault("window", _WINDOW)
        made = Recorded(self.app, self.scope() if scope is None else scope, **options)
        self._conversations.append(made)
        return made

    async def ask(
        self, scope: dict[str, Any] | None = None, *events: dict[str, Any], **options: Any
    ) -> tuple[Outcome, Recorded]:
        """Send a whole request, by `events` if they are given, and wait for the whole answer."""
        conversation = self.talk(scope, **options)
        conversation.feed(*(events or (body_event(self.request.body),)))
        return await self.answer(conversation), conversation

    async def answer(self, conversation: Recorded) -> Outcome:
        """How the application answers; a response without end is left after a moment."""
        response, parts, body = Response(), 0, bytearray()
        deadline = asyncio.get_running_loop().time() + self.settings.patience_s
        offered = "http.response.trailers" in (conversation.scope.get("extensions") or {})
        while not response.complete and parts < self._parts_max:
            left = deadline - asyncio.get_running_loop().time()
            if response.status:  # a stream that pauses is left sooner than no answer at all
                left = min(left, self.settings.patience_s / 4)
            try:
                message = await conversation.output(max(left, 0))
                if message is None:
                    break
                for part in response.take(message, offered=offered):
                    body += part
            except TimeoutError:
                break
            except (OSError, AttributeError, KeyError, TypeError, ValueError):
                pass  # a message that nothing can be made of: the validator has judged it
            parts += 1
        if response.complete or not response.status:
            await conversation.over(max(deadline - asyncio.get_running_loop().time(), 0))
        error = ""
        if conversation.error is not None and not conversation.cancelled:
            error = f"{type(conversation.error).__name__}: {conversation.error}"[:200]
        return Outcome(response.status, bytes(body), response.complete, error)

    async def same(
        self,
        rule: str,
        level: str,
        what: str,
        scope: dict[str, Any],
        *events: dict[str, Any],
        **options: Any,
    ) -> None:
        """Blame the application if it answers otherwise than to the plain request; `what` is new in it.

        Bodies are compared only if two plain requests have the same.
        """
        outcome, conversation = await self.ask(scope, *events, **options)
        plain, _ = await self.ask()
        self.compare(rule, level, what, plain, outcome, conversation)
        known = plain.complete and outcome.complete and plain.status == outcome.status
        if known and plain.body != outcome.body:
            again, _ = await self.ask()
            if again.body == plain.body:
                text = f"{what}: the response has another body ({shown(outcome.body[:60])})"
                self.blame(rule, level, text, conversation)

    def compare(
        self,
        rule: str,
        level: str,
        what: str,
        plain: Outcome,
        outcome: Outcome,
        conversation: Recorded,
    ) -> None:
        """Blame it for another status, or another end, than `plain` has."""
        known = (plain.status, bool(plain.error))
        if (outcome.status, bool(outcome.error)) != known or (
            plain.complete and not outcome.complete
        ):
            self.blame(rule, level, f"{what}: {outcome}; else {plain}", conversation)

    async def must_end(
        self, conversation: Recorded, rule: str, what: str, level: str = SHOULD
    ) -> bool:
        """Blame the application unless its call ends in time."""
        if await conversation.over(self.settings.patience_s):
            return True
        text = f"{what}: the call did not end in {self.settings.patience_s:g} s"
        self.blame(rule, level, text, conversation)
        return False

    async def pause(self) -> None:
        """Watch for a moment."""
        await asyncio.sleep(self.settings.silence_s)

    # -------------------------------------------------------------------------------------- blame

    def blame(self, rule: str, level: str, text: str, conversation: Recorded | None = None) -> None:
        """Note what is wrong."""
        self._found.append((rule, level, text, conversation))

    async def clear(self) -> None:
        """End all conversations of the case: their clients leave, what stays is cancelled."""
        for each in self._conversations:
            if not each.ended:
                each.disconnect()
                if not await each.over(self.settings.silence_s):
                    await each.cancel(self.settings.silence_s)
        for each in self._conversations:
            if each.receives_after_end > ASKS_MAX:
                text = (
                    f"it asked {each.receives_after_end} times for more after it was told that the"
                    " client is gone"
                )
                kind = each.scope["type"]
                rule = "WS-CLOSE-23" if kind == "websocket" else "HTTP-DISC-13"
                self.blame(rule, SHOULD, text, each)

    def findings(self, case: Case) -> list[Finding]:
        """What was blamed, and what the validator found in the conversations of the case."""
        made = []
        for rule, level, text, conversation in self._found:
            lines = tuple(conversation.lines) if conversation else ()
            made.append(Finding(rule, level, self.target, text, "", case.title, lines))
        for each in self._conversations:
            for fault in each.faults:
                if fault.side == APPLICATION:
                    made.append(  # noqa: PERF401
                        Finding(
                            fault.rule, fault.level, self.target, fault.text, fault.message,
                            case.title, tuple(each.lines),
                        )
                    )  # fmt: skip
        return made


def body_event(body: bytes = b"", *, more: bool = False) -> dict[str, Any]:
    """A part of a request's body; the last one unless there is `more`."""
    return {"type": "http.request", "body": body, "more_body": more}


def with_body(request: Request) -> Request:
    """`request`, with a body: as it is if it has one, else a form by POST."""
    if request.body:
        return request
    method = "POST" if request.method in {"GET", "HEAD"} else request.method
    return Request(method, request.url, request.headers, _FORM)


def _content_type(body: bytes) -> bytes:
    try:
        json.loads(body)
    except ValueError:
        return b"application/x-www-form-urlencoded"
    return b"application/json"
