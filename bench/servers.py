"""The servers, as data: how each is started so that it runs one worker on its fastest loop.

All keep their own defaults for headers, limits and deadlines, with these exceptions, which make
them alike: idle connections live 75 s where that can be set (a shorter one would end them while
memory is measured), 10,000 connections are served at once where fewer is the default (granian
leaves those beyond its number unanswered), proxy headers are not interpreted, and the access log
is on or off as the row says. Where a server has a faster part to choose (parser, loop, protocol) it gets it.
"""

from __future__ import annotations

import importlib.metadata
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.errors import BenchError
from bench.files import ROUTE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.tls import Files

Interface = Literal["asgi", "wsgi"]
Leg = Literal["compiled", "pure"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to start one server.

    `arguments` follow the interpreter; `{target}`, `{attribute}` (the target's last part) and
    `{port}` are filled in. `quiet` or `logging` is added for an access log that is off or on.
    `packages` are the distributions whose versions a result must name. `static` is added where the
    server is to serve files itself, with `{folder}` and `{route}` filled in; `tls` for HTTP over
    TLS, with `{certificate}` and `{key}`; `http1` or `http2` for the protocol that is asked for. Where
    one of them is None, the server cannot do it.
    """

    server: str
    interface: Interface
    packages: tuple[str, ...]
    arguments: tuple[str, ...]
    quiet: tuple[str, ...] = ()
    logging: tuple[str, ...] | None = None
    leg: Leg | None = None
    static: tuple[str, ...] | None = None
    tls: tuple[str, ...] | None = None
    http1: tuple[str, ...] = ()
    http2: tuple[str, ...] | None = None
    requests_max: int | None = None
    """How many requests are asked on one HTTP/2 connection at most: those that end it after a number of
    requests, and have no flag for that, would fail otherwise."""

    def command(
        self,
        python: str,
        target: str,
        port: int,
        *,
        log: bool = False,
        folder: str = "",
        tls: Files | None = None,
        http2: bool = False,
    ) -> list[str]:
        """The whole command line, with a `folder` of files to serve or without; BenchError if this
        server cannot do what is asked for."""
        extra = (
            *self._words("an access log" if log else "", self.logging, self.quiet),
            *self._words("static files" if folder else "", self.static),
            *self._words("TLS" if tls else "", self.tls),
            *self._words("HTTP/2" if http2 else "", self.http2, self.http1),
        )
        values = {"target": target, "attribute": target.rpartition(":")[2], "port": str(port)}
        values |= {"folder": folder, "route": ROUTE}
        if tls is not None:
            values |= {"certificate": str(tls.certificate), "key": str(tls.key)}
        return [python, *(part.format_map(values) for part in (*self.arguments, *extra))]

    def _words(
        self, wanted: str, found: tuple[str, ...] | None, otherwise: tuple[str, ...] = ()
    ) -> tuple[str, ...]:
        if wanted and found is None:
            raise BenchError(f"{self.server} has no recipe with {wanted}")
        return found or () if wanted else otherwise


def _words(line: str) -> tuple[str, ...]:
    return tuple(line.split())


_PENSTOCK = "-m penstock {target} --port {port}"
_UVICORN = (
    "-m uvicorn {target} --port {port} --loop uvloop --ws websockets-sansio --no-proxy-headers "
    "--timeout-keep-alive 75 --http "
)
_GRANIAN = "-m granian {target} --port {port} --workers 1 --backlog 4096 --backpressure 10000"
_GUNICORN = (
    "-m gunicorn {target} --bind 127.0.0.1:{port} --workers 1 --keep-alive 75 "
    "--worker-connections 10000 --no-control-socket --log-level warning"
)

_QUIET = _words("--no-access-log --log-level warning")
_LOGGING = _words("--access-log --log-level info")
"""uvicorn's spelling, which Penstock and granian share."""
_TLS = _words("--ssl-certfile {certificate} --ssl-keyfile {key}")
"""uvicorn's spelling, which Penstock shares."""
_TLS_SHORT = _words("--certfile {certificate} --keyfile {key}")
"""gunicorn's, which hypercorn shares."""


def _penstock(server: str, leg: Leg, interface: Interface, options: str) -> Recipe:
    arguments = _words(f"{_PENSTOCK} {options}")
    static = ("--static", "{route}={folder}")
    return Recipe(
        server, interface, ("uvloop",), arguments, _QUIET, _LOGGING, leg, static, _TLS, http2=()
    )


def _uvicorn(server: str, parser: str) -> Recipe:
    packages = ("uvicorn", parser, "uvloop", "websockets")
    arguments = _words(_UVICORN + parser)
    http2 = ("--http2",) if parser == "zttp" else None
    return Recipe(
        server,
        "asgi",
        packages,
        arguments,
        _QUIET,
        _LOGGING,
        tls=_TLS,
        http2=http2,
        requests_max=4000,
    )


def _granian(interface: Interface, options: str) -> Recipe:
    arguments = _words(f"{_GRANIAN} {options}")
    static = ("--static-path-mount", "{folder}", "--static-path-route", "{route}")
    return Recipe(
        "granian",
        interface,
        ("granian", "uvloop"),
        arguments,
        _QUIET,
        _LOGGING,
        static=static,
        tls=_words("--ssl-certificate {certificate} --ssl-keyfile {key}"),
        http1=("--http", "1"),
        http2=("--http", "2"),
    )


_RECIPES = (
    Recipe("floor", "asgi", ("uvloop",), _words("-m bench.floor {attribute} --port {port}")),
    _penstock("penstock", "compiled", "asgi", "--interface asgi3"),
    _penstock("penstock", "compiled", "wsgi", "--interface wsgi --threads 1"),
    _penstock("penstock-pure", "pure", "asgi", "--interface asgi3"),
    _penstock("penstock-pure", "pure", "wsgi", "--interface wsgi --threads 1"),
    _uvicorn("uvicorn", "httptools"),
    _uvicorn("uvicorn-zttp", "zttp"),
    _granian("asgi", "--interface asgi --loop uvloop"),
    _granian("wsgi", "--interface wsgi --blocking-threads 1"),
    Recipe(
        "hypercorn",
        "asgi",
        ("hypercorn", "h11", "h2", "wsproto", "uvloop"),
        _words(
            "-m hypercorn {target} --bind 127.0.0.1:{port} --workers 1 --worker-class uvloop "
            "--keep-alive 75 --log-level warning"
        ),
        tls=_TLS_SHORT,
        http2=(),
        requests_max=900,
    ),
    Recipe(
        "gunicorn",
        "asgi",
        ("gunicorn", "gunicorn_h1c", "uvloop"),
        _words(_GUNICORN + " --worker-class asgi --asgi-loop uvloop --http-parser fast"),
        tls=_TLS_SHORT,
    ),
    Recipe(
        "gunicorn-gthread",
        "wsgi",
        ("gunicorn", "gunicorn_h1c"),
        _words(_GUNICORN + " --worker-class gthread --threads 1 --http-parser fast"),
    ),
    Recipe(
        "daphne",
        "asgi",
        ("daphne", "twisted", "autobahn"),
        _words("-m daphne --bind 127.0.0.1 --port {port} --verbosity 0 {target}"),
    ),
    Recipe(
        "waitress",
        "wsgi",
        ("waitress",),
        _words(
            "-m waitress --listen=127.0.0.1:{port} --threads=1 --connection-limit=10000 {target}"
        ),
    ),
)

RECIPES: dict[tuple[str, Interface], Recipe] = {
    (recipe.server, recipe.interface): recipe for recipe in _RECIPES
}
SERVERS: tuple[str, ...] = tuple(dict.fromkeys(recipe.server for recipe in _RECIPES))


def versions(servers: Iterable[str]) -> dict[str, str]:
    """The installed version of every distribution that these servers run on, by name."""
    wanted = {
        package for recipe in _RECIPES if recipe.server in servers for package in recipe.packages
    }
    found = {}
    for package in sorted(wanted | {"starlette"}):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def penstock_leg(python: str, expected: Leg) -> str:
    """What `penstock --version` of an interpreter prints, once it is the expected leg.

    Raises:
        BenchError: Penstock is not there, or it is the other leg.
    """
    done = subprocess.run(
        [python, "-m", "penstock", "--version"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    printed = (done.stdout or done.stderr).strip()
    if done.returncode:
        raise BenchError(f"{python} has no penstock that runs: {printed[-300:]}")
    if expected not in printed.lower():
        advice = "build it with PENSTOCK_COMPILE=" + (
            "require" if expected == "compiled" else "skip"
        )
        raise BenchError(f"{python} has {printed!r}, not the {expected} leg: {advice}")
    return printed
