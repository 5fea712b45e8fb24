"""Forwarding headers count from trusted peers only, as far as they are named, and when nothing is odd."""

from types import SimpleNamespace
from typing import Any

import pytest

from penstock.asgi import Address
from penstock.gateway import forwarded
from penstock.gateway.forwarded import NEVER, NOTHING, TOLD, Forwarding
from penstock.gateway.forwarded_values import HOPS_MAX
from penstock.wire.events import Head

PEER = ("10.0.0.1", 4000)
FIELDS = ("x-forwarded-for", "x-forwarded-proto")
ALL = (*FIELDS, "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix")


def forwarding(
    allowed: str = "10.0.0.0/8",
    fields: tuple[str, ...] = FIELDS,
    root_path: str = "",
    notes: Any = None,
    now: Any = None,
) -> Forwarding:
    settings = SimpleNamespace(forwarded_allow_ips=allowed, forwarded_headers=fields)
    said = notes if notes is not None else []
    return Forwarding(
        settings, root_path, lambda level, text: said.append((level, text)), now or (lambda: 0.0)
    )


def client_of(value: str | list[str], allowed: str = "10.0.0.0/8") -> Address | None:
    lines = [value] if isinstance(value, str) else value
    headers = [(b"host", b"x"), *((b"x-forwarded-for", line.encode("latin-1")) for line in lines)]
    return forwarding(allowed).read(PEER, "http", headers)[0]


def scheme_of(*values: bytes) -> str:
    headers = [(b"x-forwarded-proto", value) for value in values]
    return forwarding().read(PEER, "http", headers)[1]


def forwarded_of(*values: bytes, allowed: str = "10.0.0.0/8") -> tuple[Any, str, bytes | None]:
    headers = [(b"host", b"x"), *((b"forwarded", value) for value in values)]
    client, scheme, _, host = forwarding(allowed, ("forwarded",)).read(PEER, "http", headers)
    return client, scheme, host


def host_of(scheme: str = "http", own: bytes = b"own", **fields: bytes) -> bytes | None:
    headers = [(f"x-forwarded-{name}".encode(), value) for name, value in fields.items()]
    return forwarding(fields=ALL).read(PEER, scheme, [(b"host", own), *headers])[3]


def prefix_of(value: bytes) -> str:
    return forwarding(fields=ALL, root_path="/own").read(
        PEER, "http", [(b"x-forwarded-prefix", value)]
    )[2]


class Stream:
    """What a connection says of itself."""

    def __init__(self) -> None:
        self.client: Any = PEER
        self.scheme = "http"
        self.root_path = "/own"


def request(*headers: tuple[bytes, bytes], forwarded: bool = True) -> Head:
    head = Head("GET", b"/", b"", list(headers), "1.1")
    head.forwarded = forwarded
    return head


def test_what_is_remembered_stays_right_and_bounded() -> None:
    """Clients that send ever new headers cannot make it grow."""
    found = forwarding("10.0.0.1")

    def client(value: bytes) -> Address | None:
        return found.read(PEER, "http", [(b"x-forwarded-for", value)])[0]

    for number in range(5000):
        value = b"203.0.%d.%d" % (number >> 8, number & 255)
        for _ in range(2):
            assert client(value) == (value.decode(), 0)
    for _ in range(2):
        assert client(b"odd") == PEER
    client(b"203.0.113.9," * 20 + b"203.0.113.9")
    assert len(found._known) <= forwarded.REMEMBERED_MAX
    for _, fields in found._known:
        assert sum(len(value) for _, value in fields) <= forwarded.REMEMBERED_BYTES_MAX


def test_what_is_remembered_is_not_taken_for_another_request() -> None:
    """The same fields on a connection of another scheme, peer or host."""
    found = forwarding(fields=ALL)
    fields = [(b"x-forwarded-port", b"443")]
    for scheme, own, host in (
        ("https", b"a", b"a"),
        ("http", b"a", b"a:443"),
        ("http", b"b", b"b:443"),
    ):
        peer = ("10.0.0.9", len(own))
        assert found.read(peer, scheme, [(b"host", own), *fields]) == (peer, scheme, "", host)


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
@pytest.mark.parametrize("place", ["{}", "203.0.113.9, {}, 10.0.0.7", "{}, 10.0.0.8, 10.0.0.7"])
def test_an_odd_part_makes_the_whole_header_count_for_nothing(odd: str, place: str) -> None:
    """X03: what our own proxies have written is not guessed at."""
    assert client_of(place.format(odd)) == PEER


