"""A server that is wrong on purpose: Penstock, with a fault between it and the probe, or between it and the client.

A case is tried on it twice: as it is the case must pass, with its fault it must not.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import penstock
from penstock.conformance import server_probe
from penstock.conformance.client_http1 import Wrong
from penstock.conformance.server_cases import all_cases
from penstock.conformance.server_certificate import CERTIFICATE, KEY
from penstock.conformance.server_process import client_context, live_scope
from penstock.conformance.server_trial import PASS, Case, attempt

App = Callable[[Any, Any, Any], Any]
# How long a case waits for what must come, and for what must not: long only where it is not there in vain
PATIENCE_S, PATIENCE_WITH_FAULT_S = 20.0, 1.3
PAUSE_S, PAUSE_WITH_FAULT_S = 0.12, 1.0


class Fault(NamedTuple):
    """What is wrong: a middleware around the application, changes of the bytes in both directions, announcements."""

    wrap: Callable[[App, Any, Any, Any], Any] | None = None
    to_client: Callable[[bytes], bytes] | None = None
    to_server: Callable[[bytes], bytes] | None = None
    keep_open: bool = False  # the client does not hear that the server has closed
    cut: bool = False  # the server's side ends with the first bytes of the answer
    live: dict[str, dict[str, Any]] | None = None


def scope(**changes: Any) -> Fault:
    """The application gets another scope."""

    async def wrap(app: App, scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, **changes}, receive, send)

    return Fault(wrap)


def rescope(change: Callable[[Any], Any]) -> Fault:
    """The application gets what `change` makes of a copy of the scope."""

    async def wrap(app: App, scope: Any, receive: Any, send: Any) -> None:
        await app(change({**scope}), receive, send)

    return Fault(wrap)


def header(change: Callable[[list[Any]], list[Any]]) -> Fault:
    """The application gets other request headers."""
    return rescope(lambda scope: {**scope, "headers": change(list(scope["headers"]))})


def events(change: Callable[[Any], Any]) -> Fault:
    """The application gets other events."""

    async def wrap(app: App, scope: Any, receive: Any, send: Any) -> None:
        async def altered() -> Any:
            return change(await receive())

        await app(scope, altered, send)

    return Fault(wrap)


def sends(change: Callable[[Any], list[Any]]) -> Fault:
    """The server gets other messages than the application sends."""

    async def wrap(app: App, scope: Any, receive: Any, send: Any) -> None:
        async def altered(message: Any) -> None:
            for each in change(message):
                await send(each)

        await app(scope, receive, altered)

    return Fault(wrap)


def lenient() -> Fault:
    """send() raises nothing."""

    async def wrap(app: App, scope: Any, receive: Any, send: Any) -> None:
        async def altered(message: Any) -> None:
            with contextlib.suppress(Exception):
                await send(message)

        await app(scope, receive, altered)

    return Fault(wrap)


def strict(kind: type[BaseException] = RuntimeError, when: Callable[[Any], bool] = bool) -> Fault:
    """send() raises for messages that `when` is true of."""

    async def wrap(app: App, scope: Any, receive: Any, send: Any) -> None:
        async def altered(message: Any) -> None:
            if when(message):
                raise kind("on purpose")
            await send(message)

        await app(scope, receive, altered)

    return Fault(wrap)


def replaced(old: bytes, new: bytes) -> Fault:
    """The client gets other bytes."""
    return Fault(to_client=lambda data: data.replace(old, new))


def received(old: bytes, new: bytes) -> Fault:
    """The server gets other bytes."""
    return Fault(to_server=lambda data: data.replace(old, new))


class _Relay:
    """A TCP relay in front of a server, which changes what passes."""

    def __init__(self, address: Any, fault: Fault) -> None:
        self._address = address
        self._fault = fault
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._address)
            self._sockets += [client, server]
            fault = self._fault
            for source, target, change, end in (
                (client, server, fault.to_server, True),
                (server, client, fault.to_client, not fault.keep_open),
            ):
                thread = threading.Thread(target=self._pump, args=(source, target, change, end))
                self._threads.append(thread)
                thread.start()

    def _pump(self, source: socket.socket, target: socket.socket, change: Any, end: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data if change is None else change(data))
                if self._fault.cut and change is self._fault.to_client:
                    break
        if end:
            with contextlib.suppress(OSError):
                target.shutdown(socket.SHUT_RDWR if self._fault.cut else socket.SHUT_WR)

    def close(self) -> None:
        """Close everything, and wait for the threads."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join()
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join()


class _Place:
    """A server to try a case on."""

    def __init__(self, folder: Path, address: Any, tls: Any, live: Any) -> None:
        self.folder, self.address, self.tls = folder, address, tls
        self._live = live

    def log(self) -> str:
        """Nothing: it is in this process."""
        return ""

    def live(self, kind: str) -> dict[str, Any]:
        """A scope that the application got."""
        return dict(self._live(kind))


