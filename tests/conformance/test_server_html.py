"""The page: nothing from elsewhere, nothing unescaped, a column for each server."""

import re
from html.parser import HTMLParser

from penstock.conformance.server_html import page
from tests.conformance.test_server_output import one_run


class Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.links += [found[key] or "" for key in ("href", "src") if key in found]
        self.ids += [found["id"] or ""] if "id" in found else []


def test_the_page_needs_nothing_else_and_its_links_lead_somewhere() -> None:
    seen = Seen()
    seen.feed(page([one_run("one"), one_run("two")]))
    assert seen.tags.count("script") == 1  # ours
    assert all(link.startswith("#") for link in seen.links)
    assert {link[1:] for link in seen.links} <= set(seen.ids)


def test_each_server_has_a_column_and_its_findings() -> None:
    text = page([one_run("one"), one_run("two")])
    assert re.search(r">one</th><th[^>]*>two</th>", text)
    assert "one 1.0: 3 findings" in text and "&lt;script&gt;alert" in text
