"""What applications are tried with over WebSocket."""

from __future__ import annotations

from typing import Any

from penstock.conformance.app_lab import Case, Lab, Recorded
from penstock.testing.faults import MUST, NOTE, SHOULD

_CONNECT = {"type": "websocket.connect"}
_SENDS_MAX = 20


def _end(code: int = 1005, **more: Any) -> dict[str, Any]:
    return {"type": "websocket.disconnect", "code": code, **more}


async def _open(
    lab: Lab, scope: dict[str, Any] | None = None, **options: Any
) -> tuple[str, Recorded]:
    """Connect; the type of the first message, or "" if there is none in time."""
    conversation = lab.talk(scope, **options)
    conversation.feed(_CONNECT)
    return await _next(lab, conversation), conversation


async def _next(lab: Lab, conversation: Recorded) -> str:
    try:
        message = await conversation.output(lab.settings.patience_s)
    except TimeoutError:
        return ""
    return str(message.get("type")) if isinstance(message, dict) else ""


async def plain(lab: Lab) -> None:
    """Connect, wait for the answer, and leave."""
    kind, conversation = await _open(lab)
    if conversation.error is not None:
        text = f"it raised {type(conversation.error).__name__}: {conversation.error}"
        lab.blame("WS-HS-05", MUST, text[:200], conversation)
    elif not kind and not conversation.ended:
        text = f"no answer to websocket.connect in {lab.settings.patience_s:g} s"
        lab.blame("WS-HS-05", MUST, text, conversation)
    await lab.pause()
    conversation.disconnect(_end(1001, reason=""))
    await lab.must_end(conversation, "WS-CLOSE-23", "the client closed", MUST)


async def withheld(lab: Lab) -> None:
    """websocket.connect does not come for a while; whoever answers before it is noted."""
    conversation = lab.talk()
    conversation.start()
    await lab.pause()
    conversation.feed(_CONNECT)
    await _next(lab, conversation)


async def gone_in_handshake(lab: Lab) -> None:
    """The client leaves before it is accepted."""
    for silent in (False, True):
        conversation = lab.talk()
        conversation.feed(_CONNECT)
        conversation.disconnect(_end(1006), send_raises=not silent)
        conversation.start()
        await lab.must_end(conversation, "WS-CLOSE-23", "the client left in the handshake", MUST)


async def odd_ends(lab: Lab) -> None:
    """Any code, and reasons that are missing, None or long."""
    for event in (_end(), _end(1006, reason=None), _end(4999, reason="é" * 60)):
        _, conversation = await _open(lab)
        conversation.disconnect(event)
        if await lab.must_end(conversation, "WS-CLOSE-24", f"the end is {event}", MUST):
            error = conversation.error
            if isinstance(error, (KeyError, TypeError, AttributeError)):
                text = f"the end is {event}: it raised {type(error).__name__}: {error}"
                lab.blame("WS-CLOSE-24", SHOULD, text, conversation)


async def both_layouts(lab: Lab) -> None:
    """A message may have one key, or both and one of them None (WS-MSG-06)."""
    text = lab.settings.message
    answers: list[Any] = []
    for event in ({"text": text}, {"text": text, "bytes": None}):
        kind, conversation = await _open(lab)
        if kind != "websocket.accept":
            return
        conversation.feed({"type": "websocket.receive", **event})
        try:
            message = await conversation.output(lab.settings.silence_s)
        except TimeoutError:
            message = None
        known = message or {}
        answers.append((known.get("type"), known.get("text"), known.get("bytes")))
        if len(answers) == 2 and answers[0] != answers[1]:
            # An answer that differs each time says nothing, of its kind then
            level = MUST if answers[0][0] != answers[1][0] else NOTE
            what = "a text with 'bytes': None beside it has another answer than without"
            lab.blame("WS-MSG-06", level, what, conversation)


async def gone_while_sending(lab: Lab) -> None:
    """send() raises OSError, or does nothing, since the client is gone."""
    for silent in (False, True):
        kind, conversation = await _open(lab, window=1)
        if kind != "websocket.accept":
            return
        conversation.feed({"type": "websocket.receive", "text": lab.settings.message})
        await lab.pause()
        before = conversation.sends
        conversation.disconnect(_end(1006), send_raises=not silent)
        how = "send() does nothing" if silent else "send() raises OSError"
        what = f"the client left, {how}"
        ended = await lab.must_end(conversation, "WS-CLOSE-23", what, MUST)
        if ended and not silent and conversation.sends > before + _SENDS_MAX:
            text = f"it sent {conversation.sends - before} messages after send() had raised OSError"
            lab.blame("WS-CLOSE-23", SHOULD, text, conversation)


async def cancelled(lab: Lab) -> None:
    """A server that shuts down cancels."""
    _, conversation = await _open(lab)
    await lab.pause()
    if not conversation.ended and not await conversation.cancel(lab.settings.patience_s):
        lab.blame("APP-13", SHOULD, "cancelled, the call goes on", conversation)


async def bare_scope(lab: Lab) -> None:
    """Only what must be there."""
    known, usual = await _open(lab)
    whole = lab.scope()
    kept = ("type", "asgi", "path", "headers", "state")
    scope: dict[str, Any] = {key: whole[key] for key in kept if key in whole}
    scope["asgi"] = {"version": "3.0"}
    kind, conversation = await _open(lab, scope)
    if (conversation.error is not None) > (usual.error is not None) or (
        known == "websocket.accept" and kind != known
    ):
        error = conversation.error
        seen = f"it raised {type(error).__name__}: {error}" if error else kind or "no answer"
        what = f"a scope without its optional keys: {seen}"
        lab.blame("SCOPE-15", NOTE, what[:200], conversation)


async def no_extension(lab: Lab) -> None:
    """Without websocket.http.response a refusal is websocket.close."""
    scope = lab.scope(extensions=())
    await _open(lab, scope)


async def more_keys(lab: Lab) -> None:
    """Keys that are not known are nobody's error."""
    known, usual = await _open(lab)
    conversation = lab.talk(lab.scope() | {"x-extra": 1})
    conversation.feed({**_CONNECT, "x-extra": {"nested": [1]}})
    kind = await _next(lab, conversation)
    if kind != known or (conversation.error is None) != (usual.error is None):
        text = f"more keys in scope and event: {kind or 'no answer'}, else {known}"
        lab.blame("MSG-12", MUST, text, conversation)


CASES = [
    Case("WS-HS-05", "connect and leave", plain),
    Case("APP-22", "websocket.connect is withheld", withheld),
    Case("WS-CLOSE-23", "the client leaves in the handshake", gone_in_handshake),
    Case("WS-CLOSE-24", "ends with any code and reason", odd_ends),
    Case("WS-MSG-06", "both layouts of a message", both_layouts),
    Case("WS-CLOSE-23", "the client leaves while messages are sent", gone_while_sending),
    Case("APP-13", "the WebSocket's call is cancelled", cancelled),
    Case("SCOPE-15", "a WebSocket's bare scope", bare_scope),
    Case("WS-DENY-07", "no extension for refusals", no_extension),
    Case("MSG-12", "unknown keys in WebSockets", more_keys),
]
