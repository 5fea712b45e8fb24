"""What connections share: limits from the options, and the fields of every response, encoded once."""

from types import SimpleNamespace
from typing import Any

import hpack

from penstock.config import Config
from penstock.transport.http2_shared import Shared, encoded
from penstock.wire.fields import SENDS_DATE, SENDS_LENGTH, SENDS_SERVER

LINES = b"date: Sun, 22 Nov 2026 08:00:00 GMT\r\nserver: penstock\r\nX-Own: a: b\r\n"


def shared(interface: str = "asgi3", **options: Any) -> Shared:
    service = SimpleNamespace(interface=interface)
    return Shared(SimpleNamespace(settings=Config(**options), service=service))


def decoded(block: bytes) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in hpack.Decoder().decode(block)]


def test_limits_are_those_of_the_options() -> None:
    """Those of HTTP/1, and the number of streams."""
    limits = shared(
        limit_http2_streams=7, limit_request_head=1000, limit_request_fields=9, limit_request_body=5
    ).limits
    assert (limits.streams_max, limits.head_max, limits.fields_max, limits.body_max) == (
        7,
        1000,
        9,
        5,
    )
    assert shared().limits.body_max == -1


def test_websockets_are_for_asgi() -> None:
    """RFC 8441 is offered where an application could take it."""
    assert shared().websockets
    assert not shared("wsgi").websockets


def test_the_fields_of_every_response_are_encoded_once() -> None:
    """For as long as they are the same object; names in lower case."""
    both = shared()
    block = both.defaults(LINES, 0)
    assert decoded(block) == [
        ("date", "Sun, 22 Nov 2026 08:00:00 GMT"),
        ("server", "penstock"),
        ("x-own", "a: b"),
    ]
    assert both.defaults(LINES, SENDS_LENGTH) is block
    assert decoded(both.defaults(b"server: other\r\n", 0)) == [("server", "other")]


def test_what_the_application_sends_itself_is_left_out() -> None:
    """HTTP-RESP-27."""
    both = shared()
    assert [name for name, _ in decoded(both.defaults(LINES, SENDS_DATE))] == ["server", "x-own"]
    assert [name for name, _ in decoded(both.defaults(LINES, SENDS_SERVER))] == ["date", "x-own"]
    assert decoded(encoded(LINES, SENDS_DATE | SENDS_SERVER)) == [("x-own", "a: b")]
