"""How each server is started: command lines as data, with placeholders."""

import sys
from typing import NamedTuple

from penstock.conformance.server_trial import Unusable

# What the placeholders mean: {app} module:attribute of the probe, {port} where to listen,
# {socket} path of a Unix socket, {cert} and {key} files, {python} this interpreter.
_HOST = "127.0.0.1"


class Preset(NamedTuple):
    """A server's command; what a variant adds. None: the suite does not know how, and skips it."""

    name: str
    command: tuple[str, ...]
    tcp: tuple[str, ...] = ()
    tls: tuple[str, ...] | None = None  # with `tcp`
    unix: tuple[str, ...] | None = None  # in place of `tcp`
    root: tuple[str, ...] | None = None  # mounted at /mnt
    workers: tuple[str, ...] | None = None  # two workers
    cleartext: tuple[str, ...] = ()  # HTTP/2 without TLS


def _module(name: str, *more: str) -> tuple[str, ...]:
    return ("{python}", "-m", name, *more)


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "penstock",
            _module("penstock", "{app}"),
            tcp=("--host", _HOST, "--port", "{port}"),
            tls=("--ssl-certfile", "{cert}", "--ssl-keyfile", "{key}"),
            unix=("--uds", "{socket}"),
            root=("--root-path", "/mnt"),
            workers=("--workers", "2"),
        ),
        Preset(
            "uvicorn",
            _module("uvicorn", "{app}"),
            tcp=("--host", _HOST, "--port", "{port}"),
            tls=("--ssl-certfile", "{cert}", "--ssl-keyfile", "{key}"),
            unix=("--uds", "{socket}"),
            root=("--root-path", "/mnt"),
            workers=("--workers", "2"),
        ),
        Preset(
            "hypercorn",
            _module("hypercorn", "{app}"),
            tcp=("--bind", f"{_HOST}:{{port}}"),
            tls=("--certfile", "{cert}", "--keyfile", "{key}"),
            unix=("--bind", "unix:{socket}"),
            root=("--root-path", "/mnt"),
            workers=("--workers", "2"),
        ),
        Preset(
            "granian",
            _module("granian", "--interface", "asgi", "{app}"),
            tcp=("--host", _HOST, "--port", "{port}"),
            tls=("--ssl-certificate", "{cert}", "--ssl-keyfile", "{key}"),
            unix=("--uds", "{socket}"),
            root=("--url-path-prefix", "/mnt"),
            workers=("--workers", "2"),
        ),
        Preset(
            "daphne",
            _module("daphne", "{app}"),
            tcp=("-b", _HOST, "-p", "{port}"),
            unix=("-u", "{socket}"),
            root=("--root-path", "/mnt"),
        ),
        Preset(
            "gunicorn",
            _module("gunicorn", "-k", "asgi", "--http-protocols", "h1,h2", "{app}"),
            tcp=("--bind", f"{_HOST}:{{port}}"),
            tls=("--certfile", "{cert}", "--keyfile", "{key}"),
            unix=("--bind", "unix:{socket}"),
            root=("--root-path", "/mnt"),
            workers=("--workers", "2"),
        ),
    )
}

KINDS = ("plain", "tls", "unix", "root", "workers")


def custom(words: list[str], name: str = "") -> Preset:
    """The preset of a command line that holds {app} and {port}.

    Raises Unusable if one of them is missing.
    """
    for mark in ("{app}", "{port}"):
        if not any(mark in word for word in words):
            raise Unusable(
                f"the command lacks {mark}",
                "as in: penstock check server -- uvicorn {app} --port {port}",
            )
    return Preset(name or words[0].rpartition("/")[2], tuple(words))


def command_of(preset: Preset, kind: str) -> tuple[str, ...] | None:
    """The words that start `preset` in a variant, with their placeholders; None if it has none."""
    more = {
        "plain": preset.cleartext,
        "tls": preset.tls,
        "unix": preset.unix,
        "root": preset.root,
        "workers": preset.workers,
    }[kind]
    if more is None:
        return None
    return (*preset.command, *(() if kind == "unix" else preset.tcp), *more)


def filled(words: tuple[str, ...], values: dict[str, str]) -> list[str]:
    """The command line itself."""
    values = {"python": sys.executable, **values}
    found = []
    for word in words:
        for name, value in values.items():
            word = word.replace(f"{{{name}}}", value)
        found.append(word)
    return found
