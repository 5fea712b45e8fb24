"""A stream's account, as it begins."""

from penstock.wire.http2_end import Http2End


def test_a_new_end() -> None:
    """Windows as given, default priority (RFC 9218 section 4), nothing waiting, and open."""
    end = Http2End()
    end.begin(5, 1, 1000, 2000)
    assert (end.id, end.state, end.send_window, end.receive_window) == (5, 1, 1000, 2000)
    assert (end.urgency, end.incremental) == (3, False)
    assert (end.open, end.waiting, end.items, end.owner) == (True, 0, None, None)
