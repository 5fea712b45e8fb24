"""What applications are tried with over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from penstock.conformance.app_lab import Case, Lab, Recorded, body_event, with_body
from penstock.testing.faults import MUST, NOTE, SHOULD, shown
from penstock.testing.judges import pairs
from penstock.testing.scopes import HTTP_EXTENSIONS

# A call may send so much more once its client is gone: what was under way
_SENDS_MAX = 20
_AT_ONCE = 8
_BLOCKED_S = 0.25
_TICK_S = 0.01
_ABSENT = 501
# Of these, what a HEAD has may differ from what its GET has
_VARIES = {b"date", b"content-length", b"transfer-encoding", b"set-cookie", b"connection"}


async def plain(lab: Lab) -> None:
    """The request as any server gives it."""
    outcome, conversation = await lab.ask()
    if outcome.error:
        lab.blame("HTTP-RESP-01", MUST, f"a plain request: {outcome}", conversation)
    elif not outcome.status and not conversation.ended:
        text = f"no response in {lab.settings.patience_s:g} s"
        lab.blame("HTTP-RESP-01", MUST, text, conversation)
    lab.endless = bool(outcome.status) and not outcome.complete and not conversation.ended
    if outcome.complete and not conversation.ended:
        text = "the call goes on after its response is complete and the client is told so"
        lab.blame("HTTP-DISC-13", NOTE, text, conversation)


async def head(lab: Lab) -> None:
    """HEAD is GET without the body (RFC 9110 section 9.3.2)."""
    if lab.request.method != "GET":
        return
    got, get = await lab.ask()
    outcome, conversation = await lab.ask(lab.scope(method="HEAD"))
    if got.error or not got.complete or outcome.status in {404, 405, _ABSENT}:
        return
    lab.compare("HTTP-RESP-33", SHOULD, "HEAD", got, outcome, conversation)
    of_get, of_head = _fields(get), _fields(conversation)
    for name in sorted(set(of_get) - set(of_head) - _VARIES):
        lab.blame("HTTP-RESP-33", NOTE, f"HEAD has no {name!r}, GET has", conversation)
    said, length = of_head.get(b"content-length"), of_get.get(b"content-length")
    if None not in {said, length} and said != length:
        text = f"HEAD has content-length {said!r}, GET has {length!r}"
        lab.blame("HTTP-RESP-33", NOTE, text, conversation)


def _fields(conversation: Recorded) -> dict[bytes, bytes]:
    """The headers of its response."""
    return dict(pairs(conversation.start_message or {}))


async def split_body(lab: Lab) -> None:
    """One byte at a time, with nothing between, and with an empty last part."""
    request = with_body(lab.request)
    events = []
    for byte in request.body:
        events += [body_event(bytes([byte]), more=True), body_event(more=True)]
    await _as_whole(lab, "HTTP-REQ-08", "a body in many parts, some of them empty", events)


async def slow_body(lab: Lab) -> None:
    """The body comes while the call is waiting for it."""
    request = with_body(lab.request)
    whole, _ = await lab.ask(lab.scope(request), body_event(request.body))
    conversation = lab.talk(lab.scope(request))
    half = len(request.body) // 2
    conversation.start()
    await lab.pause()
    conversation.feed(body_event(request.body[:half], more=True))
    await lab.pause()
    conversation.feed(body_event(request.body[half:]))
    outcome = await lab.answer(conversation)
    lab.compare("HTTP-REQ-08", MUST, "a body that comes slowly", whole, outcome, conversation)


async def _as_whole(lab: Lab, rule: str, what: str, events: list[dict[str, Any]]) -> None:
    """The same answer to a body in parts as to the body in one."""
    request = with_body(lab.request)
    whole, _ = await lab.ask(lab.scope(request), body_event(request.body))
    outcome, conversation = await lab.ask(lab.scope(request), *events, body_event())
    lab.compare(rule, MUST, what, whole, outcome, conversation)
    known = whole.complete and outcome.complete and whole.status == outcome.status
    if known and whole.body != outcome.body:
        again, _ = await lab.ask(lab.scope(request), body_event(request.body))
        if again.body == whole.body:
            text = f"{what}: the response has another body ({shown(outcome.body[:60])})"
            lab.blame(rule, MUST, text, conversation)


async def bare_event(lab: Lab) -> None:
    """A request without a body may be an event without keys."""
    if not lab.request.body:
        bare = {"type": "http.request"}
        await lab.same("HTTP-REQ-10", MUST, "http.request without its keys", lab.scope(), bare)


async def more_keys(lab: Lab) -> None:
    """Keys that are not known are nobody's error."""
    extra: dict[str, Any] = {"x-extra": 1, "x-nested": {"list": [None, 1.5]}}
    scope = lab.scope(**extra)
    scope["asgi"] = {**scope["asgi"], "x-extra": True}
    scope["extensions"] = {"x-extension": {"x": 1}}
    event = {**body_event(lab.request.body), **extra}
    await lab.same("MSG-12", MUST, "more keys in scope and event", scope, event)


