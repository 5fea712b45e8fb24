"""The options of the logs: what their values may be."""

import pytest

from penstock.config import Config
from penstock.errors import UsageError


def test_by_default_every_request_has_a_line_in_uvicorn_s_look() -> None:
    """On the standard streams, with its query, nothing left out."""
    config = Config("a:b")
    assert (config.access_log, config.access_log_format) == (True, "text")
    assert (config.access_log_file, config.log_file) == ("-", "-")
    assert (config.access_log_sample, config.access_log_exclude) == (1.0, ())
    assert (config.access_log_query, config.request_id) == (True, "log")
    assert (config.access_log_slow, config.access_log_stream) == (None, None)


@pytest.mark.parametrize("share", [0, "0.25", 1])
def test_a_share_is_a_number_from_0_to_1(share: object) -> None:
    assert Config("a:b", access_log_sample=share).access_log_sample == float(share)  # type: ignore[arg-type]


@pytest.mark.parametrize("share", [1.5, -0.1, "half", True, "nan"])
def test_any_other_share_is_refused(share: object) -> None:
    with pytest.raises(UsageError, match="from 0 to 1"):
        Config("a:b", access_log_sample=share)  # type: ignore[arg-type]


def test_several_paths_can_be_left_out() -> None:
    """By commas in the environment, as a list elsewhere."""
    config = Config("a:b", access_log_exclude="/health*, /metrics")
    assert config.access_log_exclude == ("/health*", "/metrics")
