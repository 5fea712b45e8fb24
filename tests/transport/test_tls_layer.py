"""Between socket and HTTP: what the one writes encrypted, the other reads in clear, and the ends of a connection."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from penstock.config import Bind, TcpAddress
from penstock.transport import tls_layer
from penstock.transport.tls_layer import TlsLayer
from tests import certificates
from tests.transport.tls_trial import MemoryClient, RawTransport, certificates_of
from tests.twins import pure

BIND = Bind(TcpAddress("127.0.0.1", 8443), tls=True)


class Upper:
    """Stands for the HTTP connection above; notes what it is told."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.events: list[str] = []
        self.transport: Any = None
        self.answers: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.events.append("made")

    def data_received(self, data: bytes) -> None:
        self.received.append(data)
        for answer in self.answers:
            self.transport.write(answer)

    def eof_received(self) -> bool:
        self.events.append("eof")
        return True

    def connection_lost(self, error: BaseException | None) -> None:
        self.events.append("lost")

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")


class FakeTls:
    """Stands for the worker's `Tls`."""

    class Settings:
        """Options."""

        timeout_tls_handshake = 15.0
        timeout_undrained = 5.0

    class Worker:
        """A clock."""

        now = 100.0

    def __init__(self, certificates_: Any) -> None:
        self.settings, self.worker = self.Settings(), self.Worker()
        self.certificates = certificates_
        self.events: list[str] = []
        self.upper = Upper()
        self.plain = Upper()

    def begin(self, layer: Any) -> None:
        self.events.append("begin")

    def ended(self, layer: Any) -> None:
        self.events.append("ended")

    def failed(self, layer: Any, error: Any) -> None:
        self.events.append(f"failed: {error.reason}")

    def broken(self, layer: Any, error: Any) -> None:
        self.events.append(f"broken: {error.reason}")

    def late(self, layer: Any) -> None:
        self.events.append("late")

    def connect(self, arrival: Any, ssl_object: Any) -> Upper:
        return self.upper

    def redirecting(self, arrival: Any) -> Upper:
        return self.plain


class NoSocket:
    """Has no descriptor, so all goes through the transport."""

    def fileno(self) -> int:
        return -1


class Trial:
    """A layer over a transport that only keeps what is written."""

    def __init__(
        self, folder: Path, bind: Bind = BIND, kind: Any = TlsLayer, **options: Any
    ) -> None:
        self.tls = FakeTls(certificates_of(folder, **options))
        self.raw = RawTransport()
        self.layer = kind(self.tls, (bind, NoSocket(), ("192.0.2.1", 50000), None))
        self.layer.connection_made(self.raw)
        self.client = MemoryClient()

    @property
    def upper(self) -> Upper:
        return self.tls.upper

    def shake(self, size: int = 1 << 16) -> None:
        """The handshake, the client's bytes in pieces of `size`."""
        data = self.client.shake()
        for _ in range(4):
            for at in range(0, len(data), size):
                self.layer.data_received(data[at : at + size])
            data = self.client.shake(self.raw.take())
        assert self.upper.events == ["made"]
        assert self.client.decrypt(b"") == b""
        self.raw.writes.clear()

    def send(self, data: bytes) -> None:
        self.layer.data_received(self.client.encrypt(data))


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


@pytest.mark.parametrize("size", [1 << 16, 100, 1])
def test_the_handshake_may_come_in_pieces(trial: Trial, size: int) -> None:
    trial.shake(size)
    assert trial.tls.events == ["begin", "ended"]
    trial.send(b"hello")
    assert trial.upper.received == [b"hello"]
    trial.layer.write(b"answer")
    assert trial.client.decrypt(trial.raw.take()) == b"answer"


def test_the_first_request_may_come_with_the_end_of_the_handshake(trial: Trial) -> None:
    trial.layer.data_received(trial.client.shake())
    last = trial.client.shake(trial.raw.take())
    trial.layer.data_received(last + trial.client.encrypt(b"early"))
    assert trial.upper.received == [b"early"]


def test_many_records_of_one_read_are_one_piece(trial: Trial) -> None:
    """Z07: a call of the HTTP code for each small record would cost more than the record."""
    trial.shake()
    trial.layer.data_received(b"".join(trial.client.encrypt(b"x") for _ in range(50)))
    assert trial.upper.received == [b"x" * 50]


def test_a_record_may_come_byte_by_byte(trial: Trial) -> None:
    trial.shake()
    for octet in trial.client.encrypt(b"hello"):
        trial.layer.data_received(bytes([octet]))
    assert trial.upper.received == [b"hello"]


def test_answers_of_one_turn_leave_in_one_write(trial: Trial) -> None:
    trial.shake()
    trial.upper.answers = [b"head", b"body", b"more"]
    trial.send(b"request")
    assert len(trial.raw.writes) == 1
    assert trial.client.decrypt(trial.raw.take()) == b"headbodymore"


def test_large_answers_of_one_turn_are_not_held_back(trial: Trial) -> None:
    trial.shake()
    trial.upper.answers = [b"x" * 100_000] * 5
    trial.send(b"request")
    assert len(trial.raw.writes) == 5
    assert trial.client.decrypt(trial.raw.take()) == b"x" * 500_000


