"""The tree of exceptions: what each carries, and that its kin can be caught as the docstring says."""

import pytest

from penstock import errors


@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [
        (errors.UsageError, 2),
        (errors.StartupError, 3),
        (errors.ImportFailed, 4),
        (errors.BindError, 5),
    ],
)
def test_a_start_that_fails_has_its_exit_code_and_a_hint(
    kind: type[errors.SetupError], exit_code: int
) -> None:
    """The codes are promised in the documentation of the command."""
    error = kind("seen", "do this")
    assert isinstance(error, errors.PenstockError)
    assert (str(error), error.hint, error.exit_code) == ("seen", "do this", exit_code)
    assert kind("seen").hint == ""


def test_a_peers_mistake_carries_what_to_answer() -> None:
    """Status or close code, the rule that was broken, and the option that would change it."""
    http = errors.HttpError(431, "too long", "RFC 6585 5", "limit_request_head")
    assert isinstance(http, errors.ProtocolError)
    assert (http.status, str(http)) == (431, "too long")
    assert (http.rule, http.option) == ("RFC 6585 5", "limit_request_head")
    websocket = errors.WebSocketError(1009, "too big")
    assert isinstance(websocket, errors.ProtocolError)
    assert (websocket.code, websocket.rule, websocket.option) == (1009, "", "")


def test_a_lost_client_is_an_oserror_of_its_own_class() -> None:
    """HTTP-DISC-06: applications catch OSError, the server knows its own."""
    assert issubclass(errors.ClientDisconnected, OSError)
    assert issubclass(errors.ClientDisconnected, errors.PenstockError)
    assert not issubclass(errors.MessageError, OSError)
