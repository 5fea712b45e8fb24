"""What holds for all cases."""

import inspect
import re

from penstock.conformance import server_cases
from penstock.conformance.server_trial import LEVELS, source_of


def test_each_case_has_a_name_of_its_own_an_id_a_level_and_a_sentence() -> None:
    cases = server_cases.all_cases()
    assert len({case.key for case in cases}) == len(cases) >= 300
    for case in cases:
        assert re.fullmatch(r"[A-Z0-9]+(-[A-Z]+)?-\d\d", case.id), case.id
        assert case.level in LEVELS and case.area in server_cases.AREAS
        assert len(case.text) > 12 and not case.text.endswith(".")


def test_each_behaviour_can_be_taken_to_the_probe() -> None:
    """It is one coroutine function that needs nothing of its module."""
    for case in server_cases.all_cases():
        if case.app is not None:
            assert inspect.iscoroutinefunction(case.app)
            compile(source_of(case.app), case.key, "exec")


def test_the_known_sections_are_covered() -> None:
    areas = {case.id.rpartition("-")[0] for case in server_cases.all_cases()}
    wanted = {
        "APP",
        "COMPAT",
        "MSG",
        "ERR",
        "SCOPE",
        "HTTP-SCOPE",
        "HTTP-HDR",
        "HTTP-REQ",
        "HTTP-RESP",
        "HTTP-DISC",
    }
    wanted |= {
        "HTTP-ERR",
        "HTTP-CONN",
        "WS-SCOPE",
        "WS-HS",
        "WS-MSG",
        "WS-CLOSE",
        "LIFE",
        "LIFE-STATE",
        "WS-DENY",
    }
    assert wanted | {"TLS", "PUSH", "ZCS", "PATH", "HINT", "TRAIL", "DEBUG"} <= areas
