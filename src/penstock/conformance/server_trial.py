"""A case: one requirement, tried once on one server. Cases register themselves; a Trial is what they get.

A case is a function with a requirement's id, the level it is judged by, one sentence, and what the
application under the server does meanwhile. It raises Wrong where the server is wrong, Skip where
the server has not announced what it is about, and returns where all is as it should be.
"""

import inspect
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Protocol

from penstock.conformance import server_report
from penstock.conformance.client_http1 import Response, Transcript, Wire, Wrong, connect
from penstock.conformance.client_http2 import Http2
from penstock.conformance.client_websocket import WebSocket
from penstock.conformance.server_probe import Call
from penstock.conformance.server_report import Seen

MUST, SHOULD, MAY = "MUST", "SHOULD", "MAY"
LEVELS = (MUST, SHOULD, MAY)
PASS, FAIL, WARN, SKIP, ERROR = "pass", "fail", "warn", "skip", "error"
VERDICTS = (PASS, FAIL, WARN, SKIP, ERROR)

_LOOK_S = 0.004  # how often a report is looked at
Headers = list[tuple[str, str]]


class Unusable(Exception):
    """What a person asked for cannot be done; `hint` says what to change."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Skip(Exception):
    """The requirement does not apply here; the reason."""


class Target(Protocol):
    """A server that runs."""

    folder: Path
    address: Any  # (host, port), or a path
    tls: Any  # from the name of a protocol (ALPN) to an SSLContext for clients; None without TLS

    def log(self) -> str:
        """What it has written to standard output and error."""

    def live(self, kind: str) -> dict[str, Any]:
        """A scope that it gave: of http, websocket, lifespan or http2; {} if there is none."""


class Started(Target, Protocol):
    """A server that a case started itself."""

    def stop(self, *, wait_s: float = 10.0) -> int | None:
        """Ask it to end (SIGTERM) and wait: its exit status, or None if it did not."""

    def ask_to_stop(self) -> None:
        """Ask it to end, and go on."""

    def exit_status(self, wait_s: float) -> int | None:
        """Wait for its end: its exit status, or None if it still runs."""


class Stage(Protocol):
    """Where the servers of a run come from."""

    patience_s: float  # for what must come
    pause_s: float  # for what must not come

    def shared(self, kind: str) -> Target:
        """The server of a kind (plain, tls, unix, root, http2) that cases share; Skip if there is none."""

    def alone(self) -> "Stage":
        """A stage whose servers no other case has seen."""

    def close(self) -> None:
        """End its servers."""

    def start(
        self, app: str = "app", kind: str = "plain", lifespan: str = "", ready: bool = True
    ) -> Started:
        """A server for one case; `lifespan` is the source of what its application does there."""


class Case(NamedTuple):
    """One requirement, and how it is tried."""

    id: str
    level: str
    text: str
    area: str
    key: str  # unique, and fit for files and headers
    derived: bool  # not written in the specification: reported as a warning
    on: str  # the kind of server it needs
    run: Callable[["Trial"], None]
    app: Callable[[Call], Any] | None


class Result(NamedTuple):
    """What became of a case."""

    case: Case
    verdict: str
    expected: str
    came: str
    client: list[str]  # the conversation as the client saw it
    application: list[str]  # and as the application saw it
    seconds: float
    tries: int = 1


CASES: list[Case] = []


def case(
    id: str,  # noqa: A002  # what a requirement's name is called
    level: str,
    text: str,
    *,
    app: Callable[[Call], Any] | None = None,
    derived: bool = False,
    on: str = "plain",
) -> Callable[[Callable[["Trial"], None]], Callable[["Trial"], None]]:
    """Register the decorated function as a case; `app` is what the application does, by default 200."""

    def register(run: Callable[["Trial"], None]) -> Callable[["Trial"], None]:
        area = run.__module__.rpartition("cases_")[2]
        key = f"{id}-{area}-{run.__name__.replace('_', '-')}"
        CASES.append(Case(id, level, text, area, key, derived, on, run, app))
        return run

    return register


# What behaviours may use beside the names of the probe
_IMPORTS = "import asyncio, copy, gzip, hashlib, os, tempfile, time\n"


def source_of(app: Callable[[Call], Any]) -> str:
    """The source of a behaviour, as the probe takes it."""
    return f"{_IMPORTS}{textwrap.dedent(inspect.getsource(app))}\nbehave = {app.__name__}\n"


class Trial:
    """One try of a case: clients with a transcript, and what the application reports."""

    def __init__(self, stage: Stage, case: Case, attempt: int = 1) -> None:
        self.stage = stage
        self.case = case
        self.name = case.key if attempt == 1 else f"{case.key}~{attempt}"
        self.patience_s = stage.patience_s
        self.pause_s = stage.pause_s
        self.transcript = Transcript()
        self.expected = ""
        self.came = ""
        self.started: list[Started] = []
        self._wires: list[Wire] = []
        self._target: Target | None = None

    # --------------------------------------------------------------------------------- the server

    @property
    def server(self) -> Target:
        """The server that the case is tried on."""
        if self._target is None:
            self.use(self.stage.shared(self.case.on))
        assert self._target is not None
        return self._target

    def use(self, target: Target) -> None:
        """Try the rest on `target`; the application there does what the case says."""
        self._target = target
        if self.case.app is not None:
            source = source_of(self.case.app)
            (target.folder / f"{self.name}.py").write_text(source, encoding="utf-8")

    def start(
        self,
        app: str = "app",
        kind: str = "plain",
        lifespan: Callable[[Call], Any] | None = None,
        *,
        ready: bool = True,
    ) -> Started:
        """Start a server for this case alone, and go on with it; `ready`: wait until it answers."""
        source = "" if lifespan is None else source_of(lifespan)
        server = self.stage.start(app, kind, source, ready)
        self.started.append(server)
        self.use(server)
        return server

    def announced(self, name: str, kind: str = "http") -> dict[str, Any]:
        """The entry of an extension in a live scope of the server; Skip without."""
        extensions = self.server.live(kind).get("extensions") or {}
        if name not in extensions:
            raise Skip(f"{name} is not among the extensions of its {kind} scope")
        entry = extensions[name]
        return entry if isinstance(entry, dict) else {}

    def version(self, kind: str = "http") -> tuple[int, int]:
        """The spec_version that the server's live scope announces."""
        text = (self.server.live(kind).get("asgi") or {}).get("spec_version", "2.0")
        major, _, minor = str(text).partition(".")
        return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (2, 0)

    def at_least(self, kind: str, major: int, minor: int) -> None:
        """Skip unless the live scope announces this version."""
        found = self.version(kind)
        if found < (major, minor):
            raise Skip(f"the {kind} scope announces {found[0]}.{found[1]}, not {major}.{minor}")

    def speaks_websocket(self) -> None:
        """Skip where the server speaks no WebSocket at all."""
        if not self.server.live("websocket"):
            raise Skip("the server speaks no WebSocket")

    # ---------------------------------------------------------------------------------- clients

    def connect(self, target: Target | None = None, *, alpn: str = "") -> Wire:
        """A connection to the server."""
        server = self.server if target is None else target
        tls = server.tls
        if tls is not None and alpn:
            tls = tls(alpn)
        elif tls is not None:
            tls = tls("http/1.1")
        wire = connect(server.address, self.transcript, self.patience_s, tls)
        self._wires.append(wire)
        return wire

    def request(
        self,
        target: str = "/",
        method: str = "GET",
        headers: Headers | None = None,
        body: bytes | None = None,
        version: str = "1.1",
    ) -> bytes:
        """The bytes of a request in the name of this case."""
        lines = [f"{method} {target} HTTP/{version}", "Host: example.test"]
        lines.append(f"X-Probe: {self.name}")
        lines += [f"{name}: {value}" for name, value in headers or ()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")

    def ask(
        self,
        target: str = "/",
        method: str = "GET",
        headers: Headers | None = None,
        body: bytes | None = None,
        version: str = "1.1",
    ) -> Response:
        """A request on a connection of its own, and its answer."""
        with self.connect() as wire:
            wire.send(self.request(target, method, headers, body, version))
            return wire.response(head=method == "HEAD")

    def websocket(self, target: str = "/", headers: Headers | None = None) -> WebSocket:
        """A WebSocket whose handshake has been asked for, and not yet been answered."""
        self.speaks_websocket()
        socket = WebSocket(self.connect())
        socket.wire.send(socket.opening(target, [("X-Probe", self.name), *(headers or [])]))
        return socket

    def open(self, target: str = "/", headers: Headers | None = None) -> WebSocket:
        """A WebSocket that is open."""
        socket = self.websocket(target, headers)
        socket.accepted()
        return socket

    def http2(self, settings: dict[int, int] | None = None) -> Http2:
        """An HTTP/2 connection."""
        return Http2(self.connect(alpn="h2"), self.name, settings or {})

    # ------------------------------------------------------------------------- the application

    def calls(self) -> list[Seen]:
        """The calls of the application in the name of this case, so far."""
        return server_report.read(self.server.folder / f"{self.name}.jsonl")

    def _until(self, found: Callable[[], Any], expected: str, times: int = 1) -> Any:
        patience_s = self.patience_s * times
        ends = time.monotonic() + patience_s
        while not (value := found()):
            if time.monotonic() > ends:
                self.wrong(expected, f"none within {patience_s:g} s")
            time.sleep(_LOOK_S)
        return value

    def call(self, index: int = 0) -> Seen:
        """The call `index`, when it has begun."""
        self._until(lambda: len(self.calls()) > index, f"call {index + 1} of the application")
        return self.calls()[index]

    def ended(self, index: int = 0) -> Seen:
        """The call `index`, when it has ended."""
        self.call(index)
        self._until(lambda: self.calls()[index].end, f"the end of call {index + 1}")
        return self.calls()[index]

    def noted(self, name: str, index: int = 0, times: int = 1) -> Any:
        """What the application noted under `name`, when it has; with `times` the patience."""
        self.call(index)
        return self._until(
            lambda: self.calls()[index].notes(name),
            f"the application to reach its note {name!r}",
            times,
        )[0]

    def signal(self, name: str) -> None:
        """Let the application go on."""
        (self.server.folder / f"{self.name}.{name}").touch()

    def lifespan(self) -> list[Seen]:
        """The lifespan calls of the server's application."""
        return server_report.read(self.server.folder / "lifespan.jsonl")

    # ------------------------------------------------------------------------------- judgement

    def wrong(self, expected: str, came: object) -> NoReturn:
        """The server is wrong."""
        raise Wrong(expected, came)

    def check(self, holds: object, expected: str, came: object) -> None:
        """Go on if it holds; `came` describes what was there if it does not."""
        self.expected, self.came = expected, "" if holds else str(came)
        if not holds:
            raise Wrong(expected, came)

    def equal(self, came: object, expected: object, what: str = "") -> None:
        """Go on if both are equal, and of one type."""
        text = f"{what} {expected!r}".strip()
        self.check(came == expected and type(came) is type(expected), text, repr(came))
        self.came = repr(came)

    def conversation(self) -> list[str]:
        """The application's side, as text."""
        if self._target is None:
            return []
        lines = []
        for number, seen in enumerate(self.calls(), 1):
            lines.append(f"call {number}: {_short(seen.scope)}")
            lines += [f"  {_cut(str(step))}" for step in seen.steps]
        return lines

    def close(self) -> None:
        """Close what is open and end what was started."""
        for wire in self._wires:
            wire.close()
        for server in self.started:
            server.stop(wait_s=0.0)


def _cut(text: str) -> str:
    return text if len(text) <= 400 else f"{text[:400]}…"


def _short(scope: Any) -> str:
    if not isinstance(scope, dict):
        return _cut(repr(scope))
    shown = ("type", "http_version", "method", "path", "query_string", "headers")
    return _cut(repr({key: scope[key] for key in shown if key in scope}))


def attempt(stage: Stage, case: Case, number: int = 1) -> Result:
    """Try a case once. Nothing that it raises gets through."""
    began = time.monotonic()
    trial = Trial(stage, case, number)
    expected = came = ""
    try:
        case.run(trial)
        verdict, expected, came = PASS, trial.expected, trial.came
    except Skip as skip:
        verdict, came = SKIP, str(skip)
    except Wrong as wrong:
        verdict = WARN if case.derived or case.level == MAY else FAIL
        expected, came = wrong.expected, wrong.came
    except Unusable as unusable:
        verdict = WARN if case.derived or case.level == MAY else FAIL
        expected, came = "the server to start", f"{unusable}: {unusable.hint}"
    except Exception as error:
        verdict, expected = ERROR, "the case itself to work"
        came = f"{type(error).__name__}: {error}"
    application: list[str] = []
    try:
        application = trial.conversation()
    except Exception as error:
        application = [f"the report cannot be read: {error}"]
    finally:
        trial.close()
    seconds = time.monotonic() - began
    lines = trial.transcript.lines
    return Result(case, verdict, expected, came, lines, application, seconds, number)
