"""What becomes of another server's configuration: options of ours, and lines for what has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from penstock.config.kinds import Option
from penstock.config.options import BY_NAME

# The end of the note on a value that names what is not on this machine
NOT_HERE = "not found from here"


class NoCounterpart(Exception):
    """A value that no option of ours stands for; the text says why, and what to do instead."""


class Said(NamedTuple):
    """One value of another server's setting, and where it was said: `-w`, `gunicorn.conf.py: workers`."""

    value: Any
    origin: str


class Line(NamedTuple):
    """An option with its value as a TOML writer takes it, and a remark for people."""

    option: Option
    value: Any
    note: str


class Left(NamedTuple):
    """A setting without an option, and the reason."""

    setting: str
    why: str


class Draft:
    """One translation.

    - `given`: setting's name → what was said of it, the strongest source only.
    - `lines`: option's name → its line. `left`: what has no counterpart. `moot`: what needs none.
    - `remarks`: sentences about the whole.
    """

    def __init__(self, server: str, given: Mapping[str, Said]) -> None:
        self.server = server
        self.given = given
        self.lines: dict[str, Line] = {}
        self.left: list[Left] = []
        self.moot: list[Left] = []
        self.remarks: list[str] = []

    def value(self, name: str, default: Any = None) -> Any:
        """What was said of the setting `name`, `default` if nothing."""
        said = self.given.get(name)
        return default if said is None else said.value

    def put(self, name: str, value: Any, setting: str, note: str = "") -> None:
        """Give the option `name` a value; one that the option refuses is left, with the refusal."""
        option = BY_NAME[name]
        try:
            option.parse(value)
        except ValueError as error:
            if not _is_about_this_machine(option, value):
                self.left.append(Left(setting, f"{option.toml}: {error}"))
                return
            note = f"{note}; {NOT_HERE}" if note else NOT_HERE
        self.lines[name] = Line(option, value, note)

    def trust_unix(self, why: str) -> None:
        """Have the headers of a proxy believed that comes through a Unix socket, if there is one."""
        line = self.lines.get("bind")
        if line is None or not any(each.startswith(("unix:", "/")) for each in line.value):
            return
        before = self.lines.get("forwarded_allow_ips")
        trusted = "127.0.0.1" if before is None else str(before.value)
        if not {"unix", "*"} & set(trusted.split(",")):
            self.put("forwarded_allow_ips", f"{trusted},unix", "bind", why)

    def leave(self, setting: str, why: str) -> None:
        """Note a setting that has no counterpart."""
        self.left.append(Left(setting, why))

    def spare(self, setting: str, why: str) -> None:
        """Note a setting that asks for what happens anyway."""
        self.moot.append(Left(setting, why))


def _is_about_this_machine(option: Option, value: Any) -> bool:
    """Whether a value may be right where the server will run: a file or folder that is not here."""
    if option.kind == "log_config":
        from penstock.config.parsers import LOG_CONFIG_SUFFIXES

        return isinstance(value, str) and value.lower().endswith(LOG_CONFIG_SUFFIXES)
    if option.kind == "mounts":
        folders = [text.partition("=")[2].partition("?")[0] for text in value]
        return all(folder and "\0" not in folder for folder in folders)
    return False
