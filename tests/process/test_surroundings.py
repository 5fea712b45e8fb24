"""What surrounds the server's process: entered in the right order, given back at the end."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.config import Config
from penstock.errors import BindError, SetupError, UsageError
from penstock.process import identity
from penstock.process.surroundings import Surroundings
from tests.command import DEADLINE_S, ENVIRON, Process, python

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")


@pytest.fixture
def entered() -> Iterator[Callable[..., Surroundings]]:
    opened: list[Surroundings] = []

    def enter(environ: dict[str, str] | None = None, **options: Any) -> Surroundings:
        around = Surroundings(Config("app:app", **options), {} if environ is None else environ)
        opened.append(around)
        around.enter(bind=True)
        return around

    yield enter
    for around in opened:
        around.leave()


def test_sockets_are_bound_and_let_nobody_in_before_listen(
    entered: Callable[..., Surroundings], tmp_path: Path
) -> None:
    around = entered(port=0)
    ((sock, bind),) = around.sockets
    assert bind.scheme == "http"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(sock.getsockname(), 5)
    around.listen()
    socket.create_connection(sock.getsockname(), 5).close()


def test_all_is_given_back_at_the_end_and_when_the_start_fails(tmp_path: Path) -> None:
    options: dict[str, Any] = {"uds": tmp_path / "s", "pid": tmp_path / "pid"}
    around = Surroundings(Config("app:app", **options), {})
    around.enter(bind=True)
    around.listen()
    assert sorted(os.listdir(tmp_path)) == ["pid", "s"]
    another = Surroundings(Config("app:app", **{**options, "pid": tmp_path / "pid2"}), {})
    with pytest.raises(BindError, match="Another program listens"):
        another.enter(bind=True)
    assert sorted(os.listdir(tmp_path)) == ["pid", "s"]
    around.leave()
    around.leave()
    assert os.listdir(tmp_path) == []


def test_a_pid_file_of_a_living_process_stops_the_start_before_anything_is_bound_v07(
    tmp_path: Path,
) -> None:
    (tmp_path / "pid").write_text(f"{os.getppid()}\n")
    around = Surroundings(Config("app:app", uds=tmp_path / "s", pid=tmp_path / "pid"), {})
    with pytest.raises(SetupError, match=f"belongs to process {os.getppid()}"):
        around.enter(bind=True)
    assert os.listdir(tmp_path) == ["pid"]


def test_the_umask_is_set(entered: Callable[..., Surroundings]) -> None:
    before = os.umask(0o022)
    try:
        entered(port=0, umask="027")
        assert os.umask(0o022) == 0o027
    finally:
        os.umask(before)


def test_the_user_changes_after_the_sockets_are_bound_and_owns_their_files(
    entered: Callable[..., Surroundings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[Any] = []
    monkeypatch.setattr(os, "chown", lambda path, *who, **_: order.append((str(path), *who)))
    monkeypatch.setattr(
        identity, "become", lambda who, _: order.append((who.name, os.listdir(tmp_path)))
    )
    entered(user="nobody", uds=tmp_path / "s", pid=tmp_path / "pid")
    who = identity.find("nobody", None)
    assert who is not None
    assert order[0] == (str(tmp_path / "s"), who.uid, who.gid)
    assert order[1][0] == "nobody"
    assert sorted(order[1][1]) == ["pid", "s"]


def test_an_owner_of_its_own_wins_over_the_user(
    entered: Callable[..., Surroundings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners: list[Any] = []
    monkeypatch.setattr(os, "chown", lambda path, *who, **_: owners.append(who))
    monkeypatch.setattr(identity, "become", lambda *_: None)
    entered(user="nobody", uds=tmp_path / "s", uds_owner="12:34")
    around = entered(user="nobody", bind=f"unix:{tmp_path / 't'}?owner=:56", uds_owner="12:34")
    around.listen()
    assert owners == [(12, 34), (-1, 56)]


def test_a_slip_in_the_user_stops_the_start_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no user 'no-such'"):
        Surroundings(Config("app:app", user="no-such", pid=tmp_path / "pid"), {})
    assert os.listdir(tmp_path) == []


# ------------------------------------------------------------------------------------------- systemd

ACTIVATED = """
import os, socket
from penstock.config import Config
from penstock.errors import BindError
from penstock.process.surroundings import Surroundings
made = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
ports = [sock.getsockname()[1] for sock in made]
for number, sock in enumerate(made):
    os.dup2(sock.detach(), 20 + number)
