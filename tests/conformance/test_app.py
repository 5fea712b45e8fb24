"""`check_app`: it finds nothing in applications that are right, and believes nothing that it saw once."""

import asyncio
from typing import Any

from penstock.conformance.app import Request, Settings, cases, check_app
from tests.conformance.zoo import END, START, body_of, refuse

# A call that hangs is waited for so long, in each case that it hangs in, twice
QUICK = Settings(patience_s=0.08, silence_s=0.01)


async def right(scope: Any, receive: Any, send: Any) -> None:
    """An application that does all of it well, over all three protocols."""
    refuse(scope, "http", "websocket", "lifespan")
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            text = event.get("text")
            await send({"type": "websocket.send", "text": text or "bytes"})
    else:
        body = await body_of(receive)
        length = (b"content-length", b"%d" % len(body))
        await send({**START, "headers": [length]})
        await send({**END, "body": body})


async def streaming(scope: Any, receive: Any, send: Any) -> None:
    """A stream without end that looks whether its client is there."""
    refuse(scope)
    await body_of(receive)
    await send(START)
    listening = asyncio.ensure_future(receive())
    try:
        while not listening.done():
            await send({**END, "more_body": True})
            await asyncio.sleep(0.001)
    finally:
        listening.cancel()


def test_nothing_is_found_in_an_application_that_is_right() -> None:
    requests = [Request(), Request.parse('POST /x {"a": 1}')]
    report = check_app(right, requests=requests, websockets=["/"], settings=QUICK)
    assert report.findings == []
    assert len(report.run) == 2 * 25 + 10 + 5


def test_nothing_is_found_in_a_stream_without_end_that_listens() -> None:
    report = check_app(streaming, settings=Settings(patience_s=0.3, silence_s=0.01))
    assert report.findings == []


def test_only_some_rules_can_be_checked() -> None:
    report = check_app(right, only="HTTP-REQ", settings=QUICK)
    assert {case.rule[:8] for _, case, _ in report.run} == {"HTTP-REQ"}


def test_what_is_found_once_is_not_found() -> None:
    """A machine that stood still for a moment is no fault of the application's."""
    calls = 0

    async def slow_at_first(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        refuse(scope)
        calls += 1
        if calls == 1:
            await asyncio.Event().wait()
        await right(scope, receive, send)

    report = check_app(slow_at_first, only="HTTP-RESP-01", settings=QUICK)
    assert report.findings == []
    assert calls == 2


def test_each_case_has_a_rule_and_a_name_of_its_own() -> None:
    names = [(case.rule, case.title) for case in cases()]
    assert len(set(names)) == len(names)
