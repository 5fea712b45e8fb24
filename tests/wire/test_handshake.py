"""The opening handshake: RFC 6455 section 4.2, threats.md W01, W02 and W14, WS-HS-13."""

from types import SimpleNamespace
from typing import Any

import pytest

from penstock.errors import HttpError
from penstock.wire.events import Head
from penstock.wire.handshake import check_upgrade

USUAL = [
    (b"host", b"example.org"),
    (b"upgrade", b"websocket"),
    (b"connection", b"Upgrade"),
    (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    (b"sec-websocket-version", b"13"),
]
OPEN = SimpleNamespace(ws_allowed_origins=())


def head(*more: tuple[bytes, bytes], without: bytes = b"", **changes: Any) -> Head:
    made = Head(
        "GET", b"/", b"", [pair for pair in USUAL if pair[0] != without] + list(more), "1.1"
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_the_specification_s_own_example_is_accepted() -> None:
    """RFC 6455 section 1.3."""
    offer = check_upgrade(head(), OPEN)
    assert offer.accept == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert offer.subprotocols == []
    assert offer.extensions == []


@pytest.mark.parametrize(
    "request_head",
    [
        pytest.param(head(method="POST"), id="POST"),
        pytest.param(head(http_version="1.0"), id="HTTP/1.0"),
        pytest.param(head(content_length=3), id="body"),
        pytest.param(head(content_length=-1), id="chunked body"),
        pytest.param(head(without=b"sec-websocket-key"), id="no key"),
        pytest.param(head((b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==")), id="two keys"),
        *(
            pytest.param(
                head((b"sec-websocket-key", key), without=b"sec-websocket-key"), id=f"key {key!r}"
            )
            for key in (
                b"",
                b"dGhlIHNhbXBsZSBub25j",
                b"dGhlIHNhbXBsZSBub25jZQ=",
                b"!" * 24,
                b"\xff" * 24,
            )
        ),
        pytest.param(
            head((b"sec-websocket-extensions", b'a; b="not a token"')), id="bad quoted value"
        ),
        pytest.param(head((b"sec-websocket-extensions", b"a b")), id="two names"),
        pytest.param(head((b"sec-websocket-extensions", b"a; =1")), id="no parameter name"),
        pytest.param(
            head((b"sec-websocket-extensions", b", ".join([b"x"] * 2000))), id="2000 offers"
        ),
        pytest.param(
            head((b"sec-websocket-protocol", b", ".join([b"x"] * 2000))), id="2000 protocols"
        ),
    ],
)
def test_a_malformed_handshake_is_a_400(request_head: Head) -> None:
    """W01, WS-HS-13."""
    with pytest.raises(HttpError) as caught:
        check_upgrade(request_head, OPEN)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "versions", [[], [b"12"], [b"13", b"12"], [b"13, 12"], [b"13", b"13"], [b"\xff"]]
)
def test_another_version_is_a_426_that_names_ours(versions: list[bytes]) -> None:
    """W01; RFC 6455 section 4.4, RFC 9110 section 15.5.22."""
    more = [(b"sec-websocket-version", version) for version in versions]
    with pytest.raises(HttpError) as caught:
        check_upgrade(head(*more, without=b"sec-websocket-version"), OPEN)
    assert caught.value.status == 426
    assert (b"sec-websocket-version", b"13") in caught.value.headers  # type: ignore[attr-defined]


def test_subprotocols_come_in_the_client_s_order_without_blanks() -> None:
    """WS-SCOPE-08."""
    offer = check_upgrade(
        head((b"sec-websocket-protocol", b"a,, b"), (b"sec-websocket-protocol", b" c ")), OPEN
    )
    assert offer.subprotocols == ["a", "b", "c"]


def test_subprotocol_bytes_beyond_ascii_are_latin_1() -> None:
    """W02."""
    offer = check_upgrade(head((b"sec-websocket-protocol", b"caf\xe9\x80")), OPEN)
    assert offer.subprotocols == ["caf\xe9\x80"]


def test_extension_offers_keep_their_order_and_parameters() -> None:
    offer = check_upgrade(
        head(
            (b"sec-websocket-extensions", b'foo; a=1 ; b="2";c ,, bar'),
            (b"sec-websocket-extensions", b"baz"),
        ),
        OPEN,
    )
    assert offer.extensions == [
        ("foo", [("a", "1"), ("b", "2"), ("c", None)]),
        ("bar", []),
        ("baz", []),
    ]


@pytest.mark.parametrize(
    ("allowed", "origins", "status"),
    [
        ((), [b"https://evil.example"], 0),
        (("*",), [b"https://evil.example"], 0),
        (("https://good.example",), [], 0),
        (("https://good.example",), [b"https://GOOD.example"], 0),
        (("https://good.example",), [b"https://evil.example"], 403),
        (("https://good.example",), [b"https://good.example.evil.example"], 403),
        (("https://good.example",), [b"null"], 403),
        (("https://good.example",), [b"https://good.example", b"https://evil.example"], 403),
    ],
)
def test_a_foreign_origin_is_a_403_where_origins_are_listed(
    allowed: tuple[str, ...], origins: list[bytes], status: int
) -> None:
    """W14: cross-site WebSocket hijacking."""
    request_head = head(*((b"origin", origin) for origin in origins))
    settings = SimpleNamespace(ws_allowed_origins=allowed)
    if not status:
        assert check_upgrade(request_head, settings).accept
        return
    with pytest.raises(HttpError) as caught:
        check_upgrade(request_head, settings)
    assert caught.value.status == status
