"""Where values come from: defaults < TOML file < environment < flags.

The environment is `PENSTOCK_<OPTION>`, and below it the variables that platforms set
(`WEB_CONCURRENCY`, `PORT`, `FORWARDED_ALLOW_IPS`). The files of `--env-file` add to it what is not
set there, for the options and for the application.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import NamedTuple

from penstock.config import files
from penstock.config.config import ENVIRONMENT, FILE, GIVEN, Config, Setting, Source
from penstock.config.nearest import nearest
from penstock.config.options import BY_NAME, OPTIONS
from penstock.errors import UsageError

CONFIG_VARIABLE = "PENSTOCK_CONFIG"
# Variables with the prefix that are not options: what the build reads
_NOT_OPTIONS = frozenset({CONFIG_VARIABLE, "PENSTOCK_COMPILE"})
# What Kubernetes and docker links set for a service of that name
_SERVICE = re.compile(r"PENSTOCK_(?:SERVICE_|PORT_[0-9]|NAME$|ENV_)")
_BY_KEY = {option.toml: option for option in OPTIONS}


class Gathered(NamedTuple):
    """What all sources hold, before it is judged.

    - `settings`: every value of every source, later ones win among equal ranks.
    - `problems`: what is no value of any option, or keeps a source from being read.
    - `notes`: near misses that change nothing. `strangers`: other variables with our prefix.
    - `files`: the files that were read.
    """

    settings: list[Setting]
    problems: list[UsageError]
    notes: list[str]
    strangers: list[str]
    files: list[str]


def load(
    flags: Mapping[str, tuple[object, str]],
    environ: MutableMapping[str, str],
    folder: str | os.PathLike[str],
    config_file: str = "",
) -> tuple[Config, list[str]]:
    """Return the Config of all sources, and notes for the user (near misses that change nothing).

    `flags` maps an option's name to its raw value and the flag as it was written. `config_file` is
    what `--config` names; "" looks into `folder`, "none" reads no file. `environ` is changed: what
    the files of `--env-file` hold and it does not have is set. UsageError says which source holds
    what is wrong.
    """
    gathered = gather(flags, environ, folder, config_file)
    if gathered.problems:
        raise gathered.problems[0]
    return Config.of(gathered.settings), gathered.notes


def gather(
    flags: Mapping[str, tuple[object, str]],
    environ: MutableMapping[str, str],
    folder: str | os.PathLike[str],
    config_file: str = "",
) -> Gathered:
    """The same, for who wants to see everything that is wrong: raises nothing."""
    problems: list[UsageError] = []
    read: list[str] = []
    here = os.fspath(folder)
    settings = list(_file(config_file or environ.get(CONFIG_VARIABLE, ""), here, read, problems))
    given = [
        Setting(BY_NAME[name], raw, Source(GIVEN, flag)) for name, (raw, flag) in flags.items()
    ]
    added: dict[str, str] = {}
    try:
        paths = _env_files([*settings, *_environment(environ, {}), *given])
        if paths:
            from penstock.config import dotenv  # only who has such a file

            added = dotenv.fill(environ, paths, here)
            read += paths
    except UsageError as error:
        problems.append(error)
    settings += [*_environment(environ, added), *given]
    notes, strangers = _unknown(environ)
    return Gathered(settings, problems, notes, strangers, read)


def _environment(environ: Mapping[str, str], added: Mapping[str, str]) -> Iterator[Setting]:
    """The values of variables; `added` maps those of --env-file to their file."""
    for option in OPTIONS:
        # The strongest comes first in the table, and among equals the last one counts
        for variable in reversed(option.environment):
            # Set but empty is how compose files and shells say "not set"
            if environ.get(variable):
                file = added.get(variable)
                place = f"{file}: {variable}" if file is not None else f"${variable}"
                yield Setting(option, environ[variable], Source(ENVIRONMENT, place))


def _env_files(settings: list[Setting]) -> tuple[str, ...]:
    """The value of `env_file`, which has to be known before all others."""
    of_it = [setting for setting in settings if setting.option.name == "env_file"]
    paths: tuple[str, ...] = Config.of(of_it).env_file if of_it else ()
    return paths


def _unknown(environ: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Of the variables with our prefix that are none of ours: notes on near misses, and the others."""
    known = {variable for option in OPTIONS for variable in option.environment} | _NOT_OPTIONS
    notes: list[str] = []
    strangers: list[str] = []
    for variable in environ:
        if not variable.startswith("PENSTOCK_") or variable in known or _SERVICE.match(variable):
            continue
        close = nearest(variable, known, cutoff=0.9)
        if close:
            notes.append(f"${variable} is no option and has no effect; did you mean ${close}?")
        else:
            strangers.append(variable)
    return notes, strangers


def _file(
    config_file: str, folder: str, read: list[str], problems: list[UsageError]
) -> Iterator[Setting]:
    try:
        found = files.read(config_file, folder)
    except UsageError as error:
        problems.append(error)
        return
    if found is None:
        return
    read.append(found.shown)
    seen: dict[str, str] = {}
    for key, raw in found.table.items():
        option = _BY_KEY.get(key.replace("_", "-"))
        if option is None:
            close = nearest(key, _BY_KEY)
            problems.append(
                UsageError(
                    f"{found.place(key).removesuffix(f': {key}')}: there is no option {key!r}",
                    f"did you mean {close}?" if close else "docs/options.md lists all of them",
                )
            )
        elif option.name in seen:
            problems.append(
                UsageError(
                    f"{found.shown}: {seen[option.name]} and {key} are the same", "remove one"
                )
            )
        else:
            seen[option.name] = key
            yield Setting(option, raw, Source(FILE, found.place(key)))
