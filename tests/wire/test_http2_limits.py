"""Limits of a connection."""

from penstock.wire.http2_limits import Http2Limits


def test_defaults_are_what_the_contract_says() -> None:
    """RFC 9113 section 6.5.2 where it has any; bounded everywhere."""
    limits = Http2Limits()
    assert (limits.streams_max, limits.frame_max) == (100, 16384)
    assert (limits.stream_window, limits.stream_window_max) == (65535, 1 << 20)
    assert (limits.connection_window, limits.connection_window_max) == (1 << 20, 4 << 20)
    assert (limits.stream_queue_max, limits.connection_queue_max) == (65536, 1 << 20)
    assert Http2Limits(streams_max=5).streams_max == 5
