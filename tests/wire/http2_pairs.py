"""A session against the `h2` library as its client, both in memory: whatever one writes the other reads."""

from random import Random
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from penstock.wire.blocks import status_field
from penstock.wire.http2_events import DATA, NEED_MORE, REQUEST, RESET
from penstock.wire.http2_limits import Http2Limits
from penstock.wire.http2_session import Session


class Pair:
    """Both sides, and what each of them saw: `asked` and `answered` by stream number."""

    def __init__(self, chance: Random, session: Any = None) -> None:
        self.chance = chance
        self.session = session or Session(Http2Limits(), True)
        config = h2.config.H2Configuration(client_side=True, header_encoding=None)
        self.client = h2.connection.H2Connection(config)
        self.client.initiate_connection()
        self.ends: dict[int, Any] = {}
        self.asked: dict[int, Any] = {}
        self.answered: dict[int, Any] = {}
        self.sent: dict[int, bytes] = {}
        self.given: dict[int, bytes] = {}
        self.uploading: set[int] = set()
        self.answering: set[int] = set()
        self.reset: set[int] = set()

    def pump(self, bytes_max: int = 1 << 30) -> None:
        """Let bytes flow until nothing does, cut into reads at random."""
        while True:
            data = self.client.data_to_send()
            self._feed(data)
            out = self.session.take(bytes_max)
            for at in self._cuts(out):
                self._client_events(self.client.receive_data(at))
            if not data and not out:
                return

    def _cuts(self, data: bytes) -> list[bytes]:
        if self.chance.random() < 0.5 or len(data) < 2:
            return [data] if data else []
        cut = self.chance.randrange(1, len(data))
        return [data[:cut], data[cut:]]

    def _feed(self, data: bytes) -> None:
        session = self.session
        for piece in self._cuts(data):
            session.receive(piece)
            while (event := session.next()) != NEED_MORE:
                end = session.stream
                if event == REQUEST:
                    self.ends[end.id] = end
                    self.asked[end.id] = [session.head.headers, b"", session.ended]
                    self.answering.add(end.id)
                elif event == DATA:
                    seen = self.asked[end.id]
                    seen[1] += session.data
                    seen[2] = session.ended
                    session.consumed(end, len(session.data))
                elif event == RESET:
                    self.reset.add(end.id)
                    self.answering.discard(end.id)
                    session.done(end)

    def _client_events(self, events: list[Any]) -> None:
        for event in events:
            if isinstance(event, h2.events.ResponseReceived):
                self.answered[event.stream_id] = [event.headers, b"", False]
            elif isinstance(event, h2.events.DataReceived):
                self.answered[event.stream_id][1] += event.data
                self.client.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                self.answered[event.stream_id][2] = True
            elif isinstance(event, h2.events.StreamReset):
                self.reset.add(event.stream_id)
                self.uploading.discard(event.stream_id)

    # ------------------------------------------------------------------------------ what may happen

    def ask(self, ended: bool) -> None:
        """The client opens a stream."""
        stream = self.client.get_next_available_stream_id()
        fields = [
            (b":method", b"GET" if ended else b"POST"),
            (b":scheme", b"http"),
            (b":authority", b"h"),
            (b":path", b"/%d" % stream),
            (b"x-fill", self.chance.randbytes(self.chance.choice((1, 60, 3000))).hex().encode()),
            (b"x-same", b"same"),
        ]
        if self.session.active >= 90:
            return
        self.client.send_headers(stream, fields, end_stream=ended)
        self.sent[stream] = b""
        if not ended:
            self.uploading.add(stream)
        self.pump(self.chance.choice((100, 20000, 1 << 30)))
        assert self.asked[stream][0] == [(b"host", b"h"), *fields[4:]]

    def upload(self) -> None:
        """More of a request's body, with padding at times."""
        if not self.uploading:
            return
        stream = self.chance.choice(sorted(self.uploading))
        room = min(
            self.client.local_flow_control_window(stream), self.client.max_outbound_frame_size
        )
        padding = self.chance.choice((None, None, 0, 200))
        room -= 0 if padding is None else padding + 1
        size = min(self.chance.choice((1, 100, 16384)), room)
        ended = self.chance.random() < 0.3
        if size <= 0:
            return
        data = self.chance.randbytes(size)
        self.client.send_data(stream, data, end_stream=ended, pad_length=padding)
        self.sent[stream] += data
        if ended:
            self.uploading.discard(stream)
        if self.chance.random() < 0.7:
            self.pump()

    def answer(self) -> None:
        """The server begins a response, goes on with one, or ends it."""
        if not self.answering:
            return
        stream = self.chance.choice(sorted(self.answering))
        end = self.ends[stream]
        data = self.chance.randbytes(self.chance.choice((0, 1, 200, 16384, 70000)))
        if stream not in self.given:
            self.given[stream] = b""
            if self.chance.random() < 0.4:
                self.session.respond(end, status_field(200), data)
                self._ended(stream, data)
                return
            self.session.headers(end, status_field(200), False)
        ended = self.chance.random() < 0.4
        if end.waiting > 200000:
            return
        self.session.send(end, data, ended)
        if ended:
            self._ended(stream, data)
        else:
            self.given[stream] += data
        if self.chance.random() < 0.5:
            self.pump(self.chance.choice((0, 20000, 1 << 30)))

    def _ended(self, stream: int, data: bytes) -> None:
        self.given[stream] += data
        self.answering.discard(stream)
        self.session.done(self.ends[stream])

    def cancel(self) -> None:
        """Either side gives a stream up."""
        running = sorted(self.answering)
        if not running:
            return
        stream = self.chance.choice(running)
        self.pump()
        if stream not in self.answering:
            return
        if self.chance.random() < 0.5:
            self.session.reset(self.ends[stream], 8)
            self.session.done(self.ends[stream])
            self.answering.discard(stream)
        else:
            try:
                self.client.reset_stream(stream, 8)
            except h2.exceptions.StreamClosedError:
                return
        self.reset.add(stream)
        self.uploading.discard(stream)
        self.pump()

    def steer(self) -> None:
        """Settings and PINGs of the client, a second gone by."""
        turn = self.chance.randrange(3)
        # h2 takes an empty frame amiss where a window shrank below zero: shrink none that is in use.
        if turn == 0 and not self.session.active:
            self.client.update_settings({4: self.chance.choice((0, 1000, 65535, 1 << 20))})
        elif turn == 1:
            self.client.ping(b"12345678")
        self.pump()

    def finish(self) -> None:
        """Everything that is open comes to its end; then both sides saw the same."""
        self.client.update_settings({4: 1 << 20})
        self.pump()
        for stream in sorted(self.uploading):
            self.client.end_stream(stream)
        self.pump()
        for stream in sorted(self.answering):
            if stream not in self.given:
                self.given[stream] = b""
                self.session.headers(self.ends[stream], status_field(200), False)
            self.session.send(self.ends[stream], b"end", True)
            self._ended(stream, b"end")
        self.pump()
        for stream in set(self.asked) - self.reset:
            assert self.answered[stream] == [[(b":status", b"200")], self.given[stream], True]
        for stream, data in self.sent.items():
            if stream in self.reset:
                continue
            seen = self.asked[stream][1]
            assert seen == data if self.asked[stream][2] else data.startswith(seen)
        assert self.session.active == 0
        assert self.session.ends() == []
        assert self.session.queued_bytes == 0
        assert not self.session.has_output()


def run(chance: Random, steps: int) -> None:
    """So many things happen in any order."""
    pair = Pair(chance)
    pair.pump()
    for _ in range(steps):
        turn = chance.random()
        if turn < 0.25:
            pair.ask(chance.random() < 0.5)
        elif turn < 0.5:
            pair.upload()
        elif turn < 0.85:
            pair.answer()
        elif turn < 0.92:
            pair.cancel()
        else:
            pair.steer()
    pair.finish()