def test_what_is_written_is_counted_until_it_has_left(trial: Trial) -> None:
    """S04: else a client that reads slowly would seem to be idle."""
    trial.shake()
    trial.raw.takes = False
    trial.layer.write(b"x" * 50_000)
    assert trial.layer.get_write_buffer_size() > 50_000
    trial.raw.buffered = 0
    assert trial.layer.get_write_buffer_size() == 0


def test_a_memoryview_is_written_whole(trial: Trial) -> None:
    trial.shake()
    trial.layer.write(b"")
    assert trial.raw.take() == b""
    trial.layer.write(memoryview(b"abc" * 10_000))  # type: ignore[arg-type]
    assert trial.client.decrypt(trial.raw.take()) == b"abc" * 10_000


def test_backpressure_goes_both_ways(trial: Trial) -> None:
    trial.shake()
    trial.layer.pause_writing()
    trial.layer.resume_writing()
    assert trial.upper.events == ["made", "pause", "resume"]
    trial.layer.pause_reading()
    assert not trial.raw.reading
    trial.layer.resume_reading()
    assert trial.raw.reading
    trial.layer.set_write_buffer_limits(high=10)
    assert trial.raw.limits == (10, None)


def test_the_close_says_so_and_waits_for_nobody(trial: Trial) -> None:
    trial.shake()
    trial.layer.write(b"answer")
    trial.layer.close()
    assert trial.raw.state == "closed" and trial.layer.is_closing()
    assert trial.client.decrypt(trial.raw.take()) == b"answer"
    with pytest.raises(EOFError):
        trial.client.decrypt(b"")
    trial.layer.write(b"too late")
    trial.layer.close()
    assert trial.raw.take() == b""


def test_our_side_can_end_alone_while_the_rest_is_read_off(trial: Trial) -> None:
    """RFC 9112 section 9.6, over TLS: an early answer is not lost by a reset."""
    trial.shake()
    trial.layer.write(b"413")
    trial.layer.write_eof()
    assert trial.raw.eof and not trial.layer.is_closing()
    assert trial.client.decrypt(trial.raw.take()) == b"413"
    trial.layer.write(b"too late")
    late = b"rest of the upload" * 100
    trial.layer.data_received(late)
    assert trial.upper.received == [late]
    assert trial.raw.take() == b""
    assert trial.layer.eof_received() is False
    assert trial.upper.events == ["made", "eof"]


def test_the_clients_close_notify_ends_the_connection(trial: Trial) -> None:
    trial.shake()
    trial.layer.data_received(trial.client.encrypt(b"last") + trial.client.goodbye())
    assert trial.upper.received == [b"last"]
    assert trial.upper.events == ["made", "eof"]
    assert trial.raw.state == "closed"


def test_z04_a_fin_without_it_ends_the_connection_too(trial: Trial) -> None:
    trial.shake()
    assert trial.layer.eof_received() is False
    trial.layer.connection_lost(None)
    assert trial.upper.events == ["made", "eof", "lost"]


def test_z04_a_broken_record_ends_the_connection_with_an_alert(trial: Trial) -> None:
    trial.shake()
    record = bytearray(trial.client.encrypt(b"hello"))
    record[-1] ^= 1
    trial.layer.data_received(bytes(record))
    assert trial.upper.received == []
    assert trial.tls.events[-1].startswith("broken: ")
    assert trial.raw.state == "closed"
    with pytest.raises(ssl.SSLError, match=r"(?i)alert"):
        trial.client.decrypt(trial.raw.take())
    trial.layer.data_received(b"more")
    assert trial.upper.received == []


def test_z04_what_came_before_the_broken_record_counts(trial: Trial) -> None:
    trial.shake()
    trial.layer.data_received(trial.client.encrypt(b"good") + b"\x17\x03\x03\x00\x20" + bytes(32))
    assert trial.upper.received == [b"good"]
    assert trial.raw.state == "closed"


def test_z04_a_hello_that_is_none_is_answered_with_an_alert(trial: Trial) -> None:
    trial.layer.data_received(b"\x16\x03\x01\x00\x04\x01\x00\x00\x00")
    assert trial.tls.events[1].startswith("failed: ")
    assert trial.raw.take()[:1] == b"\x15"
    assert trial.raw.state == "closed"
    trial.layer.connection_lost(None)
    assert trial.tls.events[-1] == "ended"


def test_z04_bytes_of_no_protocol_are_closed_without_a_word(trial: Trial) -> None:
    trial.layer.data_received(b"\x00\x01\x02")
    assert (trial.raw.state, trial.raw.take()) == ("closed", b"")


def test_z02_a_plain_request_is_answered_in_clear(trial: Trial) -> None:
    trial.layer.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, body = trial.raw.take().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"content-length: %d" % len(body) in head
    assert b"https://" in body
    assert trial.raw.eof and trial.raw.state == "open"
    assert trial.tls.events == ["begin"]


