"""Frames going out: RFC 6455 sections 5.2 and 7.4, WS-CLOSE-03 and 04."""

import pytest
import wsproto.frame_protocol as oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.errors import MessageError
from penstock.wire import websocket_frames as frames


@given(st.sampled_from([0x81, 0x82, 0x89, 0x8A]), st.integers(0, 70000))
@settings(deadline=None)
def test_what_we_write_is_read_by_another_implementation(first: int, size: int) -> None:
    size = min(size, 125) if first > 0x88 else size
    data = frames.frame_header(first, size) + b"x" * size
    peer = oracle.FrameProtocol(client=True, extensions=[])
    peer.receive_bytes(data)
    found = list(peer.received_frames())
    assert {each.opcode for each in found[:1]} == {first & 0x0F}
    assert (
        "".join(
            each.payload if isinstance(each.payload, str) else bytes(each.payload).decode()
            for each in found
        )
        == "x" * size
    )
    assert found[-1].message_finished


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1011, 1012, 1014, 3000, 4999])
def test_a_close_that_may_be_sent_is_encoded_with_its_reason(code: int) -> None:
    assert frames.close_payload(code, "é") == code.to_bytes(2, "big") + b"\xc3\xa9"


@pytest.mark.parametrize("code", [-1, 0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 70000])
def test_close_codes_that_must_not_be_sent_are_refused(code: int) -> None:
    """WS-CLOSE-04."""
    with pytest.raises(MessageError, match="close code"):
        frames.close_payload(code, "x")


def test_a_reason_that_does_not_fit_is_refused() -> None:
    """WS-CLOSE-03: it is counted in bytes of UTF-8."""
    assert len(frames.close_payload(1000, "é" * 61 + "x")) == 125
    with pytest.raises(MessageError, match="124 bytes"):
        frames.close_payload(1000, "é" * 62)
    with pytest.raises(MessageError, match="UTF-8"):
        frames.close_payload(1000, "\ud800")
