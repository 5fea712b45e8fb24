"""The numbers of endings and events, and their names in logs."""

from penstock.gateway import endings


def test_every_number_has_its_name() -> None:
    """In the order of the numbers."""
    assert endings.ENDINGS[endings.COMPLETE] == "complete"
    assert endings.ENDINGS[endings.CLIENT_GONE] == "client-gone"
    assert endings.ENDINGS[endings.TIMEOUT] == "timeout"
    assert endings.ENDINGS[endings.RESET] == "reset"
    assert endings.ENDINGS[endings.APP_ERROR] == "app-error"
    assert endings.ENDINGS[endings.UNDER_WAY] == "under-way"
    assert endings.EVENTS[endings.REQUEST] == "request"
    assert endings.EVENTS[endings.STREAM_START] == "stream-start"
    assert endings.EVENTS[endings.WEBSOCKET_OPEN] == "websocket-open"
    assert endings.EVENTS[endings.WEBSOCKET_CLOSE] == "websocket-close"
