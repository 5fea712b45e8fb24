"""Options of proxies: what they have by default is safe."""

from penstock.config import Config
from penstock.config.options_proxy import PROXY, PROXY_OPTIONS


def test_by_default_only_this_machine_is_believed_and_only_what_most_proxies_set() -> None:
    """X01: whoever else could claim any address, and a header that a proxy does not set is the client's."""
    config = Config()
    assert config.forwarded_allow_ips == "127.0.0.1"
    assert config.forwarded_headers == ("x-forwarded-for", "x-forwarded-proto")
    assert config.proxy_protocol is False
    assert not any(bind.proxy_protocol for bind in config.listeners)


def test_a_proxy_header_has_more_time_than_its_specification_asks_for() -> None:
    """At least 3 seconds, to cover a lost packet (PROXY protocol, section 2)."""
    assert Config().timeout_proxy_protocol >= 3


def test_they_stand_under_one_heading() -> None:
    assert {option.group for option in PROXY_OPTIONS} == {PROXY}
