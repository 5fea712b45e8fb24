"""The shapes of messages; what applications do wrong in them is in the zoo of tests/conformance."""

from typing import Any

import pytest

from penstock.testing.messages import GIVEN, SENT, complaints


@pytest.mark.parametrize("shapes", [SENT, GIVEN], ids=["sent", "given"])
def test_every_message_belongs_to_a_protocol(shapes: dict[str, Any]) -> None:
    assert {name.partition(".")[0] for name in shapes} == {"http", "websocket", "lifespan"}


@pytest.mark.parametrize(
    "message, expected",
    [
        ({"type": "websocket.disconnect", "code": 1005, "reason": None}, []),
        ({"type": "websocket.disconnect"}, ["WS-CLOSE-06"]),
        ({"type": "websocket.disconnect", "code": "1005"}, ["WS-CLOSE-06"]),
        ({"type": "websocket.receive", "text": "x", "bytes": None}, []),
        ({"type": "websocket.receive", "text": b"x"}, ["MSG-09"]),
        ({"type": "http.request"}, ["MSG-02"]),
        ({"type": "websocket.connect", "x": (1, [2.5, {"a": None}])}, []),
    ],
)
def test_events_of_servers_are_judged_too(message: Any, expected: list[str]) -> None:
    assert [rule for rule, _, _ in complaints(message, GIVEN, "websocket")] == expected


def test_a_value_that_holds_itself_is_looked_at_once() -> None:
    knot: list[Any] = []
    knot.append(knot)
    message = {"type": "http.request", "x": knot}
    assert list(complaints(message, GIVEN, "http")) == []