@pytest.mark.parametrize("odd", ["", "unknown", "junk", '"', "1.2.3.4:x", "," * 1000, "x" * 5000])
def test_what_a_client_has_put_before_its_address_cannot_hide_it(odd: str) -> None:
    """X02, X03: by a header that is odd a client would else pass for the proxy itself."""
    assert client_of(f"{odd}, 203.0.113.9") == ("203.0.113.9", 0)
    assert client_of([odd, "203.0.113.9, 10.0.0.7"]) == ("203.0.113.9", 0)


def test_a_chain_of_proxies_longer_than_any_real_one_is_ignored() -> None:
    """X03: the work a header can ask for is bounded."""
    assert client_of(", ".join(["203.0.113.9"] + ["10.0.0.7"] * (HOPS_MAX - 1))) == (
        "203.0.113.9",
        0,
    )
    assert client_of(", ".join(["10.0.0.9"] + ["10.0.0.7"] * (HOPS_MAX - 1))) == ("10.0.0.9", 0)
    assert client_of(", ".join(["203.0.113.9"] + ["10.0.0.7"] * HOPS_MAX)) == PEER
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
    """X01, X09: nothing but the named headers is looked at, even from a trusted peer."""
    headers = [
        (b"host", b"own"),
        (b"forwarded", b"for=203.0.113.9;proto=https;host=evil"),
        (b"x-real-ip", b"203.0.113.9"),
        (b"x-forwarded-host", b"evil"),
        (b"x-forwarded-port", b"443"),
        (b"x-forwarded-prefix", b"/evil"),
        (b"x-forwarded-ssl", b"on"),
        (b"x-forwarded-by", b"203.0.113.9"),
        (b"front-end-https", b"on"),
    ]
    assert forwarding("*").read(PEER, "http", headers) == (PEER, "http", "", None)
    others = [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-proto", b"https")]
    found = forwarding("*", ("forwarded",)).read(PEER, "http", others)
    assert found == (PEER, "http", "", None)


def test_a_unix_peers_headers_give_it_an_address() -> None:
    """A proxy on a Unix socket is told to be trusted, then its headers count."""
    headers = [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-proto", b"https")]
    found = forwarding("unix").read(None, "http", headers)
    assert found == (("203.0.113.9", 0), "https", "", None)
    assert forwarding("unix").read(None, "http", []) == (None, "http", "", None)


# ------------------------------------------------------------------------------------- host, port, prefix


@pytest.mark.parametrize(
    "value, host",
    [
        (b"example.org", b"example.org"),
        (b" example.org:8080\t", b"example.org:8080"),
        (b"[2001:db8::1]", b"[2001:db8::1]"),
        (b"[2001:db8::1]:8443", b"[2001:db8::1]:8443"),
        (b"a_b.example", b"a_b.example"),
        (b"", None),
        (b"a, b", None),
        (b"a b", None),
        (b"a/b", None),
        (b"user@example.org", None),
        (b"example.org:", None),
        (b"example.org:65536", None),
        (b"example.org:8x", None),
        (b"2001:db8::1", None),
        (b"[::1", None),
        (b"evil\x00", None),
        (b"ex\xe4mple.org", None),
        (b"x" * 256, None),
    ],
)
def test_a_host_is_a_host_or_counts_for_nothing(value: bytes, host: bytes | None) -> None:
    """X03: it becomes part of links and redirects."""
    assert host_of(host=value) == host


@pytest.mark.parametrize(
    "scheme, fields, host",
    [
        ("https", {"port": b"8443"}, b"own:8443"),
        ("https", {"port": b"443"}, b"own"),
        ("http", {"port": b"80"}, b"own"),
        ("http", {"port": b"443"}, b"own:443"),
        ("http", {"port": b"443", "proto": b"https"}, b"own"),
        ("https", {"port": b"8443", "host": b"example.org"}, b"example.org:8443"),
        ("https", {"port": b"8443", "host": b"example.org:9"}, b"example.org:9"),
        ("https", {"port": b"8443", "host": b"[::1]"}, b"[::1]:8443"),
        ("https", {"port": b"8443", "host": b"odd/"}, b"own:8443"),
        ("https", {"port": b"0"}, None),
        ("https", {"port": b"+1"}, None),
        ("https", {"port": b"65536"}, None),
        ("https", {"port": b"1,2"}, None),
    ],
)
def test_a_port_is_added_to_a_host_without_one(
    scheme: str, fields: dict[str, bytes], host: bytes | None
) -> None:
    """As a client would write it: not if it is the scheme's own."""
    assert host_of(scheme, **fields) == host


def test_a_port_says_nothing_without_a_host() -> None:
    assert host_of("https", b"", port=b"8443") is None
    assert host_of("https", b"own:1", port=b"8443") == b"own:1"


@pytest.mark.parametrize(
    "value, root_path",
    [
        (b"/api", "/api"),
        (b"/api/", "/api"),
        (b"/api/v1.0/~me", "/api/v1.0/~me"),
        (b"/", ""),
        (b" /api\t", "/api"),
        (b"", "/own"),
        (b"api", "/own"),
        (b"//evil", "/own"),
        (b"//evil.example/x", "/own"),
        (b"/api//x", "/own"),
        (b"/..", "/own"),
        (b"/api/../x", "/own"),
        (b"/./x", "/own"),
        (b"/\\evil", "/own"),
        (b"/a\x00", "/own"),
        (b"/a\x1b[31m", "/own"),
        (b"/a\r\nx: y", "/own"),
        (b"/a%2f..", "/own"),
        (b"/a?x", "/own"),
        (b"/a#x", "/own"),
        (b"/a, /b", "/own"),
        (b"/caf\xc3\xa9", "/own"),
        (b"http://evil", "/own"),
        (b"/..a/b..", "/..a/b.."),
    ],
)
def test_a_prefix_is_a_plain_path_or_counts_for_nothing(value: bytes, root_path: str) -> None:
    """X09: one slash first, no dot-segments, no control bytes; else redirects would lead elsewhere."""
    assert prefix_of(value) == root_path


def test_two_lines_of_a_single_value_count_for_nothing() -> None:
    """X03."""
    headers = [
        (b"host", b"own"),
        (b"x-forwarded-host", b"a"),
        (b"x-forwarded-host", b"b"),
        (b"x-forwarded-prefix", b"/a"),
        (b"x-forwarded-prefix", b"/b"),
        (b"x-forwarded-port", b"1"),
        (b"x-forwarded-port", b"2"),
    ]
    assert forwarding(fields=ALL).read(PEER, "http", headers) == (PEER, "http", "", None)


# ------------------------------------------------------------------------------------------- RFC 7239


@pytest.mark.parametrize(
    "value, client, scheme, host",
    [
        (b"for=203.0.113.9", ("203.0.113.9", 0), "http", None),
        (b'for="203.0.113.9:5000";proto=https', ("203.0.113.9", 5000), "https", None),
        (b'For="[2001:db8::1]:47";Proto=HTTPS;Host=example.org', ("2001:db8::1", 47), "https", b"example.org"),
        (b'for=203.0.113.9; host="example.org:8443"; by=10.0.0.1', ("203.0.113.9", 0), "http", b"example.org:8443"),
        (b"for=6.6.6.6;proto=https;host=evil, for=203.0.113.9", ("203.0.113.9", 0), "http", None),
        (b"for=6.6.6.6, for=203.0.113.9;proto=https;host=a , for=10.0.0.7;proto=http;host=b", ("203.0.113.9", 0), "https", b"a"),
        (b"proto=https;host=a", PEER, "https", b"a"),
        (b"for=203.0.113.9, proto=https, for=10.0.0.7", ("10.0.0.7", 0), "https", None),
        (b"for=203.0.113.9;proto=javascript;host=\"a/b\"", ("203.0.113.9", 0), "http", None),
        (b"for=203.0.113.9;secret=x", ("203.0.113.9", 0), "http", None),
    ],
)  # fmt: skip
def test_an_element_of_the_outermost_trusted_proxy_says_who_how_and_where(
    value: bytes, client: Any, scheme: str, host: bytes | None
) -> None:
    """X02: what inner proxies saw of each other is not what the client asked for."""
    assert forwarded_of(value) == (client, scheme, host)
    assert forwarded_of(*value.split(b", ")) == (client, scheme, host)


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"for=unknown;proto=https",
        b"for=_hidden;proto=https",
        b'for="_hidden:80"',
        b"for=2001:db8::1",
        b'for="2001:db8::1"',
        b"for=[::1]",
        b"for=example.org",
        b"for=203.0.113.9;for=203.0.113.8",
        b"for=203.0.113.9;",
        b"for = 203.0.113.9",
        b"for",
        b"for=",
        b'for="203.0.113.9',
        b'for="203.0.113.\\9"',
        b'for="203.0.113.9"x',
        b"for=203.0.113.9 proto=https",
        b"\xffor=203.0.113.9",
    ],
)
@pytest.mark.parametrize("place", [b"%b", b"for=6.6.6.6, %b", b"%b, for=10.0.0.7"])
def test_an_odd_element_makes_the_whole_header_count_for_nothing(odd: bytes, place: bytes) -> None:
    """X03."""
    assert forwarded_of(place % odd) == (PEER, "http", None)


