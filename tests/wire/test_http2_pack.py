"""Frames of every request and answer, in both forms."""

from types import ModuleType

import pytest

from penstock.wire import http2_frames as frames
from tests.twins import forms

each_twin = pytest.mark.parametrize("twin", forms("penstock.wire.http2_pack"))


@each_twin
def test_4_1_frame_headers(twin: ModuleType) -> None:
    """Read and written alike, to the ends of each number."""
    for size, kind, flags, stream in (
        (0, 0, 0, 0),
        (16384, 1, 5, 2**31 - 1),
        (2**24 - 1, 255, 255, 2**32 - 1),
    ):
        header = twin.pack_frame(size, kind, flags, stream)
        assert len(header) == 9
        high, low, *rest = twin.unpack_frame(b"xx" + header + b"y", 2)
        assert (high << 8 | low, *rest) == (size, kind, flags, stream)
    assert twin.pack_frame(2, 0, 1, 3) + b"ab" == frames.frame(0, 1, 3, b"ab")


@each_twin
def test_whole_answers(twin: ModuleType) -> None:
    """HEADERS and DATA, the last of them with END_STREAM."""
    for data in (b"a", b"x" * 300, b"y" * 16384):
        assert twin.whole_answer(5, b"block", data) == frames.frame(
            1, 4, 5, b"block"
        ) + frames.frame(0, 1, 5, data)
    assert twin.whole_answer(5, b"block", b"") == frames.frame(1, 5, 5, b"block")
