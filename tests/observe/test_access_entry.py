"""The names of what a detailed access log notes."""

from penstock.observe.access_entry import Entry
from tests.observe.entries import PLAIN, entry


def test_a_noted_tuple_gets_its_names_back() -> None:
    """In the order in which `note` writes them."""
    assert Entry._make(entry(status=404)).status == 404
    assert len(entry()) == len(Entry._fields)


def test_the_target_is_path_and_query() -> None:
    assert PLAIN.target == "/a%20b?q=1"
    assert PLAIN._replace(query="").target == "/a%20b"
