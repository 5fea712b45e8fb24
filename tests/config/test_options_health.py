"""What the options of health and watchdog take, and what they are by default."""

import pytest

from penstock.config import Config
from penstock.errors import UsageError


def test_by_default_nobody_listens_for_probes_and_a_second_without_a_turn_is_told() -> None:
    config = Config()
    assert (config.health_bind, config.health_path) == ((), ())
    assert (config.drain_delay, config.warn_blocked_loop) == (0, 1)


def test_values_are_read_as_everywhere() -> None:
    config = Config(
        health_bind=["127.0.0.1:9000", "unix:/run/health.sock"],
        health_path=["/health", "/up"],
        drain_delay="10s",
        warn_blocked_loop="250ms",
    )
    assert config.health_bind == ("127.0.0.1:9000", "unix:/run/health.sock")
    assert config.health_path == ("/health", "/up")
    assert (config.drain_delay, config.warn_blocked_loop) == (10, 0.25)


@pytest.mark.parametrize(
    "options", [{"health_bind": "9000"}, {"drain_delay": "-1s"}, {"limit_websockets": 0}]
)
def test_what_cannot_be_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Config(**options)  # type: ignore[arg-type]
