"""The values of forwarding headers one by one; whole headers are in test_forwarded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.gateway import forwarded_values as values
from penstock.gateway.forwarded_trust import Trust
from penstock.gateway.forwarded_values import Told

TRUST = Trust("10.0.0.0/8")


@pytest.mark.parametrize(
    "host, port",
    [("a", None), ("a:80", 80), ("[::1]", None), ("[::1]:8080", 8080)],
)
def test_the_port_of_a_host(host: str, port: int | None) -> None:
    assert values.port_of(host) == port
    assert values.with_port(host, 9, "http") == (f"{host}:9" if port is None else host)


def test_the_schemes_own_port_is_not_written() -> None:
    """As clients write the host."""
    assert values.with_port("a", 80, "http") == values.with_port("a", 443, "https") == "a"


@given(st.binary(max_size=200))
def test_no_bytes_of_a_client_change_what_our_proxy_has_written(junk: bytes) -> None:
    """X02, X03: whatever stands further left."""
    assert values.walk(TRUST, junk + b",203.0.113.9") == Told(("203.0.113.9", 0))
    found = values.walk_elements(TRUST, junk + b",for=203.0.113.9;proto=https;host=a")
    assert found == Told(("203.0.113.9", 0), "https", "a")


@given(st.text(max_size=60))
def test_whatever_comes_out_is_safe_to_build_links_of(text: str) -> None:
    """X03, X09."""
    prefix, host = values.prefix(text), values.host(text)
    if prefix:
        assert prefix.startswith("/")
        assert not prefix.startswith("//")
        assert not {".", "..", ""} & set(prefix[1:].split("/"))
        assert prefix.isascii()
        assert prefix.isprintable()
    assert not set(host) & set(" /\\@?#,\r\n\t")
    assert values.scheme(text) in {None, "http", "https"}
