"""What the options say together of where to listen, and how."""

import pytest

from penstock.config import Config
from penstock.config.addresses import Bind, parse_bind
from penstock.config.binds import secured
from penstock.errors import UsageError


def binds(*texts: str) -> list[Bind]:
    return [parse_bind(text) for text in texts]


def test_each_bind_has_its_own_scheme_and_mode() -> None:
    found = secured(binds(":80?redirect", ":443?tls", "/s?mode=660", ":8000"), True)
    assert [str(bind) for bind in found] == [
        "0.0.0.0:80?redirect",
        "0.0.0.0:443?tls",
        "unix:/s?mode=660",
        "0.0.0.0:8000",
    ]
    assert [bind.scheme for bind in found] == ["http", "https", "http", "http"]


def test_with_a_certificate_and_no_word_of_tls_every_tcp_bind_speaks_it() -> None:
    """Who reaches a Unix socket is on this machine already."""
    found = secured(binds(":80?redirect", ":443", "/s"), True)
    assert [bind.tls for bind in found] == [False, True, False]


def test_proxy_protocol_for_all_is_that_of_each_bind() -> None:
    config = Config(bind=[":1", "/s?mode=600"], proxy_protocol=True)
    assert [str(bind) for bind in config.listeners] == ["0.0.0.0:1?proxy", "unix:/s?proxy&mode=600"]
    assert [bind.proxy_protocol for bind in Config(bind=[":1?proxy", ":2"]).listeners] == [
        True,
        False,
    ]


@pytest.mark.parametrize("text", [":443?tls", ":80?redirect"])
def test_tls_needs_a_certificate(text: str) -> None:
    with pytest.raises(UsageError, match="needs a certificate"):
        Config(bind=[text])


def test_a_redirect_needs_somewhere_to_lead() -> None:
    with pytest.raises(UsageError, match="no other bind speaks it"):
        secured(binds(":80?redirect"), True)
