"""Names of files: media types, and hashes of the content."""

import re

import pytest

from penstock.gateway import static_types
from penstock.gateway.static_types import is_hashed, type_of


@pytest.mark.parametrize(
    "name, value, compressible",
    [
        ("index.html", b"text/html; charset=utf-8", True),
        ("APP.JS", b"text/javascript; charset=utf-8", True),
        ("m.mjs", b"text/javascript; charset=utf-8", True),
        ("a.css", b"text/css; charset=utf-8", True),
        ("notes.txt", b"text/plain; charset=utf-8", True),
        ("data.json", b"application/json", True),
        ("app.js.map", b"application/json", True),
        ("logo.svg", b"image/svg+xml", True),
        ("x.wasm", b"application/wasm", True),
        ("site.webmanifest", b"application/manifest+json", True),
        ("photo.JPG", b"image/jpeg", False),
        ("font.woff2", b"font/woff2", False),
        ("film.mp4", b"video/mp4", False),
        ("a.tar.gz", b"application/gzip", False),
        ("README", b"application/octet-stream", False),
        ("x.unknown", b"application/octet-stream", False),
        ("html", b"application/octet-stream", False),
        ("", b"application/octet-stream", False),
    ],
)
def test_the_ending_says_the_type(name: str, value: bytes, compressible: bool) -> None:
    kind = type_of(name)
    assert (kind.value, kind.compressible) == (value, compressible)


def test_every_type_is_well_formed() -> None:
    """type/subtype, and a charset only where it is text (RFC 9110 section 8.3)."""
    for ending, kind in static_types._TYPES.items():
        assert re.fullmatch(rb"[a-z]+/[a-z0-9.+-]+(; charset=utf-8)?", kind.value), ending
        assert (b"charset" in kind.value) == kind.value.startswith(b"text/"), ending


@pytest.mark.parametrize(
    "name",
    ["main.8e0d62a03.js", "app-55e7cbb9ba48.css", "index-BxK3_a9d.js", "x.0123456789abcdef0123456789abcdef.png",
     "vendor.8e0d62a0.chunk.js", "a-1A2B3C4D.js.map"],
)  # fmt: skip
def test_the_hash_of_a_bundler_is_seen(name: str) -> None:
    assert is_hashed(name)


@pytest.mark.parametrize(
    "name",
    ["index.html", "app.js", "jquery-validate.js", "report-20240101.pdf", "a.12345678.js", "jquery-3.7.1.min.js",
     "deadbeef.js", "app-deadbeef", "x-abcdefgh.css", "main.8e0d.js"],
)  # fmt: skip
def test_words_and_dates_are_no_hash(name: str) -> None:
    assert not is_hashed(name)
