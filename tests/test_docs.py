"""The documents do not drift from the tree: links lead somewhere, named tests and modules exist."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])
# Those that say MUST, in the parts that docs/rfc9113.md is about.
SECTIONS = {
    "RFC 9113": "3.2 3.3 3.4 4.1 4.2 4.3 4.3.1 5.1 5.1.1 5.1.2 5.2.1 5.2.2 5.4 5.4.1 5.4.2 5.5 6.1 6.2 "
    "6.3 6.4 6.5 6.5.2 6.5.3 6.6 6.7 6.8 6.9 6.9.1 6.9.2 6.9.3 6.10 7 8.1 8.1.1 8.2 8.2.1 8.2.2 8.2.3 "
    "8.3 8.3.1 8.3.2 8.4 8.4.1 8.4.2 8.5 8.7",
    "RFC 7541": "2.1 2.3.2 2.3.3 3.2 4.2 5.1 5.2 6.1 6.2.3 6.3 7.1.3",
}
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def known() -> set[str]:
    """The names of all tests."""
    files = (ROOT / "tests").rglob("test_*.py")
    return {name for file in files for name in re.findall(r"def (test_\w+)", file.read_text())}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Files and headings of this repository; addresses elsewhere are not asked."""
    dead = []
    for target, anchor in LINK.findall(page.read_text()):
        if re.match(r"\w+:", target):
            continue
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            dead.append(f"{target}#{anchor}")
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tests_that_are_named_exist(page: Path) -> None:
    """Who says that a test shows it must name one."""
    named = set(re.findall(r"`(test_\w+)`", page.read_text()))
    assert named - known() == set()


@pytest.mark.parametrize("rfc", SECTIONS)
def test_every_duty_is_held_by_tests_that_are_named_by_its_section(rfc: str) -> None:
    """docs/rfc9113.md: or the row says why there is none; and no section is left out."""
    page = (ROOT / "docs/rfc9113.md").read_text()
    part = page.split(f"\n## {rfc}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([\d., ]+) \| (.+) \| (.+) \|$", part, re.MULTILINE)
    assert len(rows) == part.count("\n|") - 2
    wrong = []
    for numbers, duty, held in rows:
        names = re.findall(r"`(test_\w+)`", held)
        own = [f"_{number.replace('.', '_')}_" for number in numbers.split(", ")]
        if held != "client's" and not held.startswith("not applicable, because "):
            if not names or held != " ".join(f"`{name}`" for name in names):
                wrong.append(f"{numbers} {duty}: what holds it?")
            elif not any(number in name for number in own for name in names):
                wrong.append(f"{numbers} {duty}: no test is named by its section")
    assert wrong == []
    found = {number for numbers, _, _ in rows for number in numbers.split(", ")}
    assert found == set(SECTIONS[rfc].split())


def test_every_choice_has_its_line() -> None:
    """Each test of tests/test_choices.py stands in docs/asgi.md."""
    found = re.findall(
        r"^def (test_\w+)", (ROOT / "tests/test_choices.py").read_text(), re.MULTILINE
    )
    page = (ROOT / "docs/asgi.md").read_text()
    assert [name for name in found if f"`{name}`" not in page] == []


def test_the_architecture_names_every_room_and_only_modules_that_exist() -> None:
    """ARCHITECTURE.md is written from the code as it is."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    source = ROOT / "src/penstock"
    rooms = [path.name for path in source.iterdir() if (path / "__init__.py").exists()]
    assert [room for room in rooms if f"{room}/" not in text] == []
    named = re.findall(r"`((?:\w+/)+\w+\.(?:pyx|py))`", text)
    assert [
        name for name in named if not ((source / name).exists() or (ROOT / name).exists())
    ] == []
