"""The server name of a TLS client is found in its first message, whole or in pieces."""

import ssl

from hypothesis import given
from hypothesis import strategies as st

from penstock.wire.client_hello import server_name


def hello(name: str | None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bytes:
    """What OpenSSL's client says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def in_records(message: bytes, size: int) -> bytes:
    """The same handshake message in records of `size` bytes."""
    pieces = [message[at : at + size] for at in range(0, len(message), size)]
    return b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2) + piece for piece in pieces)


def test_the_name_is_found() -> None:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        assert server_name(hello("Www.Example.test", version)) == "www.example.test"


def test_a_client_that_names_none_has_an_empty_name() -> None:
    assert server_name(hello(None)) == ""


def test_an_address_is_no_name() -> None:
    """RFC 6066 section 3: clients send no literal addresses."""
    assert server_name(hello("192.0.2.1")) == ""


def test_it_is_the_same_when_the_bytes_come_one_by_one() -> None:
    data = hello("example.test")
    found = [server_name(data[:size]) for size in range(len(data) + 1)]
    assert found == [None] * len(data) + ["example.test"]


def test_a_message_in_many_records_is_put_together() -> None:
    message = hello("example.test")[5:]
    for size in (50, 100, len(message)):
        assert server_name(in_records(message, size)) == "example.test"


def test_a_message_in_more_records_than_any_client_makes_is_left_to_openssl() -> None:
    message = hello("example.test")[5:]
    assert server_name(in_records(message, 1)) == ""
    assert server_name(in_records(message, 1)[:-1]) == ""


def test_a_name_that_is_no_ascii_is_none() -> None:
    data = hello("example.test").replace(b"example.test", b"\xffxample.test")
    assert server_name(data) == ""


def test_a_final_dot_does_not_count() -> None:
    data = hello("example.test").replace(b"example.test", b"example.tes.")
    assert server_name(data) == "example.tes"


def test_a_message_longer_than_any_hello_is_left_to_openssl() -> None:
    assert server_name(b"\x16\x03\x01\x00\x04\x01\xff\xff\xff") == ""


def test_empty_records_without_end_are_left_to_openssl() -> None:
    assert server_name(b"\x16\x03\x01\x00\x00") == ""


def test_another_message_is_no_hello() -> None:
    assert server_name(b"\x16\x03\x01\x00\x01\x02") == ""
    assert server_name(b"\x17\x03\x01\x00\x01\x02") == ""


@given(st.binary(max_size=80))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    assert server_name(data) in {None, ""} or isinstance(server_name(data), str)
    server_name(b"\x16\x03\x01" + len(data).to_bytes(2) + data)
    server_name(
        b"\x16\x03\x01" + (len(data) + 4).to_bytes(2) + b"\x01" + len(data).to_bytes(3) + data
    )


@given(st.integers(5, 600), st.integers(0, 255))
def test_a_damaged_hello_does_not_make_it_raise(place: int, octet: int) -> None:
    damaged = bytearray(hello("example.test"))
    damaged[place % len(damaged)] = octet
    server_name(bytes(damaged))
