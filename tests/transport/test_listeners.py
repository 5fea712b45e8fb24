"""Addresses become listening sockets, or an error that says what to change."""

import os
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.config import Bind, FdAddress, SystemdAddress, TcpAddress, UnixAddress
from penstock.errors import BindError
from penstock.transport import listeners
from penstock.transport.listeners import GivenListener, make_listener, url_of

HERE = Bind(TcpAddress("127.0.0.1", 0))


@pytest.fixture
def opened() -> Iterator[Any]:
    made: list[Any] = []

    def open_(place: Any, mode: int = 0o666, *, listen: bool = True) -> Any:
        bind = place if isinstance(place, Bind) else Bind(place)
        listener = make_listener(bind, 16, mode)
        made.append(listener)
        listener.claim()
        if listen:
            listener.listen()
        return listener

    yield open_
    for listener in made:
        listener.close()


def answers(address: Any, family: int = socket.AF_INET) -> bool:
    with socket.socket(family) as client:
        client.settimeout(5)
        try:
            client.connect(address)
        except ConnectionRefusedError:
            return False
        return True


def test_port_zero_takes_a_port_and_says_which(opened: Any) -> None:
    listener = opened(TcpAddress("127.0.0.1", 0))
    port = listener.sockets[0].getsockname()[1]
    assert port > 0
    assert url_of(listener.sockets[0], listener.bind) == f"http://127.0.0.1:{port}"
    assert answers(("127.0.0.1", port))


def test_nobody_gets_through_between_claim_and_listen_life_06(opened: Any) -> None:
    listener = opened(TcpAddress("127.0.0.1", 0), listen=False)
    place = listener.sockets[0].getsockname()
    assert not answers(place)
    listener.listen()
    assert answers(place)


def test_ipv6_carries_ipv6_only_and_its_url_has_brackets(opened: Any) -> None:
    listener = opened(TcpAddress("::1", 0))
    (sock,) = listener.sockets
    assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
    assert url_of(sock, HERE) == f"http://[::1]:{sock.getsockname()[1]}"


def test_the_url_of_a_wildcard_is_one_that_can_be_asked_for(opened: Any) -> None:
    (sock,) = opened(TcpAddress("0.0.0.0", 0)).sockets
    assert url_of(sock, HERE) == f"http://127.0.0.1:{sock.getsockname()[1]}"
    (sock,) = opened(TcpAddress("::", 0)).sockets
    assert url_of(sock, HERE) == f"http://[::1]:{sock.getsockname()[1]}"


def two_families(*_: Any, **__: Any) -> Any:
    return [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
    ]


def test_a_name_with_two_addresses_has_one_port_on_both(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners.socket, "getaddrinfo", two_families)
    listener = opened(TcpAddress("localhost", 0))
    assert len({sock.getsockname()[1] for sock in listener.sockets}) == 1
    assert [sock.family for sock in listener.sockets] == [socket.AF_INET6, socket.AF_INET]


def test_a_chosen_port_that_is_taken_on_the_other_address_is_chosen_again(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners.socket, "getaddrinfo", two_families)
    real, refused = listeners._bound_tcp, 0

    def taken_twice(family: int, place: Any, dual: bool) -> socket.socket:
        nonlocal refused
        if family == socket.AF_INET and refused < 2:
            refused += 1
            raise OSError(listeners.errno.EADDRINUSE, "in use")
        return real(family, place, dual)

    monkeypatch.setattr(listeners, "_bound_tcp", taken_twice)
    listener = opened(TcpAddress("localhost", 0))
    assert refused == 2
    assert len(listener.sockets) == 2


def test_a_machine_without_one_of_the_families_serves_the_other(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners.socket, "getaddrinfo", two_families)
    real = listeners._bound_tcp

    def no_ipv6(family: int, place: Any, dual: bool) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(listeners.errno.EADDRNOTAVAIL, "not available")
        return real(family, place, dual)

    monkeypatch.setattr(listeners, "_bound_tcp", no_ipv6)
    assert [sock.family for sock in opened(TcpAddress("localhost", 0)).sockets] == [socket.AF_INET]


def test_a_taken_port_is_known_at_claim_and_the_error_says_how_to_go_on_v02(opened: Any) -> None:
    port = opened(TcpAddress("127.0.0.1", 0)).sockets[0].getsockname()[1]
    with pytest.raises(BindError, match=rf"Port {port} on 127\.0\.0\.1 is taken") as caught:
        opened(TcpAddress("127.0.0.1", port))
    assert caught.value.exit_code == 5
    assert "--port" in caught.value.hint