class Crooked:
    """Servers in a thread of this process; a stage for each case comes from `judged`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places: dict[str, Any] = {}
        self.faults: dict[str, Fault] = {}
        self._count = 0
        self._live: dict[tuple[str, str], dict[str, Any]] = {}
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        server_probe.folder = str(folder)
        (folder / "cert.pem").write_text(CERTIFICATE)
        (folder / "key.pem").write_text(KEY)
        self._thread.start()
        assert self._ready.wait(20)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        fault = self.faults.get(server_probe._named(scope))
        if fault is None or fault.wrap is None:
            await server_probe.app(scope, receive, send)
        else:
            await fault.wrap(server_probe.app, scope, receive, send)

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        tls = {
            "ssl_certfile": str(self.folder / "cert.pem"),
            "ssl_keyfile": str(self.folder / "key.pem"),
        }
        more: dict[str, dict[str, Any]] = {
            "plain": {"port": 0},
            "tls": {"port": 0, **tls},
            "unix": {"uds": str(self.folder / "socket")},
            "root": {"port": 0, "root_path": "/mnt", "lifespan": "off"},
        }
        async with contextlib.AsyncExitStack() as stack:
            for kind, options in more.items():
                options = {"lifespan": "on", "timeout_graceful_shutdown": 0.2, **options}
                server = await stack.enter_async_context(penstock.Server(self._app, **options))
                address: Any = self.folder / "socket"
                if kind != "unix":
                    address = ("127.0.0.1", int(server.url.rpartition(":")[2].rstrip("/")))
                self.places[kind] = address if kind != "unix" else str(address)
            self._ready.set()
            await self._end.wait()

    def close(self) -> None:
        """End the servers."""
        assert self._loop is not None and self._end is not None
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def live(self, place: str, kind: str) -> dict[str, Any]:
        """A scope of the faultless server."""
        if (place, kind) not in self._live:
            tls = client_context if place == "tls" else None
            try:
                found = live_scope(self.places[place], tls, self.folder, kind)
            except Wrong:
                found = {}
            self._live[place, kind] = found
        return self._live[place, kind]

    def verdict(self, case: Case, fault: Fault | None, right: bool) -> str:
        """What the case says of the server with this fault, in words if it is no failure.

        `right`: the case should pass, and nothing but a wrong case or server keeps it waiting.
        """
        self._count += 1
        case = case._replace(key=f"{case.key}-{self._count}")
        if fault is not None:
            self.faults[case.key] = fault
        stage = _Stage(self, fault, right)
        try:
            result = attempt(stage, case)
        finally:
            stage.close()
        if result.verdict in {"fail", "warn"} and fault is not None:
            return result.verdict
        return f"{result.verdict}: {result.came}"


class _Stage:
    def __init__(self, crooked: Crooked, fault: Fault | None, right: bool) -> None:
        self._crooked, self._fault = crooked, fault
        self.patience_s = PATIENCE_S if right else PATIENCE_WITH_FAULT_S
        self.pause_s = PAUSE_S if right else PAUSE_WITH_FAULT_S
        self._relays: list[_Relay] = []

    def shared(self, kind: str) -> Any:
        """The server of this kind, behind a relay if the fault needs one."""
        kind = "plain" if kind == "http2" else kind
        address = self._crooked.places[kind]
        fault = self._fault
        tls = client_context if kind == "tls" else None
        if fault is not None and (
            fault.to_client or fault.to_server or fault.keep_open or fault.cut
        ):
            self._relays.append(_Relay(address, fault))
            address = self._relays[-1].address
        told = (fault.live or {}) if fault is not None else {}
        return _Place(
            self._crooked.folder,
            address,
            tls,
            lambda wanted: told[wanted] if wanted in told else self._crooked.live(kind, wanted),
        )

    def alone(self) -> "_Stage":
        """The same."""
        return self

    def start(self, *_: Any, **__: Any) -> Any:
        """Cases that start servers are tried with processes."""
        raise NotImplementedError

    def close(self) -> None:
        """End the relays."""
        for relay in self._relays:
            relay.close()


@contextmanager
def crooked_server(folder: Path) -> Iterator[Crooked]:
    """A crooked server while the block runs."""
    before = server_probe.folder
    crooked = Crooked(folder)
    try:
        yield crooked
    finally:
        crooked.close()
        server_probe.folder = before


def cases_of(area: str) -> dict[str, Case]:
    """Name of the function → case."""
    return {case.run.__name__: case for case in all_cases() if case.area == area}


def unseen(
    crooked: Crooked,
    area: str,
    faults: dict[str, Fault],
    elsewhere: tuple[str, ...] = (),
    right: dict[str, Fault] | None = None,
) -> dict[str, str]:
    """What of an area's cases is wrong: that it has no fault, fails without one, or passes with it.

    `elsewhere` are cases that start servers themselves, and are tried with processes. `right` are other
    servers that do right: what a case asks for may not apply to this one.
    """
    right = right or {}
    cases = {name: case for name, case in cases_of(area).items() if name not in elsewhere}
    wrong = dict.fromkeys(cases.keys() - faults.keys(), "has no fault")
    wrong |= dict.fromkeys(faults.keys() - cases.keys(), "is no case")
    tried = [name for name in cases if name in faults]

    def verdicts(with_fault: bool) -> Iterable[tuple[str, str]]:
        chosen = faults if with_fault else right
        told = pool.map(
            lambda name: crooked.verdict(cases[name], chosen.get(name), not with_fault), tried
        )
        return zip(tried, told, strict=True)

    with ThreadPoolExecutor(8) as pool:
        # One after the other: some faults harm whatever else runs in the process
        for name, verdict in verdicts(with_fault=False):
            if not verdict.startswith(PASS):
                wrong[f"{name} without a fault"] = verdict
        for name, verdict in verdicts(with_fault=True):
            if verdict not in {"fail", "warn"}:
                wrong[f"{name} with its fault"] = verdict
    return wrong
