"""Addresses to listen on, from text."""

import pytest

from penstock.config.addresses import (
    UNIX_PATH_BYTES_MAX,
    Address,
    FdAddress,
    TcpAddress,
    UnixAddress,
    check_host,
    parse_address,
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