async def withheld(lab: Lab) -> None:
    """No event comes for a while; whoever answers before it is noted."""
    conversation = lab.talk()
    conversation.start()
    await lab.pause()
    conversation.feed(body_event(lab.request.body))
    await lab.answer(conversation)


async def gone_at_once(lab: Lab) -> None:
    """The client has left before the first event."""
    conversation = lab.talk()
    conversation.disconnect()
    conversation.start()
    await lab.must_end(conversation, "HTTP-REQ-11", "the client left before its request", MUST)


async def gone_in_body(lab: Lab) -> None:
    """The client leaves in the middle of its body; the application waits for the rest."""
    request = with_body(lab.request)
    for silent in (False, True):
        conversation = lab.talk(lab.scope(request))
        conversation.feed(body_event(request.body[:5], more=True))
        await conversation.over(lab.settings.silence_s)
        conversation.disconnect(send_raises=not silent)
        await lab.must_end(conversation, "HTTP-REQ-11", "the client left within its body", MUST)


async def gone_in_response(lab: Lab) -> None:
    """The client leaves after the first message; then send() raises, as OSError."""
    conversation = lab.talk(window=1)
    conversation.feed(body_event(lab.request.body))
    try:
        await conversation.output(lab.settings.patience_s)
    except TimeoutError:
        return
    before = conversation.sends
    conversation.disconnect()
    what = "send() raises OSError since the client left"
    await lab.must_end(conversation, "HTTP-DISC-09", what)
    if conversation.sends > before + _SENDS_MAX:
        text = f"it sent {conversation.sends - before} messages after send() had raised OSError"
        lab.blame("HTTP-DISC-09", SHOULD, text, conversation)


async def gone_in_silence(lab: Lab) -> None:
    """The client leaves and send() does nothing, as servers below spec_version 2.4 have it."""
    scope = lab.scope()
    scope["asgi"] = {"version": "3.0", "spec_version": "2.3"}
    conversation = lab.talk(scope, window=1)
    conversation.feed(body_event(lab.request.body))
    try:
        await conversation.output(lab.settings.patience_s)
    except TimeoutError:
        return
    conversation.disconnect(send_raises=False)
    what = "http.disconnect is there to be received, and send() does nothing"
    await lab.must_end(conversation, "HTTP-DISC-13", what)


async def cancelled(lab: Lab) -> None:
    """A server that shuts down cancels: while a body is awaited, and while send() waits."""
    waiting = lab.talk(lab.scope(with_body(lab.request)))
    waiting.feed(body_event(b"p", more=True))
    await waiting.over(lab.settings.silence_s)
    held = lab.talk()
    held.hold()
    held.feed(body_event(lab.request.body))
    await held.over(lab.settings.silence_s)
    for conversation, place in ((waiting, "receive()"), (held, "send()")):
        if not conversation.ended and not await conversation.cancel(lab.settings.patience_s):
            text = f"cancelled in {place}, the call goes on"
            lab.blame("APP-13", SHOULD, text, conversation)


async def slow_reader(lab: Lab) -> None:
    """The client reads slowly: each send() waits for it."""
    what = "a client that reads slowly"
    await lab.same("HTTP-RESP-15", MUST, what, lab.scope(), body_event(lab.request.body), window=1)


async def unknown_type(lab: Lab) -> None:
    """A scope of a type that nobody knows must be refused by raising."""
    scope = {"type": "x-unknown", "asgi": {"version": "3.0"}, "headers": [], "path": "/"}
    conversation = lab.talk(scope)
    conversation.disconnect({"type": "x-unknown.end"})
    conversation.start()
    ended = await lab.must_end(conversation, "APP-14", "a scope of an unknown type", MUST)
    if ended and conversation.error is None:
        text = "a scope of an unknown type: it returned; it must raise"
        lab.blame("APP-14", MUST, text, conversation)


