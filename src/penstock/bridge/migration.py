"""From another server's configuration to a penstock.toml.

Each source gives values of one server's settings; of several sources the later one counts, and a
command line more than the file that it names, as with that server. The server's table then makes
options of the values.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from penstock.bridge import (
    arguments,
    commands,
    granian,
    gunicorn,
    hypercorn,
    pyfile,
    rules,
    unit,
    uvicorn,
    uwsgi,
    writing,
)
from penstock.bridge.draft import NOT_HERE, Draft, Line, Said
from penstock.bridge.rules import Server
from penstock.config.config import FILE, Config, Setting, Source
from penstock.errors import UsageError

SERVERS: tuple[Server, ...] = (
    gunicorn.SERVER,
    uvicorn.SERVER,
    hypercorn.SERVER,
    granian.SERVER,
    uwsgi.SERVER,
    unit.SERVER,
)
PROGRAMS = {program: server for server in SERVERS for program in server.programs}
_APP = {
    "gunicorn": "wsgi_app",
    "uvicorn": "app",
    "hypercorn": "application_path",
    "granian": "app",
    "uwsgi": "wsgi-file",
}
# What gunicorn reads where its command line names no file
_GUNICORNS_OWN = "gunicorn.conf.py"
# Programs that start a server by themselves
_CALL = re.compile(r"\b(uvicorn|hypercorn|granian)(?:\.[a-z]+)*\.(?:run|serve|Server|Granian)\(")
_RECYCLING = {"limit_max_requests", "limit_max_age", "limit_max_rss"}
_VARIABLES = "a file has no variables: give it as a flag, or as PENSTOCK_<OPTION>"


class Found(NamedTuple):
    """What one source says: whose settings, their values, and what is to be told of it."""

    server: Server
    given: dict[str, Said]
    left: list[tuple[str, str]]
    remarks: list[str]
    host: str | None = None


class Migration:
    """Reads sources, in the order in which they are added.

    `folder` is where relative paths of command lines begin. `trust` lifts the guard of Python files;
    `say` is told what is done that a person should know of.
    """

    def __init__(self, folder: str, say: Callable[[str], None], *, trust: bool) -> None:
        self.folder = folder
        self.trust = trust
        self.found: list[Found] = []
        self.sources: list[str] = []
        self._say = say

    def add_file(self, path: str) -> None:
        """Read a configuration file, or a file that holds a server's command line."""
        name = os.path.basename(path)
        text = _text(os.path.join(self.folder, path), path)
        self.sources.append(path)
        lowered = name.lower()
        try:
            if lowered.endswith(".py"):
                called = _CALL.search(text)
                if called is not None:
                    raise UsageError(
                        f"{path} is a program that starts {called[1]}, no configuration",
                        "write penstock.run(app, ...) there: it takes uvicorn's keywords",
                    )
                server = hypercorn.SERVER if "hypercorn" in lowered else gunicorn.SERVER
                self.found.append(self._python(path, server))
            elif lowered == "penstock.toml":
                raise UsageError(f"{path} is ours already", "penstock config check looks at it")
            elif lowered.endswith(".toml"):
                self.found.append(_hypercorn(tomllib.loads(text), path))
            elif lowered.endswith(".json"):
                given = unit.given_of(_object(text), name)
                self.found.append(Found(unit.SERVER, given, [], []))
            elif lowered.endswith(".ini") or "[uwsgi]" in text:
                given = uwsgi.given_of(uwsgi.parse(text), name)
                self.found.append(Found(uwsgi.SERVER, given, [], []))
            else:
                self._add_commands(path, text)
        except ValueError as error:
            raise UsageError(f"{path} cannot be read: {error}") from None

    def _add_commands(self, path: str, text: str) -> None:
        found = commands.in_file(path, text, PROGRAMS)
        if not found:
            raise UsageError(
                f"{path} holds no command line of {', '.join(PROGRAMS)}",
                "what is read: gunicorn.conf.py, hypercorn's TOML, uwsgi.ini, Unit's JSON, and files"
                " with a command line: Procfile, Dockerfile, systemd units, scripts",
            )
        for other in found[1:]:
            self._say(f"{other.origin} starts {other.program}, too; only the first is read")
        self.add_command(found[0])

    def add_line(self, line: str) -> None:
        """Read a command line as it would be typed."""
        try:
            found = commands.command(line, PROGRAMS, "the command line")
        except ValueError as error:
            raise UsageError(f"{line!r} is no command line: {error}") from None
        if found is None:
            raise UsageError(
                f"{rules.shown(line)} starts none of {', '.join(PROGRAMS)}", "begin with its name"
            )
        self.sources.append("a command line")
        self.add_command(found)

    def add_words(self, words: list[str]) -> None:
        """Read a command line whose words the shell has split."""
        found = commands.of_words(words, PROGRAMS, "the command line")
        if found is None:
            raise UsageError(
                f"{rules.shown(' '.join(words))} starts none of {', '.join(PROGRAMS)}",
                "begin with its name: penstock migrate -- gunicorn -w 4 main:app",
            )
        self.sources.append("a command line")
        self.add_command(found)

    def add_command(self, found: commands.Command) -> None:
        """Read a command line that was found, and the configuration file that it names."""
        server = PROGRAMS[found.program]
        words = found.words
        files: list[str] = []
        left: list[tuple[str, str]] = []
        if server is uwsgi.SERVER:
            pairs, files = uwsgi.command(words)
            given = uwsgi.given_of(pairs, found.origin)
        else:
            if server is gunicorn.SERVER and found.environ.get("GUNICORN_CMD_ARGS"):
                words = [*found.environ["GUNICORN_CMD_ARGS"].split(), *words]
            read = arguments.read(words, server)
            given = {**_variables(server, found), **read.given}
            if read.positional:
                given[_APP[server.name]] = Said(_application(server, read.positional[0]), "APP")
            left = [
                (word, f"no option of {server.name} that is known here") for word in read.unknown
            ]
            config = given.get("config")
            if config is not None:
                files = [str(config.value)]
            elif server is gunicorn.SERVER and self._is_here(_GUNICORNS_OWN):
                files = [_GUNICORNS_OWN]
        for file in files:
            self._follow(file, server)
        filled = commands.fill(given, found.environ)
        remarks = []
        if found.before:
            shown = " ".join(found.before)
            remarks.append(f"`{shown}` stood before the server: keep it before penstock, too.")
        left += [
            (f"{name} = {rules.shown(said.value)}", _VARIABLES)
            for name, said in filled.open.items()
        ]
        if filled.host is not None:
            remarks.append("$PORT is read by penstock itself.")
        self.found.append(Found(server, filled.given, left, remarks, filled.host))

    def _follow(self, file: str, server: Server) -> None:
        """The configuration file that a command line names, if it is here."""
        path = file.removeprefix("file:").removeprefix("python:")
        if path in self.sources:
            return
        if not self._is_here(path):
            self._say(f"{file}, which the command line names, is not here: name it, too")
            return
        self.sources.append(path)
        try:
            if path.endswith(".py"):
                self.found.append(self._python(path, server))
            elif server is hypercorn.SERVER:
                document = tomllib.loads(_text(os.path.join(self.folder, path), path))
                self.found.append(_hypercorn(document, path))
            elif server is uwsgi.SERVER:
                text = _text(os.path.join(self.folder, path), path)
                given = uwsgi.given_of(uwsgi.parse(text), os.path.basename(path))
                self.found.append(Found(server, given, [], []))
        except ValueError as error:
            raise UsageError(f"{path} cannot be read: {error}") from None

    def _is_here(self, path: str) -> bool:
        return os.path.isfile(os.path.join(self.folder, path))

    def _python(self, path: str, server: Server) -> Found:
        self._say(
            f"{path} is Python: it is run to read its values, in a process of its own that may not"
            f" write files, start programs or use the network{' (lifted by --trust)' if self.trust else ''}"
        )
        whole = os.path.join(self.folder, path)
        read = pyfile.read(whole, self.folder, trust=self.trust)
        known = {setting.name for setting in server.settings}
        given = {
            name.lower(): Said(value, f"{os.path.basename(path)}: {name}")
            for name, value in read.values.items()
            if name.lower() in known and value is not None
        }
        if not given:
            raise ValueError(f"it sets nothing that {server.name} knows")
        remarks = [
            f"{name} was computed where this was made, from {rules.shown(read.computed[name])}"
            + ('; workers = "auto" is one for each CPU there is.' if name == "workers" else ".")
            for name in given
            if name in read.computed
        ]
        return Found(server, given, [], remarks)

    def draft(self) -> Draft:
        """All of it, translated."""
        servers = {found.server.name for found in self.found}
        if len(servers) != 1:
            raise UsageError(
                f"these are of several servers: {', '.join(sorted(servers))}",
                "migrate one at a time: each server needs its own penstock.toml",
            )
        server = self.found[0].server
        given: dict[str, Said] = {}
        for found in self.found:
            given.update(found.given)
        draft = Draft(server.name, given)
        rule = {setting.name: setting.rule for setting in server.settings}
        for found in self.found:
            draft.remarks += found.remarks
            for setting, why in found.left:
                draft.leave(setting, why)
        # In the order of the table: some rules look at what others have put
        for name, each in rule.items():
            if name in given:
                each.act(draft, name, given[name])
        for name in sorted(given.keys() - rule.keys()):
            draft.leave(f"{name} = {rules.shown(given[name].value)}", _unknown(server))
        server.finish(draft)
        if "workers" not in draft.lines and _RECYCLING & set(draft.lines):
            draft.put("workers", 1, "workers", "who recycles workers supervises them")
        hosts = [found.host for found in self.found if found.host]
        if hosts and "bind" not in draft.lines:
            draft.put("host", hosts[-1], f"host {hosts[-1]}")
        if "app" not in draft.lines:
            draft.remarks.append(
                "It names no application: add app = \"module:attribute\", or start it with"
                " penstock module:attribute."
            )  # fmt: skip
        _check(draft)
        return draft

    def text(self) -> str:
        """The text of penstock.toml."""
        return writing.text(self.draft(), self.sources)


