"""`X-Forwarded-For` and `-Proto` count from trusted peers only, and only when nothing is odd."""

import pytest

from penstock.errors import UsageError
from penstock.gateway.forwarded import Trust, apply

PEER = ("10.0.0.1", 4000)


def client_of(value: str | list[str], allowed: str = "10.0.0.0/8") -> tuple[str, int | None] | None:
    lines = [value] if isinstance(value, str) else value
    headers = [(b"host", b"x"), *((b"x-forwarded-for", line.encode("latin-1")) for line in lines)]
    return apply(Trust(allowed), PEER, "http", headers)[0]


def scheme_of(*values: bytes) -> str:
    headers = [(b"x-forwarded-proto", value) for value in values]
    return apply(Trust("10.0.0.1"), PEER, "http", headers)[1]


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


def test_what_is_remembered_stays_right_and_bounded() -> None:
    """Clients that send ever new headers cannot make it grow."""
    trust = Trust("10.0.0.1")
    for number in range(5000):
        value = b"203.0.%d.%d" % (number >> 8, number & 255)
        for _ in range(2):
            client, _scheme = apply(trust, PEER, "http", [(b"x-forwarded-for", value)])
            assert client == (value.decode(), 0)
    for _ in range(2):
        assert apply(trust, PEER, "http", [(b"x-forwarded-for", b"odd")])[0] == PEER
    apply(trust, PEER, "http", [(b"x-forwarded-for", b"203.0.113.9," * 20 + b"203.0.113.9")])
    assert len(trust._walked) <= 1024
    assert all(len(value) <= 128 for value in trust._walked)


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


@pytest.mark.parametrize(
    "value, client",
    [
        ("203.0.113.9", ("203.0.113.9", 0)),
        ("6.6.6.6, 203.0.113.9", ("203.0.113.9", 0)),
        ("6.6.6.6, 203.0.113.9, 10.0.0.7", ("203.0.113.9", 0)),
        ("6.6.6.6, 10.0.0.9, 203.0.113.9,10.0.0.7 ,\t10.0.0.8", ("203.0.113.9", 0)),
        ("10.0.0.9, 10.0.0.7", ("10.0.0.9", 0)),
        ("::ffff:203.0.113.9", ("203.0.113.9", 0)),
        ("203.0.113.9, ::ffff:10.0.0.7", ("203.0.113.9", 0)),
        ("2001:DB8::0:1", ("2001:db8::1", 0)),
    ],
)
def test_the_client_is_the_first_untrusted_address_from_the_right(
    value: str, client: tuple[str, int]
) -> None:
    """X02: what stands further left may have been sent by the client itself."""
    assert client_of(value) == client


def test_star_trusts_the_sender_and_not_every_address_in_the_header() -> None:
    """X02: with `*` the right-most address counts, the one that the last proxy itself saw."""
    assert client_of("6.6.6.6, 203.0.113.9", "*") == ("203.0.113.9", 0)


def test_several_lines_are_one_list() -> None:
    """X03: HAProxy adds a line of its own behind the client's (RFC 9110 section 5.3)."""
    assert client_of(["203.0.113.9", "10.0.0.8", "10.0.0.7"]) == ("203.0.113.9", 0)
    assert client_of(["6.6.6.6", "203.0.113.9, 10.0.0.7"]) == ("203.0.113.9", 0)
    assert client_of(["203.0.113.9", "unknown"]) == PEER


@pytest.mark.parametrize(
    "value, client",
    [
        ("203.0.113.9:5000", ("203.0.113.9", 5000)),
        ("[2001:db8::1]:443", ("2001:db8::1", 443)),
        ("[2001:db8::1]", ("2001:db8::1", 0)),
        ("203.0.113.9:65535", ("203.0.113.9", 65535)),
    ],
)
def test_a_port_and_brackets_are_understood(value: str, client: tuple[str, int]) -> None:
    """X03: some load balancers append the client's port."""
    assert client_of(value) == client


@pytest.mark.parametrize(
    "odd",
    [
        "",
        " ",
        "unknown",
        "_hidden",
        "example.org",
        "1.2.3",
        "1.2.3.4.5",
        "01.2.3.4",
        "1.2.3.4:",
        "1.2.3.4:65536",
        "1.2.3.4:+5",
        "1.2.3.4:5_0",
        "1.2.3.4:\xb2",
        "1.2.3.4:" + "1" * 5000,
        "1.2.3.4:5:6",
        "[1.2.3.4]",
        "[1.2.3.4]:5",
        "[::1",
        "[::1x:5",
        "::1]",
        "[::1]x:5",
        "[[::1]]:5",
        "[::1]:",
        "fe80::1%eth0",
        "::1/64",
        '"::1"',
        "1.2.3.4;5",
        "\xb9.2.3.4",
        "javascript:alert(1)",
        "1" * 5000,
    ],
)
@pytest.mark.parametrize("place", ["{}", "{}, 203.0.113.9", "203.0.113.9, {}, 10.0.0.7"])
def test_an_odd_part_makes_the_whole_header_count_for_nothing(odd: str, place: str) -> None:
    """X03: half a header is not guessed at, wherever the odd part stands."""
    assert client_of(place.format(odd)) == PEER


def test_a_chain_longer_than_any_real_one_is_ignored() -> None:
    """X03: the work a header can ask for is bounded."""
    assert client_of(", ".join(["203.0.113.9"] * 50)) == ("203.0.113.9", 0)
    assert client_of(", ".join(["203.0.113.9"] * 51)) == PEER
    assert client_of("," * 60_000) == PEER


@pytest.mark.parametrize(
    "value, scheme",
    [
        (b"https", "https"),
        (b"http", "http"),
        (b"wss", "https"),
        (b"ws", "http"),
        (b" HTTPS\t", "https"),
        (b"javascript", "http"),
        (b"https,http", "http"),
        (b"https, https", "http"),
        (b"", "http"),
        (b"ftp", "http"),
    ],
)
def test_the_scheme_is_one_of_four_or_stays(value: bytes, scheme: str) -> None:
    """X03: proto only http, https, ws, wss."""
    assert scheme_of(value) == scheme


def test_two_lines_of_proto_count_for_nothing() -> None:
    """X03: which of them the proxy wrote cannot be known."""
    assert scheme_of(b"https", b"https") == "http"


def test_other_headers_have_no_effect() -> None:
    """X01, X09: nothing but the two headers is looked at, even from a trusted peer."""
    headers = [
        (b"forwarded", b"for=203.0.113.9;proto=https;host=evil"),
        (b"x-real-ip", b"203.0.113.9"),
        (b"x-forwarded-host", b"evil"),
        (b"x-forwarded-port", b"443"),
        (b"x-forwarded-prefix", b"//evil"),
        (b"x-forwarded-ssl", b"on"),
        (b"x-forwarded-by", b"203.0.113.9"),
        (b"front-end-https", b"on"),
    ]
    assert apply(Trust("*"), PEER, "http", headers) == (PEER, "http")


def test_a_unix_peers_headers_give_it_an_address() -> None:
    """A proxy on a Unix socket is told to be trusted, then its headers count."""
    headers = [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-proto", b"https")]
    assert apply(Trust("unix"), None, "http", headers) == (("203.0.113.9", 0), "https")
    assert apply(Trust("unix"), None, "http", []) == (None, "http")