async def bare_scope(lab: Lab) -> None:
    """Only what must be there, and then None where it may be."""
    whole = lab.scope()
    kept = ("type", "asgi", "http_version", "method", "path", "query_string", "headers")
    bare = {key: whole[key] for key in (*kept, "state") if key in whole}
    bare["asgi"] = {"version": "3.0"}
    event = body_event(lab.request.body)
    # Derived: the text gives each key a default, and every server that is known gives the keys
    await lab.same("SCOPE-15", NOTE, "a scope without its optional keys", bare, event)
    empty = whole | dict.fromkeys(("client", "server", "raw_path"))
    await lab.same("SCOPE-15", MUST, "a scope with None where it may be", empty, event)
    # The specification knows no None here, asgiref's types do
    await lab.same("SCOPE-09", NOTE, "extensions is None", whole | {"extensions": None}, event)


async def no_version(lab: Lab) -> None:
    """The key asgi has a default too; Channels' communicators leave it out."""
    scope = lab.scope()
    del scope["asgi"]
    await lab.same("SCOPE-04", NOTE, "a scope without asgi", scope, body_event(lab.request.body))


class _Again:
    """What can be iterated as often as one likes, and is neither list nor tuple."""

    def __init__(self, items: Any) -> None:
        self._items = tuple(items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)


async def other_iterables(lab: Lab) -> None:
    """Lists of lists, tuples of tuples, and other iterables."""
    for level, outer, inner in ((MUST, list, list), (MUST, tuple, tuple), (NOTE, _Again, tuple)):
        scope = lab.scope()
        scope["headers"] = outer([inner(pair) for pair in scope["headers"]])
        scope["client"] = outer(scope["client"])
        scope["server"] = outer(scope["server"])
        name = "iterable" if outer is _Again else outer.__name__
        what = f"headers and addresses, each a {name}"
        await lab.same("SCOPE-16", level, what, scope, body_event(lab.request.body))


async def odd_values(lab: Lab) -> None:
    """What clients and servers may bring: other protocols, sockets without ports, odd bytes."""
    tls = {"server_cert": None, "tls_version": None, "cipher_suite": None}
    event = body_event(lab.request.body)
    odd: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("HTTP-SCOPE-03", "HTTP/1.0", {"http_version": "1.0"}),
        ("HTTP-SCOPE-03", "HTTP/2", {"http_version": "2"}),
        ("HTTP-SCOPE-18", "a Unix socket", {"server": ["/run/app.sock", None], "client": None}),
        (
            "TLS-13",
            "TLS of which nothing is known",
            {"scheme": "https", "extensions": {"tls": tls}},
        ),
    )
    for rule, what, more in odd:
        outcome, conversation = await lab.ask(lab.scope() | more, event)
        usual, _ = await lab.ask()
        if outcome.error and not usual.error:
            lab.blame(rule, MUST, f"{what}: {outcome}", conversation)
    scope = lab.scope()
    scope["headers"] = [*scope["headers"], (b"x-odd", bytes(range(128, 256))), (b"x-odd", b"")]
    scope["query_string"] += b"&%ff=%00&=&&a%5B%5D=%C3%A9"
    outcome, conversation = await lab.ask(scope, event)
    usual, _ = await lab.ask()
    if outcome.error and not usual.error:
        text = f"bytes above 127 in a header, and an odd query: {outcome}"
        lab.blame("HTTP-HDR-05", SHOULD, text, conversation)


async def other_case(lab: Lab) -> None:
    """Servers may keep the case of names, though none does."""
    scope = lab.scope()
    scope["headers"] = [(name.title(), value) for name, value in scope["headers"]]
    what = "headers whose names are in mixed case"
    await lab.same("HTTP-HDR-02", NOTE, what, scope, body_event(lab.request.body))


async def more_cookies(lab: Lab) -> None:
    """HTTP/2 clients may send a field for each cookie."""
    pair = [(b"cookie", b"one=1"), (b"cookie", b"two=2")]
    joined, split = lab.scope(), lab.scope()
    joined["headers"] = [*joined["headers"], (b"cookie", b"one=1; two=2")]
    split["headers"] = [*split["headers"], *pair]
    event = body_event(lab.request.body)
    one, _ = await lab.ask(joined, event)
    two, conversation = await lab.ask(split, event)
    again, _ = await lab.ask(joined, event)
    if one.body == again.body and (one.status, one.body) != (two.status, two.body):
        text = "cookies in two headers: another answer than to the same in one"
        lab.blame("HTTP-HDR-09", MUST, text, conversation)


