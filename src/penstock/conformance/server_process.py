"""Servers under test: processes with a folder of their own, in which the probe and its reports are."""

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from penstock.conformance import server_probe, server_report
from penstock.conformance.client_http1 import Transcript, Wrong, connect
from penstock.conformance.client_http2 import Http2
from penstock.conformance.client_websocket import WebSocket
from penstock.conformance.server_certificate import CERTIFICATE, KEY
from penstock.conformance.server_presets import Preset, command_of, filled
from penstock.conformance.server_trial import Skip, Unusable

PROBE = "penstock_probe"
_START_S = 20.0  # for a server to answer
_LOOK_S = 0.02
_LOG_MAX = 1 << 20  # bytes of its output that are read


class StartFailed(Unusable):
    """The server under test did not start; the hint is the end of what it wrote."""


class Process:
    """A server that runs as a process, in a session of its own."""

    def __init__(self, preset: Preset, kind: str, app: str, lifespan: str) -> None:
        words = command_of(preset, kind)
        if words is None:
            raise Skip(f"how to start {preset.name} for this ({kind}) is not known")
        self.kind = kind
        self.name = preset.name
        self._room = tempfile.TemporaryDirectory(prefix="penstock-check-")
        self.folder = Path(self._room.name)
        self.port = free_port()
        self.address: Any = ("127.0.0.1", self.port)
        self.tls: Any = client_context if kind == "tls" else None
        if kind == "unix":
            self.address = str(self.folder / "socket")
        (self.folder / f"{PROBE}.py").write_bytes(Path(server_probe.__file__).read_bytes())
        (self.folder / "cert.pem").write_text(CERTIFICATE)
        (self.folder / "key.pem").write_text(KEY)
        if lifespan:
            (self.folder / "lifespan.py").write_text(lifespan, encoding="utf-8")
        self.command = filled(
            words,
            {
                "app": f"{PROBE}:{app}",
                "port": str(self.port),
                "socket": str(self.folder / "socket"),
                "cert": str(self.folder / "cert.pem"),
                "key": str(self.folder / "key.pem"),
            },
        )
        self._output = open(self.folder / "log", "wb")  # noqa: SIM115  # closed by close()
        paths = [str(self.folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        try:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        except OSError as error:
            self._output.close()
            self._room.cleanup()
            raise StartFailed(f"{self.command[0]} cannot be started: {error.strerror}") from None
        self._live: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def log(self) -> str:
        """What it has written to standard output and error."""
        with open(self.folder / "log", "rb") as file:
            return file.read(_LOG_MAX).decode("utf-8", "replace")

    def wait(self) -> None:
        """Wait until it answers a request. Raises StartFailed."""
        ends = time.monotonic() + _START_S
        while time.monotonic() < ends:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(Wrong, OSError):
                tls = self.tls and self.tls("http/1.1")
                with connect(self.address, Transcript(), 2.0, tls) as wire:
                    wire.send(b"GET / HTTP/1.1\r\nHost: example.test\r\nX-Probe: start\r\n\r\n")
                    wire.response()
                    return
            time.sleep(_LOOK_S)
        tail = "\n".join(self.log().splitlines()[-12:])
        status = self.process.poll()
        self.stop(wait_s=0.0)
        what = f"does not answer in {_START_S:g} s" if status is None else f"ended with {status}"
        raise StartFailed(f"{' '.join(self.command)} {what}", tail)

    def live(self, kind: str) -> dict[str, Any]:
        """A scope of `kind` (http, http2, websocket, lifespan) that it gave now; {} if none."""
        with self._lock:
            if kind not in self._live:
                try:
                    self._live[kind] = live_scope(self.address, self.tls, self.folder, kind)
                except (Wrong, OSError, Skip):
                    self._live[kind] = {}
            return self._live[kind]

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        with contextlib.suppress(OSError):
            self.process.terminate()

    def exit_status(self, wait_s: float) -> int | None:
        """Wait for its end: its exit status, or None if it still runs."""
        try:
            return self.process.wait(wait_s)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, *, wait_s: float = 10.0) -> int | None:
        """SIGTERM, wait, then kill what is left of its session. Can be called again."""
        self.ask_to_stop()
        status = self.exit_status(wait_s) if wait_s else self.process.poll()
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        return status

    def close(self) -> None:
        """Stop it and remove its folder."""
        self.stop(wait_s=0.0)
        self._output.close()
        self._room.cleanup()


def live_scope(address: Any, tls: Any, folder: Path, kind: str) -> dict[str, Any]:
    """Ask the server at `address`, and return the scope of `kind` that its application got.

    Raises Wrong where it does not answer.
    """
    name = kind if kind == "lifespan" else f"live-{kind}"
    if kind == "http2":
        with connect(address, Transcript(), 2.0, tls and tls("h2")) as wire:
            client = Http2(wire, name, {})
            client.ask(client.fields())
    elif kind != "lifespan":
        with connect(address, Transcript(), 3.0, tls and tls("http/1.1")) as wire:
            if kind == "http":
                wire.send(f"GET / HTTP/1.1\r\nHost: a\r\nX-Probe: {name}\r\n\r\n".encode())
                wire.response()
            else:
                web = WebSocket(wire)
                wire.send(web.opening("/", [("X-Probe", name)]))
                web.accepted()
    calls = server_report.read(folder / f"{name}.jsonl")
    return dict(calls[-1].scope) if calls and isinstance(calls[-1].scope, dict) else {}


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def client_context(protocol: str) -> ssl.SSLContext:
    """Trusts the suite's certificate, and offers one protocol by ALPN."""
    context = ssl.create_default_context(cadata=CERTIFICATE)
    context.set_alpn_protocols([protocol])
    return context


class Servers:
    """The stage of a run: servers that cases share, each started when it is first asked for."""

    patience_s = 3.0
    pause_s = 0.3

    def __init__(self, preset: Preset) -> None:
        self.preset = preset
        self._shared: dict[str, Process | Skip] = {}
        self._own: list[Process] = []
        self._lock = threading.RLock()

    def start(
        self, app: str = "app", kind: str = "plain", lifespan: str = "", ready: bool = True
    ) -> Process:
        """A server for one case. Raises StartFailed, or Skip."""
        server = Process(self.preset, kind, app, lifespan)
        with self._lock:
            self._own.append(server)
        if ready:
            server.wait()
        return server

    def shared(self, kind: str) -> Process:
        """The server of `kind`. Raises Skip where the command has none, StartFailed if it does not start."""
        with self._lock:
            if kind == "http2":
                return self._http2()
            found = self._shared.get(kind)
            if isinstance(found, Process) and found.process.poll() is not None:
                found = None  # a case killed it: that case has been told, the others get a new one
            if found is None:
                try:
                    found = self.start(kind=kind)
                except (Skip, StartFailed) as error:
                    if kind == "plain":
                        raise
                    reason = (
                        f"{error}: {error.hint[-300:]}" if isinstance(error, StartFailed) else error
                    )
                    found = Skip(str(reason))
                self._shared[kind] = found
        if isinstance(found, Skip):
            raise found
        return found

    def alone(self) -> "Servers":
        """A stage of the same server whose servers no other case has seen."""
        found = Servers(self.preset)
        found.patience_s, found.pause_s = self.patience_s, self.pause_s
        return found

    def _http2(self) -> Process:
        """Where HTTP/2 is spoken: without TLS, else with it."""
        for kind in ("plain", "tls"):
            with contextlib.suppress(Skip):
                server = self.shared(kind)
                if server.live("http2"):
                    return server
        raise Skip("the server speaks no HTTP/2")

    def close(self) -> None:
        """End all servers."""
        for server in self._own:
            server.close()


def version_of(name: str) -> str:
    """What is installed of the package that a preset names, or ""."""
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def python_version() -> str:
    """The interpreter that presets run on."""
    return sys.version.split()[0]
