"""What applications give to start_response becomes a status and checked fields."""

import pytest

from penstock.errors import MessageError
from penstock.gateway.wsgi_headers import UNDECLARED, encode, status_code


def test_status_is_the_number_the_phrase_is_dropped() -> None:
    """WSGI-05."""
    assert (status_code("200 OK"), status_code("404 Whatever"), status_code("599 ")) == (
        200,
        404,
        599,
    )


@pytest.mark.parametrize(
    "status",
    ["200", "200OK", "abc x", "20 OK", "", 200, b"200 OK", None, "٢٠٠ OK", "100 Continue", "099 x"],
)
def test_a_status_of_another_form_is_an_error_of_the_application(status: object) -> None:
    """PEP-09."""
    with pytest.raises(MessageError):
        status_code(status)


def test_names_are_lower_case_values_latin_1() -> None:
    """WSGI-05, PEP-10."""
    fields: list[tuple[bytes, bytes]] = []
    assert encode([("X-A", "é"), ("Set-Cookie", "a"), ("Set-Cookie", "b")], fields) == UNDECLARED
    assert fields == [(b"x-a", b"\xe9"), (b"set-cookie", b"a"), (b"set-cookie", b"b")]


def test_the_content_length_is_told() -> None:
    """Only digits, and only once."""
    assert encode([("Content-Length", "12")], []) == 12
    for wrong in (
        [("Content-Length", "+1")],
        [("content-length", "1"), ("Content-Length", "1")],
        [("Content-Length", "9" * 19)],
    ):
        with pytest.raises(MessageError, match="content-length"):
            encode(wrong, [])


@pytest.mark.parametrize(
    "name",
    [
        "Connection",
        "keep-alive",
        "Transfer-Encoding",
        "TE",
        "Trailer",
        "Upgrade",
        "Proxy-Authenticate",
    ],
)
def test_hop_by_hop_headers_are_refused_each_time(name: str) -> None:
    """PEP-17."""
    for _ in range(2):
        with pytest.raises(MessageError, match="hop-by-hop"):
            encode([(name, "x")], [])


@pytest.mark.parametrize("pair", [("X", "€"), ("X", b"x"), (b"X", "x"), ("€", "x"), ("X", None)])
def test_other_types_and_characters_are_refused(pair: tuple[object, object]) -> None:
    """PEP-10."""
    with pytest.raises(MessageError):
        encode([pair], [])


def test_the_table_of_names_is_bounded() -> None:
    """Applications that make up names do not make the server grow."""
    from penstock.gateway import wsgi_headers

    for number in range(3000):
        encode([(f"X-{number}", "")], [])
    names = getattr(wsgi_headers, "_names", None)  # compiled: not to be seen from here
    assert names is None or len(names) <= 512
