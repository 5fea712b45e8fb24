"""The WebSocket side against the Autobahn fuzzing client: the sections of its suite that take seconds."""

import os

import pytest

from tests.autobahn.trial import QUICK, WSTEST, run

CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
# The suite waits by the clock in some cases (6.4: seconds between the pieces of a message).
TIMEOUT_S = 150.0


@pytest.mark.real
@pytest.mark.timeout(TIMEOUT_S + 30)
def test_the_fuzzing_client_finds_nothing_to_object_to() -> None:
    """RFC 6455, W04 to W06: each of 253 cases is OK, or informational where the RFC leaves the answer open."""
    if not WSTEST.exists():
        text = "needs the Autobahn test suite: tests/autobahn/setup.sh, and a Python 2.7 for it"
        (pytest.fail if CI else pytest.skip)(text)
    assert [case for case in run(QUICK, timeout_s=TIMEOUT_S) if not case.held] == []
