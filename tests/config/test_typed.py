"""What is made from the table is up to date, and says the types that values really have."""

import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

from penstock.config import Config
from penstock.config.options import OPTIONS
from penstock.config.typed import Keywords, Values

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_and_the_types_are_what_the_table_says() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/options_page.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_drift_is_noticed(tmp_path: Path) -> None:
    """A copy of the tree whose page was edited by hand fails the check."""
    for folder in ("tools", "src"):
        (tmp_path / folder).mkdir()
    (tmp_path / "tools/options_page.py").write_text((ROOT / "tools/options_page.py").read_text())
    (tmp_path / "src/penstock").symlink_to(ROOT / "src/penstock")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/options.md").write_text((ROOT / "docs/options.md").read_text() + "edited\n")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "tools/options_page.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "docs/options.md is not what the table says" in done.stdout


def test_the_types_name_every_option() -> None:
    names = [option.name for option in OPTIONS]
    assert set(Values.__slots__) == set(names)
    assert list(get_type_hints(Values)) == names
    assert {*get_type_hints(Keywords), "app"} == set(names)


@pytest.mark.parametrize("name", [option.name for option in OPTIONS if option.kind != "app"])
def test_the_default_has_the_type_that_is_promised(name: str) -> None:
    hint = str(get_type_hints(Values)[name])
    assert type(getattr(Config(), name)).__name__.replace("NoneType", "None") in hint or (
        "Literal" in hint and repr(getattr(Config(), name)) in hint
    )
