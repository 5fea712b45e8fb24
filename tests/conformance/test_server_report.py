"""Values keep their Python types on their way from the probe."""

import enum
import json
from pathlib import Path

import pytest

from penstock.conformance.server_probe import encode
from penstock.conformance.server_report import Long, Other, decode, read


class Code(enum.IntEnum):
    ONE = 1


@pytest.mark.parametrize(
    "value", [None, True, 1, 1.5, "é\udcff", b"\x00\xff", [1, (2, b"3")], {"a": {b"b": [None]}}, ()]
)
def test_values_come_back_as_they_were(value: object) -> None:
    found = decode(json.loads(json.dumps(encode(value))))
    assert found == value and type(found) is type(value)


def test_foreign_types_are_told_from_asgis() -> None:
    found = decode(encode(Code.ONE))
    assert isinstance(found, Other) and found.bases[0] == "Code" and found.plain == 1
    assert decode(encode({1, 2})).items == [1, 2]
    assert isinstance(decode(encode(bytearray(b"x"))), Other)


def test_long_bytes_are_told_by_their_digest() -> None:
    found = decode(encode(bytes(5000)))
    assert isinstance(found, Long) and found.length == 5000


def test_what_is_still_being_written_is_not_read(tmp_path: Path) -> None:
    line = {
        "call": "1",
        "kind": "scope",
        "at": 1.0,
        "scope": encode({"type": "http"}),
        "again": ["list", []],
    }
    line |= {"loop": "1", "identity": 1, "pid": 1, "style": "positional"}
    note = {"call": "1", "kind": "note", "at": 2.0, "name": "n", "value": encode(b"v")}
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(line) + "\n" + json.dumps(note) + "\n" + json.dumps(note)[:9])
    (seen,) = read(path)
    assert (seen.scope, seen.notes("n"), seen.end) == ({"type": "http"}, [b"v"], None)
    assert read(tmp_path / "none.jsonl") == []
