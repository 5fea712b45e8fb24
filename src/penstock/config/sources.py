"""Where values come from: defaults < TOML file < environment < flags.

The file is `penstock.toml`, or the table `[tool.penstock]` of `pyproject.toml`, in the current
folder, or the one that `--config` names. The environment is `PENSTOCK_<OPTION>`, and below it the
variables that platforms set: `WEB_CONCURRENCY`, `PORT`, `FORWARDED_ALLOW_IPS`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from penstock.config.config import ENVIRONMENT, FILE, GIVEN, Config, Setting, Source
from penstock.config.nearest import nearest
from penstock.config.options import BY_NAME, OPTIONS
from penstock.errors import UsageError

CONFIG_VARIABLE = "PENSTOCK_CONFIG"
# Variables with the prefix that are not options: what the build reads
_NOT_OPTIONS = frozenset({CONFIG_VARIABLE, "PENSTOCK_COMPILE"})
_BY_KEY = {option.toml: option for option in OPTIONS}
# The ways to write a key below `tool.penstock`: [tool.penstock], tool.penstock.port = 1, [tool] with
# penstock.port = 1 below, tool = {penstock = ...}. Matches more than these, and none less.
_MAY_HAVE_TABLE = re.compile(rb"""tool['"]?[ \t]*(?:\.[ \t]*['"]?penstock|[]=])""")


def load(
    flags: Mapping[str, tuple[object, str]],
    environ: Mapping[str, str],
    folder: str | os.PathLike[str],
    config_file: str = "",
) -> tuple[Config, list[str]]:
    """Return the Config of all sources, and notes for the user (near misses that change nothing).

    `flags` maps an option's name to its raw value and the flag as it was written. `config_file` is
    what `--config` names; "" looks into `folder`, "none" reads no file. UsageError says which
    source holds what is wrong.
    """
    settings = list(_file(config_file or environ.get(CONFIG_VARIABLE, ""), os.fspath(folder)))
    settings += _environment(environ)
    settings += [
        Setting(BY_NAME[name], raw, Source(GIVEN, flag)) for name, (raw, flag) in flags.items()
    ]
    return Config.of(settings), list(_near_misses(environ))


def _environment(environ: Mapping[str, str]) -> Iterator[Setting]:
    for option in OPTIONS:
        # The strongest comes first in the table, and among equals the last one counts
        for variable in reversed(option.environment):
            # Set but empty is how compose files and shells say "not set"
            if environ.get(variable):
                yield Setting(option, environ[variable], Source(ENVIRONMENT, f"${variable}"))


def _near_misses(environ: Mapping[str, str]) -> Iterator[str]:
    known = {variable for option in OPTIONS for variable in option.environment} | _NOT_OPTIONS
    for variable in environ:
        if variable.startswith("PENSTOCK_") and variable not in known:
            close = nearest(variable, known, cutoff=0.9)
            if close:
                yield f"${variable} is no option and has no effect; did you mean ${close}?"


def _file(config_file: str, folder: str) -> Iterator[Setting]:
    if config_file == "none":
        return
    path = _named(config_file, folder) if config_file else _found(folder)
    if path is None:
        return
    document = _parse(path)
    name = os.path.basename(path)
    shown = config_file or name
    if name == "pyproject.toml":
        table = document.get("tool", {}).get("penstock", {})
        shown = f"{shown} [tool.penstock]"
    else:
        table = document
    if not isinstance(table, dict):
        raise UsageError(f"{shown} is no table", "write [tool.penstock], then one option a line")
    seen: dict[str, str] = {}
    for key, raw in table.items():
        option = _BY_KEY.get(key.replace("_", "-"))
        if option is None:
            close = nearest(key, _BY_KEY)
            raise UsageError(
                f"{shown}: there is no option {key!r}",
                f"did you mean {close}?" if close else "docs/options.md lists all of them",
            )
        if option.name in seen:
            raise UsageError(f"{shown}: {seen[option.name]} and {key} are the same", "remove one")
        seen[option.name] = key
        yield Setting(option, raw, Source(FILE, f"{shown}: {key}"))


def _named(config_file: str, folder: str) -> str:
    path = os.path.join(folder, config_file)
    if path.endswith(".py") or config_file.startswith("python:"):
        raise UsageError(
            f"--config {config_file}: gunicorn's Python configuration is not read",
            "write its options into penstock.toml under the names in docs/options.md",
        )
    if not os.path.isfile(path):
        raise UsageError(f"--config {config_file}: there is no such file, seen from {folder}")
    return path


def _found(folder: str) -> str | None:
    own, shared = os.path.join(folder, "penstock.toml"), os.path.join(folder, "pyproject.toml")
    has_own = os.path.isfile(own)
    if not os.path.isfile(shared) or not _MAY_HAVE_TABLE.search(_read(shared)):
        return own if has_own else None  # most pyproject.toml: not worth a TOML parser's start
    in_shared = "penstock" in _parse(shared).get("tool", {})
    if has_own and in_shared:
        raise UsageError(
            "penstock.toml and [tool.penstock] in pyproject.toml are both here",
            "keep one, or choose with --config FILE",
        )
    return own if has_own else shared if in_shared else None


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _parse(path: str) -> dict[str, Any]:
    import tomllib  # only who has a file pays for it

    try:
        return tomllib.loads(_read(path).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{os.path.basename(path)} is no valid TOML: {error}") from None