@pytest.mark.parametrize("odd", [b'for="', b'for="x, y', b"junk", b"for=unknown", b"," * 1000])
def test_a_client_cannot_hide_its_element_behind_an_odd_one(odd: bytes) -> None:
    """X02, X03: an open quote does not swallow what the proxy has written after it."""
    found = forwarded_of(odd + b", for=203.0.113.9;proto=https")
    assert found == (("203.0.113.9", 0), "https", None)


def test_a_chain_of_elements_is_bounded_too() -> None:
    """X03."""
    ours = [b"for=10.0.0.7"] * HOPS_MAX
    assert forwarded_of(b", ".join([b"for=203.0.113.9", *ours])) == (PEER, "http", None)
    assert forwarded_of(b", ".join([b"for=203.0.113.9", *ours[1:]]))[0] == ("203.0.113.9", 0)


# ------------------------------------------------------------------------------------- for a connection


def test_what_a_proxy_says_is_of_one_request_only() -> None:
    proxy = forwarding(fields=ALL, root_path="/own").of(PEER, None)
    stream = Stream()
    head = request(
        (b"accept", b"*/*"),
        (b"host", b"own"),
        (b"x-forwarded-for", b"203.0.113.9"),
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-host", b"example.org"),
        (b"x-forwarded-prefix", b"/api"),
    )
    assert proxy.tell(stream, "http", head) == TOLD
    assert (stream.client, stream.scheme, stream.root_path) == (("203.0.113.9", 0), "https", "/api")
    assert head.headers[:2] == [(b"accept", b"*/*"), (b"host", b"example.org")]
    assert len(head.headers) == 6
    assert proxy.tell(stream, "http", request(forwarded=False)) == NOTHING
    assert (stream.client, stream.scheme, stream.root_path) == (PEER, "http", "/own")


