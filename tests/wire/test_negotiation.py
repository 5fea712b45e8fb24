"""Accept-Encoding and Accept (RFC 9110 section 12.5): which coding a client would rather have, and who opens a page."""

import time

import pytest

from penstock.wire.negotiation import accepted_codings, accepts_html

OFFERED = (b"br", b"zstd", b"gzip")


@pytest.mark.parametrize(
    "field, codings",
    [
        (b"gzip, deflate, br, zstd", [b"br", b"zstd", b"gzip"]),
        (b"gzip", [b"gzip"]),
        (b"GZip;Q=0.5", [b"gzip"]),
        (b"x-gzip", [b"gzip"]),
        (b"gzip;q=1.0, br;q=0.5", [b"gzip", b"br"]),
        (b"br ; q=0.8 , gzip ; q=0.9", [b"gzip", b"br"]),
        (b"gzip;q=0", []),
        (b"gzip;q=0.000, br", [b"br"]),
        (b"*", [b"br", b"zstd", b"gzip"]),
        (b"*;q=0.5, br;q=0", [b"zstd", b"gzip"]),
        (b"*;q=0", []),
        (b"*;q=0, gzip", [b"gzip"]),
        (b"identity, gzip;q=0.5", []),
        (b"identity;q=0.5, gzip;q=0.5", [b"gzip"]),
        (b"identity;q=0, gzip;q=0.1", [b"gzip"]),
        (b"identity", []),
        (b"deflate, compress", []),
        (b"", []),
        (b",,", []),
        (b"gzip;q=", []),
        (b"gzip;q=2", []),
        (b"gzip;q=0.1234", []),
        (b"gzip;q=-1", []),
        (b"gzip;level=9", []),
        (b"gzip;q=1.000", [b"gzip"]),
    ],
)
def test_codings_come_by_weight_then_by_our_own_liking(field: bytes, codings: list[bytes]) -> None:
    """Sections 12.4.2 and 12.5.3; no coding that is liked less than none."""
    assert list(accepted_codings(field, OFFERED)) == codings


def test_a_flood_of_codings_costs_little() -> None:
    """Only the first few count, however long the field is."""
    began = time.process_time()
    for _ in range(20):
        assert accepted_codings(b"x," * 30_000 + b"gzip", OFFERED) == ()
        assert not accepts_html(b"x/y," * 15_000)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "field, page",
    [
        (b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        (b"Text/HTML", True),
        (b"text/html;q=0.5", True),
        (b"text/html;level=1;q=0.5", True),
        (b"text/html;q=0", False),
        (b"*/*", False),
        (b"text/*", False),
        (b"application/json", False),
        (b"text/html5", False),
        (b"", False),
    ],
)
def test_only_who_names_html_opens_a_page(field: bytes, page: bool) -> None:
    """A script that fetches says */* or what it wants; a page load says text/html."""
    assert accepts_html(field) is page