kept = []
def tried(**options):
    for number in range(2):
        os.dup2(20 + number, 3 + number)
    environ = {"LISTEN_FDS": "2", "LISTEN_PID": str(os.getpid()), "LISTEN_FDNAMES": "web:admin"}
    around = Surroundings(Config("app:app", **options), environ)
    kept.append(around)
    try:
        around.enter(bind=True)
    except BindError as error:
        return str(error)
    bound = [(sock.getsockname()[1], str(bind)) for sock, bind in around.sockets]
    kept.extend(sock.detach() for sock, _ in around.sockets)
    return [(ports.index(p), b) for p, b in bound if p in ports], around.unserved()
for number, options in enumerate(OPTIONS):
    print(tried(**options))
os._exit(0)  # descriptors 3 and 4 had many owners
"""

CASES: list[tuple[dict[str, Any], str]] = [
    ({}, "([(0, 'systemd:'), (1, 'systemd:')], '')"),
    ({"bind": "systemd:"}, "([(0, 'systemd:'), (1, 'systemd:')], '')"),
    ({"bind": "systemd:admin?proxy"}, "[(1, 'systemd:admin?proxy')]"),
    ({"bind": "systemd:admin"}, "descriptor 3 (web);"),
    ({"bind": ["systemd:admin", "systemd:web"]}, "[(1, 'systemd:admin'), (0, 'systemd:web')], ''"),
    ({"bind": ["fd://3", "systemd:admin"]}, "(1, 'systemd:admin')], '')"),
    ({"port": 0}, "descriptor 3 (web), 4 (admin);"),
    ({"bind": "systemd:api"}, "no socket with the name 'api', but: web, admin"),
    ({"bind": ["systemd:", "systemd:web"]}, "Two binds mean the socket"),
]


def test_systemds_sockets_are_served_where_a_bind_names_them_or_no_address_is_said() -> None:
    done = python(ACTIVATED.replace("OPTIONS", repr([options for options, _ in CASES])), "-u")
    lines = done.stdout.splitlines()
    assert len(lines) == len(CASES), done.stderr
    for line, (options, expected) in zip(lines, CASES, strict=True):
        assert expected in line, (options, line)


APPLICATION = """
import os, subprocess, sys
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive(); await send({"type": "lifespan.startup.complete"})
        await receive(); await send({"type": "lifespan.shutdown.complete"})
        return
    names = [n for n in os.environ if n.startswith(("LISTEN_", "NOTIFY_", "WATCHDOG_"))]
    who = [*os.getresuid(), *os.getresgid(), open("/proc/self/comm").read().strip()]
    body = repr((names, who)).encode()
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
"""

# As systemd starts a service: sockets from descriptor 3 on, and the pid of the very process in
# LISTEN_PID, which only it knows itself.
LAUNCHER = """
import os, sys
fd = int(sys.argv[1])
if fd >= 0:
    os.dup2(fd, 3, inheritable=True)
    os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES="web")
