"""Which cases are tried, and that what fails is tried again on a server of its own."""

from collections.abc import Callable
from typing import Any

import pytest

from penstock.conformance.client_http1 import Wrong
from penstock.conformance.server_run import Run, chosen, run, tally
from penstock.conformance.server_trial import Case, Result, Trial, Unusable


def test_cases_are_chosen_by_id_pattern_and_level() -> None:
    assert {case.id for case in chosen(["HTTP-RESP-03"])} == {"HTTP-RESP-03"}
    assert {case.id.rpartition("-")[0] for case in chosen(["ws-hs-*,LIFE-0*"])} == {"WS-HS", "LIFE"}
    assert {case.level for case in chosen(level="must")} == {"MUST"}
    assert {case.level for case in chosen(level="should")} == {"MUST", "SHOULD"}
    with pytest.raises(Unusable, match="no requirement is called HTTP-RESP-3"):
        chosen(["HTTP-RESP-3"])


class _Stage:
    patience_s = pause_s = 0.01
    closed = 0

    def shared(self, kind: str) -> Any:
        raise NotImplementedError

    def start(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def alone(self) -> "_Stage":
        return self

    def close(self) -> None:
        _Stage.closed += 1


def _case(name: str, run: Callable[[Trial], None]) -> Case:
    return Case("X-01", "MUST", "text", "scope", name, False, "plain", run, None)


def test_what_fails_once_is_tried_again_and_told_once() -> None:
    tries: dict[str, int] = {}

    def unlucky(t: Trial) -> None:
        tries["unlucky"] = tries.get("unlucky", 0) + 1
        if tries["unlucky"] == 1:
            raise Wrong("this", "that")

    def wrong(t: Trial) -> None:
        raise Wrong("this", "that")

    def right(t: Trial) -> None:
        tries["right"] = tries.get("right", 0) + 1

    told: list[Result] = []
    cases = [_case("unlucky", unlucky), _case("wrong", wrong), _case("right", right)]
    _Stage.closed = 0
    found = run(_Stage(), cases, told.append)
    assert [result.verdict for result in found] == ["pass", "fail", "pass"]
    assert sorted(result.case.key for result in told) == ["right", "unlucky", "wrong"]
    assert (tries, _Stage.closed) == ({"unlucky": 2, "right": 1}, 2)
    assert len(Run("a", "1", "", found, 1.0).failed) == 1
    assert tally(found)["scope"]["pass"] == 2
