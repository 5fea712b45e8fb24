"""The validator judges both directions, and forwards what can be read again."""

from penstock.testing import Validator
from penstock.testing.scopes import http_scope

START = {"type": "http.response.start", "status": 200}
END = {"type": "http.response.body"}


def test_a_good_exchange_has_no_fault() -> None:
    validator = Validator(http_scope())
    assert validator.event({"type": "http.request"}) == []
    assert validator.message(START) == (START, [])
    assert validator.complete is False
    validator.message(END)
    assert validator.complete is True
    validator.end()
    assert validator.faults == []


def test_what_can_be_read_once_is_forwarded_as_a_list() -> None:
    validator = Validator(http_scope())
    validator.event({"type": "http.request"})
    message = {**START, "headers": (pair for pair in [(b"a", b"1"), iter((b"b", b"2"))])}
    forwarded, found = validator.message(message)
    assert found == []
    assert forwarded["headers"] == [(b"a", b"1"), (b"b", b"2")]


def test_the_servers_side_is_judged_too() -> None:
    scope = http_scope() | {"method": "get", "client": ("127.0.0.1", "80")}
    validator = Validator(scope)
    validator.event({"type": "http.request", "body": "x"})
    assert [(fault.rule, fault.side) for fault in validator.faults] == [
        ("HTTP-SCOPE-04", "server"),
        ("HTTP-SCOPE-16", "server"),
        ("HTTP-REQ-02", "server"),
    ]


def test_nothing_is_owed_to_a_client_that_is_gone() -> None:
    validator = Validator(http_scope())
    validator.event({"type": "http.request"})
    validator.lost()
    assert validator.end() == []


def test_a_value_that_is_returned_is_noted() -> None:
    validator = Validator(http_scope())
    validator.event({"type": "http.request"})
    validator.message(START)
    validator.message(END)
    assert [fault.rule for fault in validator.end(None, "x")] == ["APP-19"]


def test_a_scope_of_a_type_of_its_own_is_let_through() -> None:
    validator = Validator({"type": "mqtt", "asgi": {"version": "3.0"}})
    assert validator.message({"type": "mqtt.x"}) == ({"type": "mqtt.x"}, [])
    assert validator.end() == []
    assert Validator("x").faults[0].rule == "SCOPE-01"
