"""Addresses to listen on, from text."""

import pytest

from penstock.config.addresses import (
    UNIX_PATH_BYTES_MAX,
    Address,
    Bind,
    FdAddress,
    SystemdAddress,
    TcpAddress,
    UnixAddress,
    check_host,
    parse_address,
    parse_bind,
)


@pytest.mark.parametrize(
    "text, address",
    [
        ("127.0.0.1:8000", TcpAddress("127.0.0.1", 8000)),
        ("localhost:0", TcpAddress("localhost", 0)),
        (":8000", TcpAddress("0.0.0.0", 8000)),
        ("[::1]:8000", TcpAddress("::1", 8000)),
        ("[::]:80", TcpAddress("::", 80)),
        ("tcp://0.0.0.0:80", TcpAddress("0.0.0.0", 80)),
        ("unix:/run/app.sock", UnixAddress("/run/app.sock")),
        ("unix:///run/app.sock", UnixAddress("/run/app.sock")),
        ("unix:app.sock", UnixAddress("app.sock")),
        ("/run/app.sock", UnixAddress("/run/app.sock")),
        ("fd://3", FdAddress(3)),
        ("fd:3", FdAddress(3)),
    ],
)
def test_every_spelling_gives_its_typed_address(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "address",
    [TcpAddress("127.0.0.1", 80), TcpAddress("::1", 80), UnixAddress("/x"), FdAddress(3)],
)
def test_an_address_is_read_back_as_it_is_shown(address: Address) -> None:
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text, hint",
    [
        ("8000", "write :8000"),
        ("0.0.0.0", "write 0.0.0.0:8000"),
        ("::1:8000", "needs brackets"),
        ("[::1]", "lacks a port"),
        ("[::1", "lacks a port"),
        ("[localhost]:80", "write localhost:80"),
        ("http://127.0.0.1:8000", "is a URL"),
        ("127.0.0.1:8000/", "is a URL"),
        ("127.0.0.1:65536", "from 0 to 65535"),
        ("127.0.0.1:x", "from 0 to 65535"),
        ("127.0.0.1:-1", "from 0 to 65535"),
        ("127.0.0.1:٣", "from 0 to 65535"),
        ("[fe80::zz]:80", "is no host"),
        ("a b:80", "is no host"),
        ("unix:", "needs a path"),
        ("unix:/a\0b", "NUL"),
        ("fd://x", "write fd://3"),
        ("", "half an address"),
    ],
)
def test_what_is_no_address_is_explained(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        parse_address(text)


def test_a_path_that_no_socket_can_have_is_refused_before_the_system_does() -> None:
    assert parse_address("/" + "a" * (UNIX_PATH_BYTES_MAX - 1))
    with pytest.raises(ValueError, match="takes 107"):
        parse_address("/" + "a" * UNIX_PATH_BYTES_MAX)


def test_a_host_may_be_given_with_or_without_brackets() -> None:
    assert check_host("[::1]") == check_host("::1") == "::1"


# ------------------------------------------------------------------------------------------------ binds


@pytest.mark.parametrize(
    "text, bind",
    [
        ("127.0.0.1:80", Bind(TcpAddress("127.0.0.1", 80))),
        ("[::]:443?tls", Bind(TcpAddress("::", 443), tls=True)),
        ("[::]:80?dual&redirect", Bind(TcpAddress("::", 80), redirect=True, dual=True)),
        ("unix:/s?mode=660", Bind(UnixAddress("/s"), mode=0o660)),
        ("/s?mode=0660&owner=www-data:web", Bind(UnixAddress("/s"), mode=0o660, owner="www-data:web")),
        ("/s?mode=0", Bind(UnixAddress("/s"), mode=0)),
        ("unix:@app?proxy", Bind(UnixAddress("@app"), proxy_protocol=True)),
        ("fd://3?tls&proxy&name=main", Bind(FdAddress(3), tls=True, proxy_protocol=True, name="main")),
        ("systemd:?tls", Bind(SystemdAddress(), tls=True)),
        ("systemd:web", Bind(SystemdAddress("web"))),
    ],
)  # fmt: skip
def test_a_bind_is_an_address_and_what_is_spoken_there(text: str, bind: Bind) -> None:
    assert parse_bind(text) == bind
    assert parse_bind(str(bind)) == bind


@pytest.mark.parametrize(
    "text, hint",
    [
        (":80?tsl", r"no bind option 'tsl'; did you mean tls\?"),
        (":80?prox", r"did you mean proxy\?"),
        (":80?zzz", "there are tls, redirect, proxy, dual, mode, owner, name"),
        (":80?", "no bind option ''"),
        (":80?tls&tls", "tls is given twice"),
        (":80?tls=off", "takes no value: leave it out"),
        (":80?dual", r"as in \[::\]:80\?dual"),
        (":80?mode=660", "as in unix:/run/app.sock"),
        ("fd://3?owner=www", "as in unix:/run/app.sock"),
        ("unix:@a?mode=660", "has no file, so it has no mode"),
        ("unix:/a?mode=999", "no file mode: write it in octal"),
        ("unix:/a?mode", "no file mode"),
        ("unix:/a?owner=:", "is user, user:group or :group"),
        ("unix:/a?owner", "is user, user:group or :group"),
        (":80?name=a b", "is a word"),
        ("unix:@", "needs a path"),
        ("systemd:\x07", "names no socket of systemd"),
    ],
)
def test_what_is_no_bind_is_explained(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        parse_bind(text)


def test_an_abstract_socket_is_a_name_without_a_file() -> None:
    address = parse_address("unix:@app")
    assert isinstance(address, UnixAddress)
    assert (address.abstract, address.sockname) == (True, "\0app")
    file = parse_address("unix:./@app")
    assert isinstance(file, UnixAddress)
    assert (file.abstract, file.sockname) == (False, "./@app")
