"""Options of the supervisor: their spellings elsewhere, what `auto` means, and what needs --workers."""

from typing import Any

import pytest

from penstock.config import Config, cpus, sources
from penstock.config.options import BY_NAME
from penstock.errors import UsageError


def test_the_number_of_workers_may_be_that_of_the_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "usable", lambda: 3)
    assert Config("a:b", workers="auto").workers == 3
    monkeypatch.setattr(cpus, "usable", lambda: 4096)
    assert Config("a:b", workers="auto").workers == BY_NAME["workers"].high


def test_platforms_say_it_by_a_variable_and_flags_win() -> None:
    environ = {"WEB_CONCURRENCY": "4"}
    assert sources.load({}, environ, "/", "none")[0].workers == 4
    assert sources.load({"workers": ("2", "-w")}, environ, "/", "none")[0].workers == 2


@pytest.mark.parametrize("raw", ["0", "-1", "many", 1000])
def test_a_number_that_is_none_is_refused(raw: Any) -> None:
    with pytest.raises(UsageError, match="workers="):
        Config("a:b", workers=raw)


@pytest.mark.parametrize(
    "options",
    [
        {"limit_max_requests": 5},
        {"limit_max_age": "1h"},
        {"limit_max_rss": "64MiB"},
        {"preload": True},
    ],
)
def test_what_is_about_workers_needs_them_and_says_so(options: Any) -> None:
    with pytest.raises(UsageError, match="is about worker processes") as caught:
        Config("a:b", **options)
    assert "add --workers N" in caught.value.hint
    assert Config("a:b", workers=1, **options).workers == 1


def test_a_memory_limit_that_no_interpreter_fits_in_is_refused() -> None:
    with pytest.raises(UsageError, match="16MiB or more"):
        Config("a:b", workers=1, limit_max_rss=512)


@pytest.mark.parametrize("raw, seconds", [("30s", 30.0), (0, 0.0), ("none", None)])
def test_the_loop_s_limit_can_be_switched_off(raw: Any, seconds: float | None) -> None:
    assert Config("a:b", timeout_worker=raw).timeout_worker == seconds
