"""Each fault of lifespans is found by its case, in an application that has it."""

import pytest

from penstock.conformance.app import Settings, check_app
from tests.conformance.zoo import LIFESPANS

# A call that hangs is waited for so long, twice
QUICK = Settings(patience_s=0.08, silence_s=0.01)
# Cases that show faults of other rules than their own
WHERE = ("LIFE-",)


@pytest.mark.parametrize("name", LIFESPANS)
def test_every_fault_of_the_zoo_is_found(name: str) -> None:
    app, rule = LIFESPANS[name]
    report = check_app(app, settings=QUICK, only=(rule, *WHERE))
    assert rule in {finding.rule for finding in report.findings}, report.findings
