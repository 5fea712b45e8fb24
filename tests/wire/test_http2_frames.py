"""Frames that are built seldom, read back by another library's parser."""

import hyperframe.frame as oracle
import pytest

from penstock.wire import http2_frames as frames


def parsed(data: bytes) -> oracle.Frame:
    frame, length = oracle.Frame.parse_frame_header(memoryview(data[:9]))
    assert length == len(data) - 9
    frame.parse_body(memoryview(data[9:]))
    return frame


def test_frames_are_what_another_parser_reads() -> None:
    """Section 6, one of each."""
    settings = parsed(frames.settings([(3, 100), (4, 65536)]))
    assert isinstance(settings, oracle.SettingsFrame)
    assert settings.settings == {3: 100, 4: 65536}
    reset = parsed(frames.rst_stream(7, 8))
    assert isinstance(reset, oracle.RstStreamFrame)
    assert (reset.stream_id, reset.error_code) == (7, 8)
    update = parsed(frames.window_update(0, 2**31 - 1))
    assert isinstance(update, oracle.WindowUpdateFrame)
    assert update.window_increment == 2**31 - 1
    ping = parsed(frames.ping(b"01234567", True))
    assert isinstance(ping, oracle.PingFrame)
    assert "ACK" in ping.flags
    goaway = parsed(frames.goaway(5, 11, "calm — down" + "x" * 1000))
    assert isinstance(goaway, oracle.GoAwayFrame)
    assert (goaway.last_stream_id, goaway.error_code) == (5, 11)
    assert goaway.additional_data.startswith(b"calm \\u2014 down")
    assert len(goaway.additional_data) == 200
    assert "ACK" in parsed(frames.SETTINGS_ACK).flags


@pytest.mark.parametrize(
    ("code", "name"), [(0, "NO_ERROR"), (13, "HTTP_1_1_REQUIRED"), (99, "error 0x63")]
)
def test_error_codes_have_names(code: int, name: str) -> None:
    assert frames.error_name(code) == name
