"""Paths: decoded once, never normalised, and nothing that could lead out of a folder gets through (A12)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.gateway.static_path import below, decode, segments


@pytest.mark.parametrize(
    "raw, path",
    [
        (b"/a/b.txt", "/a/b.txt"),
        (b"/a%20b", "/a b"),
        (b"/gr%C3%BC%c3%9f", "/grüß"),
        (b"/%25", "/%"),
        (b"/%2525", "/%25"),
        (b"/%E2%80%8D", "/\u200d"),
    ],
)
def test_a_path_is_decoded_once(raw: bytes, path: str) -> None:
    assert decode(raw) == (path, True)


@pytest.mark.parametrize(
    "raw",
    [
        b"/a%00", b"/a%00.txt", b"/a\x00", b"/%2fetc", b"/..%2f", b"/..%2F..%2Fx", b"/..%5c", b"/a\\b", b"/%5C",
        b"/%", b"/%2", b"/%zz", b"/%2 ", b"/% 2f", b"/%u002e",
        b"/%c0%ae", b"/%c0%af", b"/%e0%80%ae", b"/%f0%80%80%ae", b"/%ff", b"/%ed%a0%80",
        b"/%0a", b"/%0d%0a", b"/%7f", b"/%1b[2J", b"/%c2%85",
    ],
)  # fmt: skip
def test_what_no_file_may_be_called_is_not_clean(raw: bytes) -> None:
    """NUL, controls, slashes and backslashes in a name, broken escapes, and UTF-8 that is overlong or none."""
    assert decode(raw)[1] is False


def test_an_unclean_path_still_shows_its_route() -> None:
    """So that `/static%2f..` is refused by the folder's rule, and not handed to the application."""
    assert below(decode(b"/static%2f..")[0], "/static") == "/.."
    assert below(decode(b"/%73tatic/%00")[0], "/static") == "/\0"


@pytest.mark.parametrize(
    "path, route, rest",
    [
        ("/static/a", "/static", "/a"),
        ("/static/", "/static", "/"),
        ("/static", "/static", ""),
        ("/static../secret", "/static", None),
        ("/staticx", "/static", None),
        ("/stati", "/static", None),
        ("/STATIC/a", "/static", None),
        ("/a", "", "/a"),
        ("/", "", "/"),
    ],
)
def test_a_route_ends_where_a_name_ends(path: str, route: str, rest: str | None) -> None:
    assert below(path, route) == rest


@pytest.mark.parametrize(
    "rest, names",
    [
        ("/a", ["a"]),
        ("/a/b", ["a", "b"]),
        ("/", [""]),
        ("/a/", ["a", ""]),
        ("/a..b", ["a..b"]),
        ("/...", None),
        ("/..", None),
        ("/.", None),
        ("/a/..", None),
        ("/a/../b", None),
        ("/./a", None),
        ("//a", None),
        ("/a//b", None),
        ("/.env", None),
        ("/a/.git/config", None),
        ("/.well-known/security.txt", [".well-known", "security.txt"]),
        ("/a/.well-known/x", None),
    ],
)
def test_names_are_refused_rather_than_mended(rest: str, names: list[str] | None) -> None:
    assert segments(rest, hidden=False, windows=False) == names


def test_hidden_names_are_served_where_asked_for_dots_never() -> None:
    assert segments("/.env", hidden=True, windows=False) == [".env"]
    for path in ("/..", "/.", "/../x"):
        assert segments(path, hidden=True, windows=False) is None


@pytest.mark.parametrize(
    "name",
    ["C:", "c:evil", "a.txt::$DATA", "nul", "NUL", "con.txt", "aux.tar.gz", "com1", "LPT9.log", "com\xb9",
     "conin$", "a.", "a ", "a?", "a*", "a|b", "a<b", 'a"'],
)  # fmt: skip
def test_names_that_windows_takes_for_something_else_are_refused_there(name: str) -> None:
    """Drives, streams, devices, and endings that it drops; elsewhere they are names like others."""
    assert segments("/" + name, hidden=False, windows=True) is None
    assert segments("/" + name, hidden=False, windows=False) == [name]


@given(st.text("./%2eEfFcC05\\\0 ab:", max_size=30))
def test_whatever_comes_no_name_climbs(text: str) -> None:
    """A name that gets through is no `.`, no `..`, not empty but at the end, and holds no separator or NUL."""
    path, clean = decode(("/" + text).encode())
    names = segments(path, hidden=True, windows=False) if clean else None
    for place, name in enumerate(names or ()):
        assert name not in {".", ".."}
        assert name or place == len(names or ()) - 1
        assert not set(name) & set("/\\\0")
