"""Paths as ASGI wants them, and where a coroutine stands."""

import asyncio
import types
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.gateway.scope import (
    ROOT_PATH_AUTO,
    ROOT_PATH_KEPT,
    ROOT_PATH_STRIPPED,
    decode_path,
    where,
)


@pytest.mark.parametrize(
    ("raw", "root", "path"),
    [
        (b"/", "", "/"),
        (b"/a%20b", "", "/a b"),
        (b"/%2541", "", "/%41"),
        (b"/%ff%fe", "", "/\ufffd\ufffd"),
        (b"/a/../b//", "", "/a/../b//"),
        (b"*", "", "*"),
        (b"/x", "/mnt", "/mnt/x"),
        (b"/mnt", "/mnt", "/mnt"),
        (b"/mnt/x", "/mnt", "/mnt/x"),
        (b"/mntx", "/mnt", "/mnt/mntx"),
        (b"/%6Dnt/x", "/mnt", "/mnt/x"),
        (b"/caf%C3%A9/x", "/café", "/café/x"),
    ],
)
def test_paths_are_decoded_once_and_contain_the_root_once(raw: bytes, root: str, path: str) -> None:
    """HTTP-SCOPE-06 to HTTP-SCOPE-08, HTTP-SCOPE-14."""
    assert decode_path(raw, root, ROOT_PATH_AUTO) == path


@pytest.mark.parametrize(
    ("mode", "raw", "path"),
    [
        (ROOT_PATH_STRIPPED, b"/x", "/mnt/x"),
        (ROOT_PATH_STRIPPED, b"/mnt/x", "/mnt/mnt/x"),
        (ROOT_PATH_STRIPPED, b"/", "/mnt/"),
        (ROOT_PATH_KEPT, b"/mnt/x", "/mnt/x"),
        (ROOT_PATH_KEPT, b"/x", "/x"),
    ],
)
def test_what_the_proxy_did_to_the_path_may_be_said(mode: int, raw: bytes, path: str) -> None:
    """HTTP-SCOPE-14: an application under /mnt that has a path of its own named /mnt/..."""
    assert decode_path(raw, "/mnt", mode) == path


@given(st.text(alphabet=st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40))
def test_any_path_that_a_codec_lets_through_can_be_decoded(text: str) -> None:
    """And the root path is its prefix, exactly once (HTTP-SCOPE-07)."""
    raw = b"/" + text.encode("ascii")
    plain = decode_path(raw, "", ROOT_PATH_AUTO)
    mounted = decode_path(raw, "/mnt", ROOT_PATH_AUTO)
    assert mounted in {plain, "/mnt" + plain}
    assert mounted == "/mnt" or mounted.startswith("/mnt/")


def test_where_names_the_innermost_frames() -> None:
    """File, line and function, the one that waits last."""

    async def outer() -> None:
        await middle()

    async def middle() -> None:
        await inner()

    async def inner() -> None:
        await waits()

    @types.coroutine
    def waits() -> Any:
        yield

    coroutine = outer()
    assert where(coroutine).endswith(" outer")
    coroutine.send(None)
    place = where(coroutine)
    assert [part.rpartition(" ")[2] for part in place.split(" > ")] == ["middle", "inner", "waits"]
    assert "test_scope.py:" in place
    coroutine.close()
    assert where(coroutine) == "not started"
    assert where(None) == "not started"


def test_where_is_bounded() -> None:
    """Also for a chain that never ends."""

    class Loop:
        cr_frame = None

        @property
        def cr_await(self) -> Any:
            return self

    assert where(Loop()) == "not started"


def test_where_sees_through_what_asyncio_waits_for() -> None:
    """A task that sleeps stands in sleep."""

    async def test() -> None:
        task = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        assert " sleep" in where(task.get_coro())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(test())
