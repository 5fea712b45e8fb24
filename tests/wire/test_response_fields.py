"""What versions of HTTP share of an application's answer: what is wrong with it, said so that it can be found."""

import enum
from typing import Any

import pytest

from penstock.errors import MessageError
from penstock.wire.response_fields import NO_TRAILERS, checked_status, fault, listed


class _Status(enum.IntEnum):
    OK = 200


def test_a_status_of_another_kind_of_int_is_an_int() -> None:
    """Frameworks have enums of their own (ERR-03)."""
    status = checked_status(_Status.OK)
    assert (status, type(status)) == (200, int)


@pytest.mark.parametrize("status", [True, "200", 200.0, None])
def test_a_status_that_is_no_int_is_refused(status: Any) -> None:
    """The message names the type (ERR-03)."""
    with pytest.raises(MessageError, match=type(status).__name__):
        checked_status(status)


def test_any_iterable_of_pairs_becomes_a_list_of_tuples() -> None:
    """Also one that can be read only once."""
    assert listed(iter([[b"a", b"1"], (b"b", b"2")])) == [(b"a", b"1"), (b"b", b"2")]


@pytest.mark.parametrize("headers", [5, [5]])
def test_what_is_no_iterable_of_pairs_is_refused(headers: Any) -> None:
    """The message says what was expected."""
    with pytest.raises(MessageError, match="iterable of"):
        listed(headers)


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ([(b"a",)], "pair"),
        ([("a", b"1")], "name must be bytes"),
        ([(b"a", 1)], "value must be bytes, got int"),
        ([(b"", b"1")], "not a header name"),
        ([(b"a b", b"1")], "not a header name"),
        ([(b"a", b"1\r\nx: y")], "CR, LF or NUL"),
        ([(b"content-length", b"1"), (b"Content-Length", b"1")], "twice"),
        ([(b"content-length", b"+1")], "must be a number"),
        ([(b"a", b"1")], "malformed"),
    ],
)
def test_a_fault_is_named(headers: Any, text: str) -> None:
    """What was seen stands in the message (ERR-03, A01)."""
    assert text in str(fault(headers))


def test_fields_that_steer_are_no_trailers() -> None:
    """RFC 9110 section 6.5.1."""
    assert {b"content-length", b"transfer-encoding", b"host", b"set-cookie"} <= NO_TRAILERS
