"""Print what follows from the table of options, so that it cannot drift from it.

python tools/options_page.py            write docs/options.md and src/penstock/config/typed.py
python tools/options_page.py --check    change nothing; exit 1 if one of them is not up to date
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from penstock.cli.foreign import FOREIGN, Foreign  # noqa: E402 - the checkout's own, not an installed one
from penstock.config.kinds import KINDS, Option  # noqa: E402
from penstock.config.options import OPTIONS  # noqa: E402

PAGE_HEAD = """\
# Options

<!-- Made by tools/options_page.py from src/penstock/config/options.py: change it there. -->

Every option can be given in these places; later ones win ([configuration.md](configuration.md) says more):

1. the default;
2. `penstock.toml`, or `[tool.penstock]` in `pyproject.toml`, in the current folder
   (`--config FILE` or `$PENSTOCK_CONFIG` names another file, `--config none` reads none);
3. the environment: `PENSTOCK_` and the option's name in capitals, and the variables named below
   that platforms set; `--env-file FILE` adds to it what is not set there;
4. flags on the command line.

In Python, `penstock.run(app, port=8080, timeout_keep_alive="75s")` takes the same names as keywords
and reads neither file nor environment (`env_file=` adds to the environment there, too).

| in | it is written |
| --- | --- |
| the command line | `--timeout-keep-alive 75s` |
| TOML | `timeout-keep-alive = "75s"` |
| the environment | `PENSTOCK_TIMEOUT_KEEP_ALIVE=75s` |
| Python | `timeout_keep_alive="75s"` |

**Durations** are seconds, or a number with `us`, `ms`, `s`, `m`, `h`, `d`: `250ms`, `30s`, `1h30m`.
**Sizes** are bytes, or a number with `KiB`, `MiB`, `GiB`: `64KiB`. `none` means no limit, where an
option allows it. **On or off** is `--access-log` or `--no-access-log` on the command line, elsewhere
`true` or `false`. **Lists** are repeated flags, TOML lists, and in the environment one text with
spaces or commas between the parts (`header`: one line each; files: as in `$PATH`).

Addresses to listen on come from the strongest place that names any, so `--bind` or `--port` overrides
`$PORT`. Where `$PORT` does set the port, the host is `0.0.0.0` unless one is given.

What is no option, and what is no value of one, is refused (exit code 2), never ignored.

Exit codes: 0 clean end, 2 usage, 3 the application failed to start, 4 it could not be imported, 5 an
address could not be bound.
"""

TYPED_HEAD = '''\
"""The types of all options. Made by tools/options_page.py from the table in `options`: change it there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypedDict

from penstock.config.mounts import Mount

'''


def page() -> str:
    """The text of docs/options.md."""
    groups: dict[str, list[Option]] = {}
    for option in OPTIONS:
        groups.setdefault(option.group, []).append(option)
    parts = [PAGE_HEAD]
    for group, options in groups.items():
        parts.append(f"\n## {group}\n")
        parts += [_entry(option) for option in options]
    parts.append(
        "\n## Flags of other servers\n\n"
        "What is not listed here and not above is refused with the name that is most like it.\n\n"
        "| flag | of | here |\n| --- | --- | --- |\n"
    )
    parts += [_row(foreign) for foreign in FOREIGN]
    return "".join(parts)


def _entry(option: Option) -> str:
    flags = [option.spelling, *option.aliases]
    if option.kind == "flag" and option.name != "ws_per_message_deflate":
        flags.insert(1, f"--no-{option.toml}")
    elif option.kind == "flag":
        flags[0] += " BOOL"
        flags.insert(1, f"--no-{option.toml}")
    elif option.kind != "app":
        flags[0] += f" {KINDS[option.kind].metavar}"
    default = option.show(option.default)
    if option.name == "host":
        default += "; 0.0.0.0 if $PORT sets the port"
    lines = [
        f"\n### `{option.name}`\n",
        f"\n{option.help[0].upper()}{option.help[1:]}.\n",
        f"\n- flags: {', '.join(f'`{flag}`' for flag in flags)}",
        f"\n- environment: {', '.join(f'`{variable}`' for variable in option.environment)}",
        f"\n- TOML: `{option.toml}`",
        f"\n- unit or form: {option.measure.replace('|', 'or')}{', or none' if option.optional else ''}",
        f"\n- default: {default}",
        f"\n- why: {option.reason}\n",
    ]
    return "".join(lines)


def _row(foreign: Foreign) -> str:
    here = foreign.instead
    for value, note in foreign.harmless.items():
        here += f"; `{value}` is accepted: {note}"
    flags = ", ".join(f"`{flag}`" for flag in foreign.flags)
    return f"| {flags} | {foreign.server} | {here.replace('|', chr(92) + '|')} |\n"


def typed() -> str:
    """The text of src/penstock/config/typed.py."""
    names = "".join(f'        "{option.name}",\n' for option in sorted(OPTIONS))
    values = "".join(f"    {option.name}: {option.annotation}\n" for option in OPTIONS)
    keywords = "".join(
        f"    {option.name}: {option.accepts}\n" for option in OPTIONS if option.kind != "app"
    )
    return (
        f"{TYPED_HEAD}\n"
        'class Values:\n    """What Config holds: seconds as float, bytes as int, None for no limit."""\n\n'
        f"    __slots__ = (\n{names}    )\n\n{values}\n\n"
        "class Keywords(TypedDict, total=False):\n"
        '    """What Config, run, serve and Server take by keyword, besides the application."""\n\n'
        f"{keywords}"
    )


MADE = {
    ROOT / "docs" / "options.md": page,
    ROOT / "src" / "penstock" / "config" / "typed.py": typed,
}


def main(arguments: list[str]) -> int:
    """Write the files, or with --check compare them; return the exit code."""
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    stale = 0
    for path, make in MADE.items():
        text = make()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if arguments:
            print(f"{path.relative_to(ROOT)} is not what the table says: run {Path(__file__).name}")
            stale = 1
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return stale


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
