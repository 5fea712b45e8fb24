"""What a case raises becomes its verdict; nothing gets through."""

from collections.abc import Callable

import pytest

from penstock.conformance.client_http1 import Wrong
from penstock.conformance.server_trial import Case, Skip, Trial, Unusable, attempt
from tests.conformance.crooked import Crooked, _Stage


def _wrong(t: Trial) -> None:
    raise Wrong("this", "that")


def _skip(t: Trial) -> None:
    raise Skip("not here")


def _broken(t: Trial) -> None:
    raise KeyError("x")


def _no_start(t: Trial) -> None:
    raise Unusable("it does not start", "its last words")


def _right(t: Trial) -> None:
    t.check(True, "this", "this")


@pytest.mark.parametrize(
    ("run", "level", "derived", "verdict"),
    [
        (_right, "MUST", False, "pass"),
        (_wrong, "MUST", False, "fail"),
        (_wrong, "SHOULD", False, "fail"),
        (_wrong, "MAY", False, "warn"),
        (_wrong, "MUST", True, "warn"),
        (_no_start, "MUST", False, "fail"),
        (_skip, "MUST", False, "skip"),
        (_broken, "MUST", False, "error"),
    ],
)
def test_verdicts(
    run: Callable[[Trial], None], level: str, derived: bool, verdict: str, crooked: Crooked
) -> None:
    case = Case("X-01", level, "text", "scope", "X-01-x", derived, "plain", run, None)
    assert attempt(_Stage(crooked, None, right=False), case).verdict == verdict


def test_equal_wants_the_type_too(crooked: Crooked) -> None:
    case = Case("X-01", "MUST", "text", "scope", "X-01-y", False, "plain", _right, None)
    trial = Trial(_Stage(crooked, None, right=False), case)
    trial.equal(1, 1)
    with pytest.raises(Wrong):
        trial.equal(True, 1)
