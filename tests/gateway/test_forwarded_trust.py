"""Whose word about the client counts (threats X01, X04)."""

import pytest

from penstock.errors import UsageError
from penstock.gateway.forwarded_trust import Trust, parse_hop


@pytest.mark.parametrize(
    "allowed, host, trusted",
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("127.0.0.1", "127.0.0.1.1", False),
        ("127.0.0.1", "::1", False),
        ("10.0.0.0/8, 127.0.0.1", "10.0.0.2", True),
        ("::0:1", "::1", True),
        ("0:0:0:0:0:0:0:1/128", "::1", True),
        ("10.0.0.0/8, ::1", "10.255.0.1", True),
        ("10.0.0.0/8, ::1", "11.0.0.1", False),
        ("10.0.0.0/8, ::1", "0:0:0:0:0:0:0:1", True),
        ("10.1.2.3/8", "10.9.9.9", True),
        ("fd00::/8", "fd12::1", True),
        ("*", "203.0.113.9", True),
        ("", "127.0.0.1", False),
        ("unix", "127.0.0.1", False),
    ],
)
def test_peers_are_trusted_by_address_network_or_all(
    allowed: str, host: str, trusted: bool
) -> None:
    """X01: nobody else's headers count."""
    assert Trust(allowed).is_trusted((host, 1)) is trusted


@pytest.mark.parametrize(
    "allowed", ["127.0.0.1", "::ffff:127.0.0.1", "127.0.0.0/8", "::ffff:127.0.0.0/104"]
)
@pytest.mark.parametrize("host", ["127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1"])
def test_a_mapped_address_is_the_ipv4_address_in_it(allowed: str, host: str) -> None:
    """X04: a dual-stack listener sees `::ffff:127.0.0.1` where people write 127.0.0.1."""
    assert Trust(allowed).is_trusted((host, 1))


@pytest.mark.parametrize(
    "allowed, trusted",
    [("127.0.0.1", False), ("0.0.0.0/0,::/0", False), ("unix", True), ("*", True)],
)
def test_a_unix_peer_is_trusted_only_when_said_so(allowed: str, trusted: bool) -> None:
    """X04: a peer without address matches no address."""
    assert Trust(allowed).is_trusted(None) is trusted


def test_a_unix_socket_can_be_trusted_by_its_path() -> None:
    """X04: only peers on that socket."""
    trust = Trust("127.0.0.1,/run/app.sock")
    assert trust.is_trusted(None, ("/run/app.sock", None))
    assert not trust.is_trusted(None, ("/run/other.sock", None))
    assert not trust.is_trusted(None)
    assert not trust.is_trusted(("10.0.0.1", 1), ("/run/app.sock", None))


@pytest.mark.parametrize("allowed", ["localhost", "10.0.0", "10.0.0.0/33", "proxy.internal", "*.1"])
def test_what_is_no_address_is_a_usage_error(allowed: str) -> None:
    """A misspelt address must not wait until production to match nothing."""
    with pytest.raises(UsageError, match="forwarded-allow-ips") as caught:
        Trust(f"127.0.0.1,{allowed}")
    assert allowed in str(caught.value)
    assert "10.0.0.0/8" in caught.value.hint


def test_trust_takes_a_list_as_well() -> None:
    """As Python callers write it."""
    assert Trust(["10.0.0.1", " ::1 "]).is_trusted(("::1", 1))


def test_a_hop_is_an_address_with_or_without_a_port() -> None:
    """X03; what is odd stands in the tests of the lists that are made of hops."""
    for text, address, port in (
        ("203.0.113.9", "203.0.113.9", 0),
        ("203.0.113.9:5000", "203.0.113.9", 5000),
        ("2001:DB8::1", "2001:db8::1", 0),
        ("[2001:db8::1]:5", "2001:db8::1", 5),
        ("::ffff:203.0.113.9", "203.0.113.9", 0),
    ):
        hop = parse_hop(text)
        assert hop is not None
        assert (str(hop[0]), hop[1]) == (address, port)
    assert parse_hop("localhost") is None
