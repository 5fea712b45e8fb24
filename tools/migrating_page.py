"""Print what `penstock migrate` does with each setting, from its tables, into docs/migrating.md.

python tools/migrating_page.py            write what stands below the mark in docs/migrating.md
python tools/migrating_page.py --check    change nothing; exit 1 if it is not up to date
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from penstock.bridge.migration import SERVERS  # noqa: E402 - the checkout's own, not an installed one
from penstock.bridge.rules import Server  # noqa: E402

PAGE = ROOT / "docs" / "migrating.md"
MARK = "<!-- From here on made by tools/migrating_page.py from src/penstock/bridge: change it there. -->\n"
_NAMES = {"uwsgi": "uWSGI", "unit": "NGINX Unit"}


def tables() -> str:
    """A heading and a table for each server."""
    return "".join(_table(server) for server in SERVERS)


def _table(server: Server) -> str:
    rows = [
        f"| `{setting.name}` | {_flags(setting.spec)} | {setting.rule.page.replace('|', chr(92) + '|')} |\n"
        for setting in server.settings
    ]
    name = _NAMES.get(server.name, server.name)
    return f"\n## {name}\n\n| setting | flags | here |\n| --- | --- | --- |\n{''.join(rows)}"


def _flags(spec: str) -> str:
    spellings = spec.rstrip("=?").replace("/", ",").split(",")
    return ", ".join(f"`{spelling}`" for spelling in spellings if spelling)


def main(arguments: list[str]) -> int:
    """Write the page, or with --check compare it; return the exit code."""
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    text = PAGE.read_text(encoding="utf-8")
    head, mark, _ = text.partition(MARK)
    if not mark:
        print(f"{PAGE.relative_to(ROOT)} lacks the line {MARK.strip()}")
        return 1
    made = head + MARK + tables()
    if made == text:
        return 0
    if arguments:
        print(f"{PAGE.relative_to(ROOT)} is not what the tables say: run {Path(__file__).name}")
        return 1
    PAGE.write_text(made, encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
