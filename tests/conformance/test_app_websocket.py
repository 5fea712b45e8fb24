"""Each fault of WebSockets is found by its case, in an application that has it."""

import pytest

from penstock.conformance.app import Settings, check_app
from tests.conformance.zoo import WEBSOCKETS

# A call that hangs is waited for so long, twice
QUICK = Settings(patience_s=0.08, silence_s=0.01)
# Cases that show faults of other rules than their own
WHERE = ("WS-HS-05", "WS-DENY-07")


@pytest.mark.parametrize("name", WEBSOCKETS)
def test_every_fault_of_the_zoo_is_found(name: str) -> None:
    app, rule = WEBSOCKETS[name]
    report = check_app(app, websockets=["/"], settings=QUICK, only=(rule, *WHERE))
    found = {finding.rule for finding in report.findings if finding.target == "WEBSOCKET /"}
    assert rule in found, report.findings