def test_a_port_taken_between_claim_and_listen_is_a_bind_error_too(opened: Any) -> None:
    first = opened(TcpAddress("127.0.0.1", 0), listen=False)
    second = opened(TcpAddress("127.0.0.1", first.sockets[0].getsockname()[1]), listen=False)
    first.listen()
    with pytest.raises(BindError, match="is taken"):
        second.listen()


@pytest.mark.parametrize(
    "error, text, hint",
    [
        (PermissionError(13, "Permission denied"), "Not allowed", "CAP_NET_BIND_SERVICE"),
        (OSError(99, "Cannot assign requested address"), "no address of this machine", "0.0.0.0"),
        (OSError(5, "Input/output error"), "Input/output error", ""),
    ],
)
def test_other_failures_of_bind_are_explained(
    opened: Any, monkeypatch: pytest.MonkeyPatch, error: OSError, text: str, hint: str
) -> None:
    def fails(*_: Any) -> socket.socket:
        raise error

    monkeypatch.setattr(listeners, "_bound_tcp", fails)
    with pytest.raises(BindError, match=text) as caught:
        opened(TcpAddress("127.0.0.1", 80))
    assert hint in caught.value.hint


def test_a_host_name_without_address_is_explained(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(listeners.socket, "getaddrinfo", unknown)
    with pytest.raises(BindError, match=r"'nowhere\.invalid' has no address"):
        opened(TcpAddress("nowhere.invalid", 80))


def test_a_unix_socket_has_the_mode_that_was_asked_for_x10(tmp_path: Path, opened: Any) -> None:
    path = tmp_path / "s"
    before = os.umask(0o077)
    try:
        listener = opened(UnixAddress(str(path)), 0o660)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.lstat().st_mode) == 0o660
    assert answers(str(path), socket.AF_UNIX)
    assert url_of(listener.sockets[0], listener.bind) == f"unix:{path}"


def test_the_umask_is_as_before_when_a_unix_socket_was_made(tmp_path: Path, opened: Any) -> None:
    before = os.umask(0o027)
    try:
        opened(UnixAddress(str(tmp_path / "s")))
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)


def test_a_unix_socket_can_be_bound_before_it_lets_anybody_in_life_06(
    tmp_path: Path, opened: Any
) -> None:
    """As who will not be allowed to make the file later has to."""
    path = tmp_path / "s"
    listener = opened(UnixAddress(str(path)), 0o600, listen=False)
    assert not path.exists()
    listener.reserve()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not answers(str(path), socket.AF_UNIX)
    listener.listen()
    assert len(listener.sockets) == 1
    assert answers(str(path), socket.AF_UNIX)
    listener.close()
    assert not path.exists()


def test_a_unix_socket_is_removed_at_the_end(tmp_path: Path, opened: Any) -> None:
    path = tmp_path / "s"
    opened(UnixAddress(str(path))).close()
    assert not path.exists()


def test_a_socket_that_somebody_else_put_in_its_place_stays(tmp_path: Path, opened: Any) -> None:
    path = tmp_path / "s"
    first = opened(UnixAddress(str(path)))
    path.rename(tmp_path / "old")  # as a new server does that takes over
    opened(UnixAddress(str(path)))
    first.close()
    assert answers(str(path), socket.AF_UNIX)


def test_a_left_over_unix_socket_is_replaced_x10(tmp_path: Path, opened: Any) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.is_socket()
    opened(UnixAddress(str(path)))
    assert answers(str(path), socket.AF_UNIX)


@pytest.mark.parametrize("full", [False, True])
def test_a_unix_socket_that_somebody_keeps_is_left_alone_x10(
    tmp_path: Path, opened: Any, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "STALE_CHECK_S", 0.05)
    path = tmp_path / "s"
    waiting = []
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen(0)
        if full:  # its queue takes no more, so the probe finds it busy and not stale
            for _ in range(2):
                client = socket.socket(socket.AF_UNIX)
                client.setblocking(False)
                client.connect_ex(str(path))
                waiting.append(client)
        with pytest.raises(BindError, match="Another program listens"):
            opened(UnixAddress(str(path)))
        for client in waiting:
            client.close()
    assert path.is_socket()


def test_a_symbolic_link_is_neither_followed_nor_removed_x10(tmp_path: Path, opened: Any) -> None:
    target, path = tmp_path / "target", tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(target))
    path.symlink_to(target)
    with pytest.raises(BindError, match="is a symbolic link, so it is left alone"):
        opened(UnixAddress(str(path)))
    assert path.is_symlink()
    assert target.is_socket()


def test_a_file_is_never_removed_x10(tmp_path: Path, opened: Any) -> None:
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(BindError, match="is no socket, so it is left alone"):
        opened(UnixAddress(str(path)))
    assert path.read_text() == "precious"


