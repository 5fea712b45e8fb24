"""Messages between two processes: whole, in order, with their sockets; and the end is noticed."""

import os
import socket

from penstock.process.channel import MESSAGE_BYTES_MAX, pair


def test_messages_arrive_whole_and_in_order() -> None:
    one, other = pair()
    assert one.send("first", 1, None, {"a": [b"x", 2.5]})
    assert one.send("second")
    assert other.wait() == ("first", 1, None, {"a": [b"x", 2.5]})
    assert other.wait() == ("second",)
    one.close()
    assert other.wait() is None
    other.close()


def test_a_message_that_comes_in_pieces_is_put_together() -> None:
    one, other = pair()
    assert one.send("text", "é" * 100_000)
    one.close()
    assert other.wait() == ("text", "é" * 100_000)
    other.close()


def test_sockets_come_along_in_their_order_and_are_not_inherited_v06() -> None:
    one, other = pair()
    with (
        socket.create_server(("127.0.0.1", 0)) as first,
        socket.create_server(("127.0.0.1", 0)) as second,
    ):
        one.send("sockets", descriptors=[first.fileno(), second.fileno()])
        assert other.wait() == ("sockets",)
        found = [socket.socket(fileno=fd) for fd in other.take(2)]
        assert [sock.getsockname() for sock in found] == [first.getsockname(), second.getsockname()]
        assert not any(os.get_inheritable(sock.fileno()) for sock in found)
        for sock in found:
            sock.close()
    one.close()
    other.close()


def test_what_was_not_taken_is_closed_with_the_channel() -> None:
    one, other = pair()
    reader, writer = os.pipe()
    one.send("pipe", descriptors=[writer])
    os.close(writer)
    assert other.wait() == ("pipe",)
    other.close()
    assert os.read(reader, 1) == b""  # nobody holds the other end
    os.close(reader)
    one.close()


def test_nobody_waits_for_an_end_that_does_not_read() -> None:
    one, other = pair()
    one.sock.setblocking(False)
    while one.send("more", bytes(100_000)):
        pass
    one.close()
    other.close()


def test_what_is_no_message_ends_the_channel() -> None:
    one, other = pair()
    one.sock.sendall((MESSAGE_BYTES_MAX + 1).to_bytes(4, "little"))
    assert other.receive() is None
    one.close()
    other.close()


def test_sending_to_a_process_that_is_gone_is_no_error() -> None:
    one, other = pair()
    other.close()
    assert not one.send("stop")
    one.close()