os.execv(sys.executable, [sys.executable, "-m", "penstock", *sys.argv[2:]])
"""

# The Python of the tests may lie where another user cannot read it.
ALL_IMPORTED = """
import sys
sys.argv[1:2] = []
import asyncio, importlib, pkgutil
import penstock, service
for found in pkgutil.walk_packages(penstock.__path__, "penstock."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
from penstock.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


class Service:
    """The command as systemd starts it, with a socket for its news."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        passed: int = -1,
        launcher: str = LAUNCHER,
        **environ: str,
    ) -> None:
        (folder / "service.py").write_text(APPLICATION)
        self.news = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.news.bind(str(folder / "notify"))
        (folder / "notify").chmod(0o777)  # as systemd's own
        self.news.settimeout(DEADLINE_S)
        self.output = (folder / "output").open("w+b")
        self.child = subprocess.Popen(
            [sys.executable, "-c", launcher, str(passed), "service:app", *arguments],
            cwd=folder,
            env={**ENVIRON, "NOTIFY_SOCKET": str(folder / "notify"), **environ},
            pass_fds=[passed] if passed >= 0 else [],
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
        )

    def until(self, start: bytes) -> bytes:
        while not (data := self.news.recv(1000)).startswith(start):
            pass
        return data

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.news.close()
        if kind is not None:
            self.output.seek(0)
            print(self.output.read().decode())
        self.output.close()


def asked(sock: socket.socket) -> bytes:
    sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    data = b""
    while part := sock.recv(1000):
        data += part
    return data.partition(b"\r\n\r\n")[2]


def test_one_process_serves_systemds_socket_and_tells_it_how_it_is(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as sock,
        socket.create_connection(sock.getsockname(), DEADLINE_S) as early,
        Service(tmp_path, passed=sock.fileno(), WATCHDOG_USEC="200000") as service,
    ):
        # It had connected before the service was there at all
        assert asked(early).startswith(b"([], [")
        ready = service.until(b"READY=1")
        assert f"STATUS=Serving on http://127.0.0.1:{sock.getsockname()[1]}".encode() in ready
        service.until(b"WATCHDOG=1")
        service.until(b"WATCHDOG=1")
        service.child.send_signal(signal.SIGTERM)
        service.until(b"STOPPING=1")
        assert service.child.wait(DEADLINE_S) == 0


def test_systemd_hears_why_a_service_does_not_start(tmp_path: Path) -> None:
    with Service(tmp_path, "--bind", "systemd:") as service:
        assert b"STATUS=Not started: systemd passed no socket" in service.until(b"STATUS")
        assert service.child.wait(DEADLINE_S) == 5


@root_only
def test_one_process_binds_as_root_and_serves_as_another_user(
    open_folder: Path,
) -> None:
    path, pid = open_folder / "s", open_folder / "pid"
    arguments = ("--uds", str(path), "--uds-mode", "600", "--user", "nobody", "--pid", str(pid),
                 "--name", "site")  # fmt: skip
    who = identity.find("nobody", None)
    assert who is not None
    with Service(open_folder, *arguments, launcher=ALL_IMPORTED) as service:
        service.until(b"READY=1")
        assert pid.read_text() == f"{service.child.pid}\n"
        found = path.stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (
            who.uid,
            who.gid,
            0o600,
        )
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(DEADLINE_S)
            client.connect(str(path))
            ids = f"{who.uid}, {who.uid}, {who.uid}, {who.gid}, {who.gid}, {who.gid}"
            assert asked(client).decode() == f"([], [{ids}, 'site'])"
        service.child.send_signal(signal.SIGTERM)
        assert service.child.wait(DEADLINE_S) == 0
    # The folder is root's, so the files could not be removed; the pid file names nobody any more
    assert pid.read_text() == ""


@pytest.mark.real
def test_a_supervisor_serves_systemds_socket_and_tells_it_of_reloads(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as sock,
        Service(
            tmp_path, "--workers", "2", passed=sock.fileno(), WATCHDOG_USEC="400000"
        ) as service,
    ):
        service.until(b"READY=1")
        with socket.create_connection(sock.getsockname(), DEADLINE_S) as client:
            seen = asked(client).decode()
            assert seen.startswith("([], [")  # the workers know nothing of systemd
            assert seen.endswith((", 'penstock w1'])", ", 'penstock w2'])"))
        service.until(b"WATCHDOG=1")
        service.child.send_signal(signal.SIGHUP)
        reloading = service.until(b"RELOADING=1").decode()
        said_us = int(reloading.partition("MONOTONIC_USEC=")[2].split()[0])
        assert abs(said_us / 1e6 - time.monotonic()) < DEADLINE_S
        service.until(b"READY=1")
        service.until(b"WATCHDOG=1")
        service.child.send_signal(signal.SIGTERM)
        service.until(b"STOPPING=1")
        assert service.child.wait(DEADLINE_S) == 0


@pytest.mark.real
def test_a_new_version_of_the_program_takes_service_and_pid_file_over(tmp_path: Path) -> None:
    pid, path = tmp_path / "pid", tmp_path / "s"
    with Service(tmp_path, "--workers", "1", "--pid", str(pid), "--uds", str(path)) as service:
        service.until(b"READY=1")
        assert pid.read_text() == f"{service.child.pid}\n"
        service.child.send_signal(signal.SIGUSR2)
        successor = int(service.until(b"MAINPID=")[8:])
        try:
            assert service.child.wait(DEADLINE_S) == 0
            assert pid.read_text() == f"{successor}\n"
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(DEADLINE_S)
                client.connect(str(path))
                assert asked(client).startswith(b"([], [")
        finally:
            os.kill(successor, signal.SIGTERM)
        deadline = time.monotonic() + DEADLINE_S
        while pid.exists() or path.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.mark.real
@root_only
def test_workers_have_the_group_of_their_supervisor_and_no_other(tmp_path: Path) -> None:
    arguments = ("--workers", "1", "--uds", str(tmp_path / "s"), "--group", "54321")
    with Service(tmp_path, *arguments) as service:
        service.until(b"READY=1")
        assert (tmp_path / "s").stat().st_gid == 54321
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(DEADLINE_S)
            client.connect(str(tmp_path / "s"))
            assert asked(client).decode() == "([], [0, 0, 0, 54321, 54321, 54321, 'penstock w1'])"
        service.child.send_signal(signal.SIGTERM)
        assert service.child.wait(DEADLINE_S) == 0


def test_a_start_that_needs_nothing_of_it_does_not_import_it(
    start: Callable[..., Process],
) -> None:
    program = (
        "import os, sys\n"
        "from penstock.config import Config\n"
        "from penstock.process.run import _surroundings\n"
        "assert _surroundings(Config('x:y')) is None\n"
        "print([n for n in sys.modules if n.startswith('penstock.process.s')\n"
        "       and n != 'penstock.process.signals'])\n"
    )
    assert python(program).stdout == "[]\n"