def test_a_request_without_a_host_gets_the_one_that_the_proxy_tells() -> None:
    """HTTP/1.0."""
    head = request((b"accept", b"*/*"), (b"x-forwarded-host", b"example.org"))
    forwarding(fields=ALL).of(PEER, None).tell(Stream(), "http", head)
    assert head.headers[0] == (b"host", b"example.org")
    assert len(head.headers) == 3


def test_headers_of_a_peer_that_is_not_trusted_are_said_once_and_change_nothing() -> None:
    """X01."""
    notes: list[tuple[str, str]] = []
    times = iter((0.0, 1.0, 61.0, 200.0))
    found = forwarding("10.0.0.1", ALL, notes=notes, now=lambda: next(times))
    head = request((b"host", b"own"), (b"x-forwarded-for", b"6.6.6.6"))
    stream = Stream()
    for client in (("192.0.2.1", 5), ("192.0.2.1", 6), ("192.0.2.2", 5), ("192.0.2.2", 6), None):
        stream.client = client
        assert found.of(client, None).tell(stream, "http", head) == NEVER
        assert (stream.client, stream.scheme, stream.root_path) == (client, "http", "/own")
    assert head.headers[0] == (b"host", b"own")
    assert [level for level, _ in notes] == ["warning"] * 3
    assert "add 192.0.2.1 to --forwarded-allow-ips" in notes[0][1]
    # 192.0.2.2 at first came too soon after the other
    assert notes[1][1].startswith("192.0.2.2 sends")
    assert "add unix to --forwarded-allow-ips" in notes[2][1]


def test_the_open_internet_is_not_warned_of_for_ever() -> None:
    """X06: a flood of headers is no flood of lines, and nothing grows."""
    notes: list[tuple[str, str]] = []
    clock = iter(range(0, 10**9, 1000))
    found = forwarding("10.0.0.1", notes=notes, now=lambda: next(clock))
    for number in range(300):
        stream = Stream()
        stream.client = (f"192.0.2.{number % 256}", number)
        found.of(stream.client, None).tell(stream, "http", request())
    assert len(notes) == forwarded.DOUBTS_MAX
    assert len(found._doubted._hosts) == forwarded.DOUBTS_MAX
