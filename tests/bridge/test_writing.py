"""The text that is written: TOML that reads back as what was meant."""

import tomllib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.bridge import writing
from penstock.bridge.draft import Draft
from penstock.config.options import BY_NAME

PLAIN = st.text(st.characters(exclude_categories=("Cs",)), max_size=9)
VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(-(2**40), 2**40), PLAIN),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(PLAIN, inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.dictionaries(PLAIN, VALUES, max_size=4), PLAIN, PLAIN)
def test_what_is_written_reads_back(table: dict[str, Any], word: str, note: str) -> None:
    """Any text, also with quotes, control characters and line ends; in notes it cannot break out."""
    draft = Draft("x", {})
    draft.put("log_config", table, "x", note)
    draft.put("name", f"n{word}".replace("\0", ""), "x", note)
    draft.leave(word, note)
    draft.spare(word, note)
    draft.remarks.append(note)
    document = tomllib.loads(writing.text(draft, ["here"]))
    assert document == {"name": f"n{word}".replace("\0", ""), "log-config": table}


def test_options_stand_in_the_order_of_the_table_with_their_groups() -> None:
    draft = Draft("x", {})
    for name, value in (("workers", 2), ("port", 80), ("app", "a:b")):
        draft.put(name, value, "x", "why" if name == "port" else "")
    lines = writing.text(draft, ["a", "b"]).splitlines()
    assert lines[0] == "# Made by `penstock migrate` from a, b, of x."
    assert lines[3:] == [
        "# Application", 'app = "a:b"', "", "# Where to listen", "port = 80  # why", "",
        f"# {BY_NAME['workers'].group}", "workers = 2",
    ]  # fmt: skip


def test_what_has_no_counterpart_stands_below_tables_as_comments() -> None:
    draft = Draft("x", {})
    draft.put("log_config", {"version": 1, "nothing": None, "root": {"handlers": ["a"]}}, "x")
    draft.leave("statsd = 1", "metrics are not built yet " * 6)
    lines = writing.text(draft, ["a"]).splitlines()
    at = lines.index("[log-config]")
    assert lines[at : at + 5] == ["[log-config]", "version = 1", "", "[log-config.root]",
                                  'handlers = ["a"]']  # fmt: skip
    assert "# Without a counterpart:" in lines[at:]
    assert all(len(line) <= 100 for line in lines)
