"""Masking of WebSocket frames, in both forms."""

from types import ModuleType

import pytest

from tests.twins import forms

each_twin = pytest.mark.parametrize("twin", forms("penstock.wire.mask"))


@each_twin
def test_masks(twin: ModuleType) -> None:
    """RFC 6455 section 5.7's example, and offsets into the key."""
    key = b"\x37\xfa\x21\x3d"
    assert twin.apply_mask(b"Hello", key, 0) == b"\x7f\x9f\x4d\x51\x58"
    assert twin.unmask(key + b"\x7f\x9f\x4d\x51\x58", 4, 9) == b"Hello"
    data = bytes(range(256)) * 3
    for offset in range(9):
        for size in range(40):
            wanted = bytes(byte ^ key[(offset + i) & 3] for i, byte in enumerate(data[:size]))
            assert twin.apply_mask(data[:size], key, offset) == wanted
            assert twin.unmask(b"ab" + key + data[:size] + b"c", 6, 6 + size) == twin.apply_mask(
                data[:size], key, 0
            )


@each_twin
def test_masks_that_are_none(twin: ModuleType) -> None:
    with pytest.raises(ValueError, match="four bytes"):
        twin.apply_mask(b"x", b"abc", 0)
    for start, end in ((3, 4), (4, 3), (4, 9), (-1, 5), (9, 9)):
        with pytest.raises(ValueError, match="no masked payload"):
            twin.unmask(b"key_data", start, end)
