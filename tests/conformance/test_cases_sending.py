"""Each case about messages that are wrong fails on a server that is wrong in just that."""

from typing import Any

import pytest

from tests.conformance.crooked import App, Crooked, Fault, lenient, replaced, sends, strict, unseen
from tests.conformance.test_cases_response import START, _at_the_end

pytestmark = pytest.mark.slow


async def _mutating(app: App, scope: Any, receive: Any, send: Any) -> None:
    async def changed(message: Any) -> None:
        message.setdefault("seen", True)
        await send(message)

    await app(scope, receive, changed)


async def _resentful(app: App, scope: Any, receive: Any, send: Any) -> None:
    """After one message that was refused all are."""
    refused = False

    async def altered(message: Any) -> None:
        nonlocal refused
        if refused:
            raise RuntimeError("on purpose")
        refused = True
        await send(message)
        refused = False

    await app(scope, receive, altered)


FAULTS = {
    "unknown_messages": lenient(),
    "errors_can_be_caught": Fault(_at_the_end),
    "lacking_keys": lenient(),
    "lacking_keys_can_be_caught": Fault(_resentful),
    "status_of_wrong_type": lenient(),
    "name_of_wrong_type": lenient(),
    "value_of_wrong_type": lenient(),
    "body_of_wrong_type": lenient(),
    "pseudo_headers": replaced(b"\r\ncontent-length", b"\r\n:status: 404\r\ncontent-length"),
    "unknown_keys": strict(when=lambda m: "x-extra" in m),
    "defaults": sends(
        lambda m: [{**m, "status": 200}] if "headers" not in m and m["type"] == START else [m]
    ),
    "messages_are_the_applications": Fault(_mutating),
}


def test_each_case_passes_and_sees_its_fault(crooked: Crooked) -> None:
    assert unseen(crooked, "sending", FAULTS) == {}
