"""The file-like objects of a WSGI environ."""

import gzip
import io
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import ClientDisconnected
from penstock.gateway.wsgi_input import EMPTY, ErrorStream, FileWrapper, WsgiInput, plain_file
from tests.wsgi_fakes import Bench


class Chunks:
    """A source of `WsgiInput`."""

    def __init__(self, *chunks: bytes) -> None:
        self.left = list(chunks)

    def take_body(self) -> bytes:
        return self.left.pop(0) if self.left else b""


calls = st.lists(
    st.tuples(
        st.sampled_from(["read", "readline", "readlines", "next"]),
        st.one_of(st.none(), st.integers(-1, 9)),
    ),
    max_size=12,
)


@given(
    st.lists(st.binary(min_size=1, max_size=6).map(lambda b: b.replace(b"\1", b"\n")), max_size=6),
    calls,
)
def test_reads_as_a_file_of_the_whole_body_would(
    chunks: list[bytes], script: list[tuple[str, int | None]]
) -> None:
    """PEP-05, WSGI-07: whatever the chunks were, each call gives what io.BytesIO gives."""
    ours, model = WsgiInput(Chunks(*chunks)), io.BytesIO(b"".join(chunks))
    for name, size in script:
        if name == "next":
            assert next(ours, b"") == next(model, b"")
        else:
            assert getattr(ours, name)(size) == getattr(model, name)(size)
    assert ours.read() == model.read()
    assert (ours.read(), ours.readline(), ours.readlines(), list(ours)) == (b"", b"", [], [])


def test_a_read_of_nothing_asks_for_nothing() -> None:
    """read(0) must not wait for a client."""
    source = Chunks(b"abc")
    assert (WsgiInput(source).read(0), WsgiInput(source).readline(0), len(source.left)) == (
        b"",
        b"",
        1,
    )


def test_the_empty_input_is_at_its_end_and_stays_there() -> None:
    """One object serves all requests without a body."""
    assert (EMPTY.read(), EMPTY.read(5), EMPTY.readline(), EMPTY.readlines(), list(EMPTY)) == (
        b"",
        b"",
        b"",
        [],
        [],
    )


def test_a_body_that_was_cut_raises_out_of_every_method() -> None:
    """C09, WSGI-18: never an orderly end."""

    class Cut:
        def take_body(self) -> bytes:
            raise ClientDisconnected("cut")

    for call in ("read", "readline", "readlines", "__next__"):
        with pytest.raises(OSError, match="cut"):
            getattr(WsgiInput(Cut()), call)()


def test_errors_are_logged_line_by_line() -> None:
    """PEP-06: a line is logged when it is whole, or flushed, or too long to wait for."""
    bench = Bench(None)
    errors = ErrorStream(bench.service)
    errors.write("one\ntw")
    errors.writelines(["o\n", "\n", "three"])
    bench.turn()
    assert bench.notes == [("error", "one"), ("error", "two")]
    errors.flush()
    errors.flush()
    errors.write("x" * 20_000)
    bench.turn()
    assert [len(text) for _, text in bench.notes[2:]] == [5, 8192, 8192]
    with pytest.raises(TypeError, match="str"):
        errors.write(b"x")


def test_file_wrapper_iterates_in_blocks_and_closes() -> None:
    """PEP-20: what PEP 3333 asks of it when it is read."""
    file = io.BytesIO(b"abcde")
    wrapper = FileWrapper(file, 2)
    assert list(wrapper) == [b"ab", b"cd", b"e"]
    wrapper.close()
    assert file.closed
    FileWrapper(object()).close()


def test_plain_files_are_known_with_their_position(tmp_path: Path) -> None:
    """The position is the file object's, not the descriptor's: a buffered reader has read ahead."""
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        file.read(3)
        assert plain_file(file) == (file.fileno(), 3, 7)
        file.seek(50)
        assert plain_file(file) == (file.fileno(), 50, 0)
    with path.open("rb", buffering=0) as raw:
        assert plain_file(raw) == (raw.fileno(), 0, 10)
    with path.open("r+b") as both:
        both.seek(0, 2)
        both.write(b"more")
        both.seek(0)
        assert plain_file(both) == (both.fileno(), 0, 14)


def test_what_only_looks_like_a_plain_file_is_none(tmp_path: Path) -> None:
    """Their descriptor holds other bytes than they give, or none, or moves."""
    path = tmp_path / "f.gz"
    path.write_bytes(gzip.compress(b"text"))
    with (
        gzip.open(path) as zipped,
        path.open(encoding="latin-1") as text,
        open("/dev/zero", "rb") as device,
        tempfile.SpooledTemporaryFile() as spooled,
        io.BufferedReader(gzip.open(path)) as hidden,  # type: ignore[arg-type]
    ):
        found: list[Any] = [
            plain_file(each)
            for each in (zipped, text, device, spooled, hidden, io.BytesIO(b"x"), object())
        ]
    assert found == [None] * 7
    closed = path.open("rb")
    closed.close()
    assert plain_file(closed) is None