async def extensions(lab: Lab) -> None:
    """All of them are offered."""
    scope = lab.scope(extensions=HTTP_EXTENSIONS)
    scope["headers"] = [*scope["headers"], (b"te", b"trailers")]
    what = "with all extensions offered"
    await lab.same("SCOPE-12", MUST, what, scope, body_event(lab.request.body))


async def without_state(lab: Lab) -> None:
    """Servers without lifespan state give none."""
    scope = lab.scope()
    if scope.pop("state", None):
        # Who stores there and depends on it needs a server that has it; all that are known do
        what = "a scope without state"
        await lab.same("LIFE-STATE-08", NOTE, what, scope, body_event(lab.request.body))


async def at_once(lab: Lab) -> None:
    """Several requests at once, their bodies interleaved, on one loop."""
    request = with_body(lab.request)
    alone, _ = await lab.ask(lab.scope(request), body_event(request.body))
    again, _ = await lab.ask(lab.scope(request), body_event(request.body))
    half = len(request.body) // 2
    talks = [lab.talk(lab.scope(request)) for _ in range(_AT_ONCE)]
    for part in (body_event(request.body[:half], more=True), body_event(request.body[half:])):
        for conversation in talks:
            conversation.start()
            conversation.feed(part)
        await asyncio.sleep(0)
    for conversation in talks:
        outcome = await lab.answer(conversation)
        what = f"{_AT_ONCE} requests at once"
        lab.compare("APP-10", MUST, what, alone, outcome, conversation)
        if alone.body == again.body and outcome.complete and outcome.body != alone.body:
            lab.blame("APP-10", MUST, f"{what}: an answer has another body", conversation)


async def by_keyword(lab: Lab) -> None:
    """Daphne names the arguments."""
    outcome, conversation = await lab.ask(by_keyword=True)
    if outcome.error.startswith("TypeError"):
        text = f"called as app(scope=…, receive=…, send=…): {outcome}"
        lab.blame("APP-05", NOTE, text, conversation)


async def blocking(lab: Lab) -> None:
    """A clock beside the call: where it stands, the call holds the event loop."""
    loop = asyncio.get_running_loop()
    longest, stop = 0.0, False

    async def tick() -> None:
        nonlocal longest
        while not stop:
            before = loop.time()
            await asyncio.sleep(_TICK_S)
            longest = max(longest, loop.time() - before - _TICK_S)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    _, conversation = await lab.ask()
    stop = True
    await ticking
    if longest > _BLOCKED_S:
        text = f"the event loop stood still for {longest:.2f} s; penstock doctor says where"
        lab.blame("APP-11", NOTE, text, conversation)


CASES = [
    Case("HTTP-RESP-01", "a plain request", plain),
    Case("HTTP-RESP-33", "HEAD", head, whole=True),
    Case("HTTP-REQ-08", "a body in many parts, some empty", split_body, whole=True),
    Case("HTTP-REQ-08", "a slow body", slow_body, whole=True),
    Case("HTTP-REQ-09", "the first event is withheld", withheld),
    Case("HTTP-REQ-10", "an event without its optional keys", bare_event, whole=True),
    Case("HTTP-REQ-11", "the client leaves before its request", gone_at_once),
    Case("HTTP-REQ-11", "the client leaves within its body", gone_in_body),
    Case("HTTP-DISC-09", "the client leaves, send() raises", gone_in_response),
    Case("HTTP-DISC-13", "the client leaves, send() does nothing", gone_in_silence),
    Case("HTTP-RESP-15", "a slow reader", slow_reader, whole=True),
    Case("APP-13", "the call is cancelled", cancelled),
    Case("APP-14", "a scope of unknown type", unknown_type),
    Case("APP-05", "called by keyword", by_keyword),
    Case("APP-10", "many requests at once", at_once, whole=True),
    Case("APP-11", "the event loop beside the call", blocking),
    Case("MSG-12", "unknown keys", more_keys, whole=True),
    Case("SCOPE-04", "no version", no_version, whole=True),
    Case("SCOPE-12", "all extensions", extensions, whole=True),
    Case("SCOPE-15", "a bare scope", bare_scope, whole=True),
    Case("SCOPE-16", "lists, tuples, iterables", other_iterables, whole=True),
    Case("HTTP-SCOPE-03", "odd but legal values", odd_values, whole=True),
    Case("HTTP-HDR-02", "names of headers in mixed case", other_case, whole=True),
    Case("HTTP-HDR-09", "a header for each cookie", more_cookies, whole=True),
    Case("LIFE-STATE-08", "no state", without_state, whole=True),
]
