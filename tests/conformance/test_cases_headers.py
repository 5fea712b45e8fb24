"""Each case about request headers fails on a server that is wrong in just that."""

import re

import pytest

from tests.conformance.crooked import Crooked, Fault, header, unseen

pytestmark = pytest.mark.slow


def _mended(data: bytes) -> bytes:
    return re.sub(rb"\r\nX( A|-A |\(A\)|-A):[^\n]*\r\n\r\n", b"\r\n\r\n", data)


FAULTS = {
    "names_are_lower_case": header(lambda h: [(k.title(), v) for k, v in h]),
    "repeated_headers": header(lambda h: list(dict(h).items())),
    "order_of_values": header(lambda h: h[::-1]),
    "order_of_names": header(sorted),
    "values_are_exact": header(lambda h: [(k, v.replace(b"  ", b" ")) for k, v in h]),
    "no_host_is_invented": header(lambda h: [(b"host", b""), *h]),
    "cookies": header(lambda h: [(k, v.replace(b";", b",")) for k, v in h]),
    "content_length_is_visible": header(lambda h: [(k, v) for k, v in h if k != b"content-length"]),
    "bad_headers": Fault(to_server=_mended),
    "underscores": header(lambda h: [(k, v) for k, v in h if b"_" not in k]),
}


def test_each_case_passes_and_sees_its_fault(crooked: Crooked) -> None:
    assert unseen(crooked, "headers", FAULTS) == {}