def test_z02_the_rest_of_a_plain_request_is_read_off_within_limits(trial: Trial) -> None:
    trial.layer.data_received(b"P")
    trial.layer.data_received(b"OST / HTTP/1.1\r\n" + b"x" * 60_000)
    assert trial.raw.state == "open"
    trial.layer.data_received(b"x" * 10_000)
    assert trial.raw.state == "aborted"


def test_z02_the_client_of_a_plain_request_has_a_deadline(trial: Trial) -> None:
    trial.layer.data_received(b"GET")
    trial.layer.on_sweep(104.0)
    assert trial.raw.state == "open"
    trial.layer.on_sweep(106.0)
    assert trial.raw.state == "aborted"
    assert "late" not in trial.tls.events


def test_a_plain_request_is_sent_to_https_where_the_bind_asks_for_it(tmp_path: Path) -> None:
    trial = Trial(tmp_path, BIND._replace(redirect=True))
    trial.layer.data_received(b"GET / HT")
    assert trial.tls.plain.received == [b"GET / HT"]
    assert trial.raw.protocol is trial.tls.plain
    assert trial.tls.plain.transport is trial.raw
    assert trial.tls.events == ["begin", "ended"]


def test_s02_z03_the_handshake_has_a_deadline(trial: Trial) -> None:
    trial.layer.on_sweep(115.0)
    assert trial.raw.state == "open"
    trial.layer.data_received(trial.client.shake()[:20])
    trial.layer.on_sweep(115.1)
    assert trial.raw.state == "aborted"
    assert trial.tls.events == ["begin", "late"]


def test_the_shutdown_ends_a_handshake(trial: Trial) -> None:
    trial.layer.begin_shutdown()
    assert trial.raw.state == "closed"
    trial.layer.connection_lost(None)
    assert trial.tls.events == ["begin", "ended"]
    assert (trial.layer.exchange, trial.layer.is_websocket) == (None, False)
    trial.layer.notify_disconnect()


def test_the_certificate_is_chosen_by_the_name_in_the_hello(tmp_path: Path) -> None:
    one = certificates.files(tmp_path, certificates.server("one.test"), "one")
    two = certificates.files(tmp_path, certificates.server("two.test"), "two")
    both = {key: [one[key], two[key]] for key in one}
    for name in ("one.test", "two.test"):
        trial = Trial(tmp_path, **both)
        trial.client = MemoryClient(name=name)
        trial.shake(7)
        assert trial.client.ssl.getpeercert(binary_form=True) == certificates.server(name).der


def test_a_hello_that_is_too_long_to_be_looked_at_gets_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_layer, "HELLO_BYTES_MAX", 10)
    one = certificates.files(tmp_path, certificates.server("localhost"), "one")
    two = certificates.files(tmp_path, certificates.server("two.test"), "two")
    trial = Trial(tmp_path, **{key: [one[key], two[key]] for key in one})
    trial.shake()
    assert trial.client.ssl.getpeercert(binary_form=True) == certificates.server("localhost").der


def test_z07_a_client_that_makes_tls_talk_and_does_not_read_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each refused renegotiation of TLS 1.2, as each key update of 1.3, is answered by OpenSSL.

    On the pure leg alone, into which a talkative OpenSSL can be put.
    """
    module = pure("penstock.transport.tls_layer")
    monkeypatch.setattr(module, "_UNASKED_BYTES_MAX", 1000)
    trial = Trial(tmp_path, kind=module.TlsLayer)
    trial.shake()

    class Talkative:
        pending = 0

        def read(self) -> bytes:
            self.pending = 0
            return bytes(100)

    real, trial.layer._outgoing = trial.layer._outgoing, Talkative()
    trial.raw.takes = False
    for _ in range(10):
        trial.layer._outgoing.pending = 100
        trial.send(b"x")
    assert trial.raw.state == "open"
    trial.layer._outgoing.pending = 100
    trial.send(b"x")
    assert trial.raw.state == "aborted"
    trial.layer._outgoing = real


def test_what_the_transport_knows_can_be_asked(trial: Trial) -> None:
    trial.shake()
    info = trial.layer.get_extra_info
    assert info("ssl_object").version() == trial.client.ssl.version()
    assert info("sslcontext") is trial.tls.certificates.default
    assert info("socket") == "the socket"
    assert info("nothing", 5) == 5
    assert trial.layer.can_write_eof()


def test_after_the_end_nothing_is_kept_and_nothing_fails(trial: Trial) -> None:
    trial.shake()
    trial.layer.connection_lost(None)
    assert trial.upper.events == ["made", "lost"]
    trial.layer.write(b"too late")
    trial.layer.close()
    trial.layer.data_received(b"x")
    assert trial.layer.get_write_buffer_size() == 0
    assert trial.layer.get_extra_info("sslcontext") is None


def test_an_application_that_closes_while_it_is_given_data_ends_the_reading(trial: Trial) -> None:
    trial.shake()
    trial.upper.data_received = lambda data: trial.layer.abort()  # type: ignore[method-assign]
    trial.layer.data_received(trial.client.encrypt(b"x") + trial.client.goodbye())
    assert trial.raw.state == "aborted"