def test_a_missing_folder_is_explained(tmp_path: Path, opened: Any) -> None:
    with pytest.raises(BindError, match=r"The folder of .* is not there"):
        opened(UnixAddress(str(tmp_path / "no" / "s")))


def test_an_inherited_descriptor_is_served_and_not_passed_on_v06(opened: Any) -> None:
    made = socket.create_server(("127.0.0.1", 0))
    place = made.getsockname()
    os.set_inheritable(made.fileno(), True)
    listener = opened(FdAddress(made.detach()))
    assert answers(place)
    assert not listener.sockets[0].get_inheritable()
    assert listener.sockets[0].gettimeout() == 0


def test_a_descriptor_that_is_no_socket_is_explained(opened: Any, tmp_path: Path) -> None:
    with open(tmp_path / "file", "w") as file, pytest.raises(BindError, match="is no socket"):
        opened(FdAddress(file.fileno()))


def test_a_datagram_socket_is_refused() -> None:
    with (
        socket.socket(type=socket.SOCK_DGRAM) as sock,
        pytest.raises(BindError, match="SOCK_DGRAM"),
    ):
        GivenListener([sock], 16, HERE).claim()


def test_a_connected_socket_is_refused() -> None:
    left, right = socket.socketpair()
    with left, right, pytest.raises(BindError, match="Cannot listen on the given"):
        listener = GivenListener([left], 16, HERE)
        listener.claim()
        listener.listen()


def test_a_dual_bind_takes_both_families(opened: Any) -> None:
    """Only where it is asked for: the others carry IPv6 alone."""
    (sock,) = opened(Bind(TcpAddress("::", 0), dual=True)).sockets
    port = sock.getsockname()[1]
    assert answers(("127.0.0.1", port))
    assert answers(("::1", port), socket.AF_INET6)
    (sock,) = opened(TcpAddress("::", 0)).sockets
    assert not answers(("127.0.0.1", sock.getsockname()[1]))


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
def test_an_abstract_socket_leaves_no_file(opened: Any, monkeypatch: Any, tmp_path: Path) -> None:
    """X10: nothing to remove, and taken is taken."""
    monkeypatch.chdir(tmp_path)
    name = f"@penstock-test-{os.getpid()}"
    listener = opened(UnixAddress(name))
    assert url_of(listener.sockets[0], listener.bind) == f"unix:{name}"
    assert answers("\0" + name[1:], socket.AF_UNIX)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(BindError, match="Another program listens"):
        opened(UnixAddress(name))
    listener.close()
    opened(UnixAddress(name))


def test_a_socket_file_has_the_mode_and_owner_of_its_bind(opened: Any, tmp_path: Path) -> None:
    """X10: `?mode=` and `?owner=` win over the options for all."""
    owner = f"{os.getuid()}:{os.getgid()}"
    path = tmp_path / "s"
    opened(Bind(UnixAddress(str(path)), mode=0o640, owner=owner), 0o666)
    found = path.lstat()
    assert stat.S_IMODE(found.st_mode) == 0o640
    assert (found.st_uid, found.st_gid) == (os.getuid(), os.getgid())


@pytest.mark.parametrize("owner", ["nobody-of-that-name", ":no-such-group", "0:no-such-group"])
def test_an_owner_that_is_not_there_is_explained_before_anything_is_made(
    opened: Any, tmp_path: Path, owner: str
) -> None:
    with pytest.raises(BindError, match="no such owner"):
        opened(Bind(UnixAddress(str(tmp_path / "s")), owner=owner))
    assert list(tmp_path.iterdir()) == []


def test_an_owner_may_be_a_user_a_group_or_both() -> None:
    import grp
    import pwd

    user, group = pwd.getpwuid(os.getuid()), grp.getgrgid(os.getgid())
    assert listeners.owner_ids("") == (-1, -1)
    assert listeners.owner_ids(user.pw_name) == (user.pw_uid, -1)
    assert listeners.owner_ids(f":{group.gr_name}") == (-1, group.gr_gid)
    assert listeners.owner_ids("1:2") == (1, 2)


def test_systemd_sockets_are_asked_for_by_name_and_missing_ones_explained() -> None:
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as passed:

        def activated(name: str) -> list[socket.socket]:
            asked.append(name)
            return [passed] if name == "web" else []

        bind = Bind(SystemdAddress("web"), proxy_protocol=True)
        listener = make_listener(bind, 16, 0o666, activated)
        assert (listener.sockets, listener.bind) == ([passed], bind)
    for places in (activated, None):
        with pytest.raises(BindError, match="systemd has opened no socket for systemd:other"):
            make_listener(Bind(SystemdAddress("other")), 16, 0o666, places)
    assert asked == ["web", "other"]