def _check(draft: Draft) -> None:
    """Take out what does not go together, with the reason, so that the file can be used."""
    for name in ("log_file", "access_log_file"):
        if "log_config" in draft.lines and name in draft.lines:
            taken = draft.lines.pop(name)
            draft.leave(f"{taken.option.toml} = {taken.value}", "log-config says where logs go")
    while (problem := _problem(draft.lines.values())) is not None:
        # The last one without which it is no problem any more
        for name in reversed(draft.lines):
            others = (line for other, line in draft.lines.items() if other != name)
            if _problem(others) != problem:
                break
        taken = draft.lines.pop(name)
        draft.leave(f"{taken.option.toml} = {rules.shown(taken.value)}", problem)


def _problem(lines: Iterable[Line]) -> str | None:
    """The first thing that is wrong with options, or between them."""
    settings = [
        Setting(line.option, line.value, Source(FILE, line.option.toml))
        for line in lines
        if not line.note.endswith(NOT_HERE)
    ]
    problems = Config.problems(settings)
    return str(problems[0]) if problems else None


def _unknown(server: Server) -> str:
    return f"no setting of {server.name} that is known here"


def _variables(server: Server, found: commands.Command) -> dict[str, Said]:
    """Settings that variables set: UVICORN_PORT and its kin."""
    if not server.prefix:
        return {}
    names = {setting.name.upper(): setting for setting in server.settings}
    given: dict[str, Said] = {}
    for variable, value in found.environ.items():
        setting = names.get(variable.removeprefix(server.prefix))
        if variable.startswith(server.prefix) and setting is not None:
            given[setting.name] = Said([value] if setting.many else value, f"${variable}")
    return given


def _application(server: Server, text: str) -> str:
    # gunicorn's and uvicorn's attribute by default
    if server is gunicorn.SERVER and ":" not in text:
        return f"{text}:application"
    return text


def _hypercorn(document: dict[str, Any], path: str) -> Found:
    name = os.path.basename(path)
    if name == "pyproject.toml":
        raise UsageError(
            f"{path} holds no server's configuration", "name hypercorn's own TOML file"
        )
    given = {key: Said(value, f"{name}: {key}") for key, value in document.items()}
    return Found(hypercorn.SERVER, given, [], [])


def _object(text: str) -> dict[str, Any]:
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("it is no object")  # noqa: TRY004 - ValueError is what callers tell
    # A state file or a GET of /  has the configuration in "config"
    inner = document.get("config", document)
    return inner if isinstance(inner, dict) else {}


def _text(path: str, shown: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise UsageError(f"{shown} cannot be read: {reason}") from None
