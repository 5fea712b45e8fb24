"""Each state of a conversation against each message of the application."""

from typing import Any

import pytest

from penstock.errors import MessageError
from tests.gateway.websocket_trial import ACCEPT, MESSAGES, Trial, answerer

WAYS = {
    "connecting": [],
    "open": [ACCEPT],
    "denying": [MESSAGES["deny"]],
    "rejected": [MESSAGES["close"]],
    "closed": [ACCEPT, MESSAGES["close"]],
    "denied": [MESSAGES["deny"], {"type": "websocket.http.response.body"}],
}
ALLOWED = {
    "connecting": {"accept", "close", "deny"},
    "open": {"send", "close"},
    "denying": {"deny body"},
}


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("state", WAYS)
def test_each_message_in_each_state_is_done_refused_or_ignored(state: str, name: str) -> None:
    """WS-HS-06, WS-HS-12, WS-CLOSE-22, WS-DENY-06, A10."""
    errors: list[Any] = []
    trial = Trial(answerer(*WAYS[state], MESSAGES[name], errors=errors), start=False)
    trial.exchange.start()
    before = trial.notes[:]
    trial.runtime.run()
    error = errors[-1]
    if state in ALLOWED and name not in ALLOWED[state]:
        assert isinstance(error, MessageError)
        assert MESSAGES[name]["type"] in str(error)
    else:
        assert error is None
    if state not in ALLOWED:
        assert ("debug" in {level for level, _ in before}) is True
