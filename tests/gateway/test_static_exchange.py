"""The conversation about a file: small ones in one go, large ones piece by piece, and whatever happens meanwhile."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from penstock.gateway.static_exchange import READ_BYTES_MAX
from tests.gateway.static_trial import FakeStream, Site

LARGE = os.urandom(READ_BYTES_MAX * 2) + b"and more"
HALF = len(LARGE) // 2


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path, "/s=")
    made.write("small", "small")
    made.write("large", LARGE)
    return made


def begun(
    site: Site, target: str, *headers: tuple[bytes, bytes], **more: Any
) -> tuple[Any, FakeStream]:
    """A started exchange on a stream that holds files."""
    stream = FakeStream(holds=True)
    exchange = site.begin(target, *headers, stream=stream, **more)
    exchange.start()
    return exchange, stream


def closed(exchange: Any, fd: int) -> bool:
    """Whether the exchange has let go of its file."""
    try:
        os.fstat(fd)
    except OSError:
        return exchange._file is None
    return False


def test_a_small_file_leaves_with_its_head(site: Site) -> None:
    """Read at once, and its descriptor is gone."""
    stream = FakeStream(holds=True)
    exchange = site.begin("/s/small", stream=stream)
    fd = exchange._file.fd
    exchange.start()
    assert (stream.files, stream.body_bytes, stream.ended, stream.dones) == (0, b"small", 1, 1)
    assert closed(exchange, fd)
    assert exchange.sent_bytes == 5


def test_a_large_file_goes_by_the_stream(site: Site) -> None:
    """The end comes with the last byte; nothing waits meanwhile."""
    exchange, stream = begun(site, "/s/large")
    fd = exchange._file.fd
    assert (stream.status, stream.ended, stream.dones) == (200, 0, 0)
    stream.sent()
    assert (stream.body_bytes, stream.ended, stream.dones) == (LARGE, 1, 1)
    assert closed(exchange, fd)
    assert exchange.sent_bytes == len(LARGE)


def test_parts_that_are_large_go_one_after_the_other(site: Site) -> None:
    asked = (b"range", b"bytes=0-%d,%d-" % (HALF - 2000, HALF))
    exchange, stream = begun(site, "/s/large", asked)
    stream.sent()
    assert (stream.files, stream.ended) == (2, 0)
    stream.sent()
    assert (stream.ended, stream.dones) == (1, 1)
    assert stream.get("content-length") == str(len(stream.body_bytes))
    assert exchange.sent_bytes == len(stream.body_bytes)
    assert LARGE[: HALF - 1999] in stream.body_bytes and LARGE[HALF:] in stream.body_bytes


def test_parts_that_are_small_leave_in_one_go(site: Site) -> None:
    _, stream = begun(site, "/s/large", (b"range", b"bytes=0-4,9000-9004"))
    assert (stream.files, stream.ended) == (0, 1)
    assert LARGE[9000:9005] in stream.body_bytes


def test_a_stream_that_is_done_at_once_needs_no_wait(site: Site) -> None:
    stream = site.get("/s/large", (b"range", b"bytes=0-%d,%d-" % (HALF - 2000, HALF)))
    assert (stream.files, stream.dones) == (2, 1)


def test_head_touches_no_content(site: Site) -> None:
    exchange, stream = begun(site, "/s/large", method="HEAD")
    assert (stream.files, stream.ended, stream.dones) == (0, 1, 1)
    assert stream.get("content-length") == str(len(LARGE))
    assert exchange._file is None


def test_a_client_that_leaves_ends_it(site: Site) -> None:
    """The rest is not sent, the descriptor is closed when the stream needs it no more, and the call ends once."""
    exchange, stream = begun(site, "/s/large", (b"range", b"bytes=0-%d,%d-" % (HALF - 2000, HALF)))
    fd = exchange._file.fd
    exchange.on_disconnect("lost", True)
    assert not closed(exchange, fd), "the stream may still use it"
    stream.lost(exchange)
    assert (stream.files, stream.dones) == (1, 1)
    assert closed(exchange, fd)


def test_a_client_that_only_ends_its_side_gets_it_all(site: Site) -> None:
    """P04: a FIN is no death, and a shutdown's word is no end."""
    exchange, stream = begun(site, "/s/large")
    exchange.on_disconnect("eof", False)
    exchange.on_shutdown()
    stream.sent()
    assert (stream.body_bytes, stream.ended) == (LARGE, 1)


def test_a_request_refused_before_its_start_leaves_no_descriptor(site: Site) -> None:
    """While it waits for a free place its client may leave; or the connection drops it without a word."""
    exchange = site.begin("/s/large")
    fd = exchange._file.fd
    exchange.on_disconnect("lost", True)
    assert closed(exchange, fd)
    dropped = site.begin("/s/large")
    fd = dropped._file.fd
    del dropped
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_a_body_that_comes_along_means_nothing(site: Site) -> None:
    """A GET with a body is answered as one without; the connection reads the body off."""
    exchange, stream = begun(site, "/s/large", content_length=10)
    exchange.on_body(b"12345", False)
    exchange.on_body(b"67890", True)
    assert exchange.buffered == 0
    stream.sent()
    assert stream.body_bytes == LARGE


def test_a_small_file_that_shrinks_before_its_head_has_left_is_503(site: Site) -> None:
    """Nothing of the old answer has been said yet, so nothing is broken."""
    stream = FakeStream()
    exchange = site.begin("/s/small", stream=stream)
    os.truncate(site.folder / "small", 2)
    exchange.start()
    assert (stream.status, stream.get("retry-after"), exchange.status) == (503, "1", 503)
    assert stream.get("content-length") == str(len(stream.body_bytes))
    assert (stream.ended, stream.dones) == (1, 1)


def test_a_small_file_that_grows_is_sent_as_long_as_it_was(site: Site) -> None:
    stream = FakeStream()
    exchange = site.begin("/s/small", stream=stream)
    with (site.folder / "small").open("a") as file:
        file.write(" and more")
    exchange.start()
    assert (stream.get("content-length"), stream.body_bytes) == ("5", b"small")


def test_a_file_that_cannot_be_read_is_503_and_told(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    stream = FakeStream()
    exchange = site.begin("/s/small", stream=stream)
    with monkeypatch.context() as patched:
        patched.setattr(os, "pread", fail)
        exchange.start()
    assert stream.status == 503
    assert "Input/output error" in site.notes[0][1]


def test_it_says_where_it_stands(site: Site) -> None:
    """For the log of what a shutdown cut."""
    exchange, stream = begun(site, "/s/large")
    exchange.on_deadline(5.0)
    exchange.on_writable()
    assert "static file" in exchange.where()
    assert exchange.cancel() == exchange.where()
    stream.lost(exchange)
    assert stream.dones == 1
