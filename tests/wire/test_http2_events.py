"""The numbers of a session's events."""

from penstock.wire import http2_events as events


def test_events_are_told_apart_and_from_nothing() -> None:
    """`while event := session.next()` ends at NEED_MORE."""
    names = ("NEED_MORE", "REQUEST", "REFUSED", "DATA", "RESET", "GOAWAY")
    assert [getattr(events, name) for name in names] == list(range(6))
