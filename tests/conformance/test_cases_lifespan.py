"""Each case that starts servers itself fails on a process that is wrong in just that."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from penstock.conformance.server_cases import all_cases
from penstock.conformance.server_presets import Preset
from penstock.conformance.server_process import Servers
from penstock.conformance.server_trial import FAIL, PASS, WARN, attempt

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
HERE = Path(__file__).parent

# Area and function → the fault in crooked_process.py
FAULTS = {
    ("application", "positional_arguments"): "by name",
    ("application", "an_instance"): "picky",
    ("application", "a_bound_method"): "picky",
    ("application", "a_partial"): "picky",
    ("application", "legacy_function"): "picky",
    ("application", "legacy_class"): "picky",
    ("errors", "cancelled_error"): "mortal",
    ("errors", "system_exit"): "mortal",
    ("errors", "graceful_stop"): "impatient",
    ("disconnect", "exception_is_swallowed"): "loud",
    ("closing", "exception_is_swallowed"): "loud",
    ("closing", "stop_of_the_server"): "impatient",
    ("tls", "none_in_lifespan"): "tls everywhere",
    ("lifespan", "lifespan_comes_first"): "none",
    ("lifespan", "one_for_each_loop"): "one worker",
    ("lifespan", "scope"): "odd version",
    ("lifespan", "startup_is_first"): "greets",
    ("lifespan", "nothing_before_complete"): "hasty",
    ("lifespan", "raises_for_lifespan"): "again",
    ("lifespan", "startup_failed"): "optimistic",
    ("lifespan", "startup_failed_status"): "content",
    ("lifespan", "startup_failed_and_raised"): "optimistic",
    ("lifespan", "startup_failed_without_message"): "optimistic",
    ("lifespan", "shutdown_comes_last"): "early shutdown",
    ("lifespan", "waits_for_shutdown"): "no time",
    ("lifespan", "shutdown_failed"): "mute",
    ("lifespan", "returns_at_once"): "ends",
    ("lifespan", "returns_after_startup"): "ends",
    ("lifespan", "wrong_messages"): "lenient",
    ("lifespan", "runs_while_serving"): "cancels",
    ("lifespan", "after_the_end"): "ends",
    ("lifespan", "state_is_empty"): "full",
    ("lifespan", "state_in_requests"): "stateless",
    ("lifespan", "state_is_copied"): "one state",
    ("lifespan", "state_is_shallow"): "deep state",
    ("lifespan", "state_is_the_applications"): "forgets",
    ("lifespan", "state_grows"): "old state",
}


def crooked(fault: str) -> Servers:
    """Servers with a fault; `right` is none."""
    stage = Servers(
        Preset(
            "crooked",
            (
                "env",
                "CROOKED_APP={app}",
                f"CROOKED_FAULT={fault}",
                *(sys.executable, "-m", "penstock", "crooked_process:app"),
                *("--app-dir", str(HERE)),
            ),
            tcp=("--host", "127.0.0.1", "--port", "{port}"),
            tls=("--ssl-certfile", "{cert}", "--ssl-keyfile", "{key}"),
            workers=("--workers", "2"),
        )
    )
    stage.patience_s, stage.pause_s = 1.5, 0.2
    return stage


def verdict_of(which: tuple[str, str]) -> str:
    """What the case says of the server with its fault."""
    case = next(c for c in all_cases() if (c.area, c.run.__name__) == which)
    stage = crooked(FAULTS[which])
    try:
        result = attempt(stage, case)
    finally:
        stage.close()
    return result.verdict if result.verdict in {FAIL, WARN} else f"{result.verdict}: {result.came}"


def test_each_case_sees_its_fault() -> None:
    """Without a fault they pass: that is what the run over Penstock itself shows."""
    with ThreadPoolExecutor(3) as pool:
        verdicts = dict(zip(FAULTS, pool.map(verdict_of, FAULTS), strict=True))
    assert {which: each for which, each in verdicts.items() if each not in {FAIL, WARN}} == {}


def test_every_case_of_the_lifespan_has_a_fault() -> None:
    names = {(case.area, case.run.__name__) for case in all_cases() if case.area == "lifespan"}
    assert names <= set(FAULTS)


def test_a_case_that_is_right_passes_on_such_a_process() -> None:
    case = next(c for c in all_cases() if c.run.__name__ == "waits_for_shutdown")
    stage = crooked("right")
    try:
        assert attempt(stage, case).verdict == PASS
    finally:
        stage.close()
