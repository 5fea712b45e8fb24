"""One line of the JSON log: both forms write the same, and neither lets through what needs an escape."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.observe.json_line import json_line as used
from tests.twins import pure

pure_line = pure("penstock.observe.json_line").json_line
NAMES = (
    "second", "millisecond", "event", "who", "method", "path", "query", "version", "more", "status",
    "bytes_in", "bytes_out", "duration_us", "first_byte_us", "ended", "id_head", "id_tail",
    "traceparent", "user_agent", "worker", "escaped",
)  # fmt: skip
OUTSIDE = ("method", "path", "query", "version", "id_head", "traceparent", "user_agent")
USUAL: dict[str, Any] = {
    "second": "2026-11-22T11:16:02", "millisecond": 7, "event": "request",
    "who": '"client":"::1","client_port":5', "method": "GET", "path": "/", "query": "a=b",
    "version": "1.1", "more": "", "status": 200, "bytes_in": 0, "bytes_out": 9, "duration_us": 10,
    "first_byte_us": 1, "ended": "complete", "id_head": "abc-", "id_tail": "1", "traceparent": "",
    "user_agent": "curl/8", "worker": "77", "escaped": False,
}  # fmt: skip


def written(line: Any, **changes: Any) -> Any:
    values = USUAL | changes
    return line(*(values[name] for name in NAMES))


@pytest.mark.parametrize("line", [used, pure_line])
def test_what_needs_an_escape_is_not_written_as_it_is_x06(line: Any) -> None:
    for name in OUTSIDE:
        for bad in ('"', "\\", "\n", "\x7f", "\0", "\xe9", "\u20ac", "a" * 5000 + "\t"):
            assert written(line, **{name: bad}) == "", (name, bad)
        assert json.loads(written(line, **{name: "~ !" * 3000}))["event"] == "request"


@pytest.mark.parametrize("line", [used, pure_line])
def test_no_part_may_be_anything_but_ascii(line: Any) -> None:
    for name in ("second", "event", "who", "more", "ended", "id_tail", "worker"):
        with pytest.raises(ValueError, match="not ASCII"):
            written(line, **{name: "\xe9"})
    with pytest.raises(ValueError, match="not ASCII"):
        written(line, path="\xe9", escaped=True)


counts = st.integers(0, (1 << 63) - 1)


@given(
    st.fixed_dictionaries({name: st.text(max_size=30) for name in OUTSIDE}),
    st.fixed_dictionaries(
        dict.fromkeys(("bytes_in", "bytes_out", "duration_us", "first_byte_us"), counts)
    ),
    st.integers(0, 999),
    st.booleans(),
)
def test_both_forms_write_the_same(
    texts: dict[str, str], numbers: dict[str, int], millisecond: int, escaped: bool
) -> None:
    if escaped:
        texts = {name: json.dumps(value)[1:-1] for name, value in texts.items()}
    changes = {**texts, **numbers, "millisecond": millisecond, "escaped": escaped}
    line = written(used, **changes)
    assert line == written(pure_line, **changes)
    if line:
        assert json.loads(line)["bytes_in"] == numbers["bytes_in"]
