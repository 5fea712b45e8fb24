"""Server push (RFC 9113 sections 6.6 and 8.4): the request that is promised, and what the session says and takes of it."""

from typing import Any

import hpack
import pytest

from penstock.errors import MessageError
from penstock.wire import http2_frames as frames
from penstock.wire.http2_frames import (
    ENHANCE_YOUR_CALM,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_CLOSED,
    TYPE_CONTINUATION,
    TYPE_DATA,
    TYPE_HEADERS,
    TYPE_PRIORITY,
    TYPE_PUSH_PROMISE,
    TYPE_RST_STREAM,
)
from penstock.wire.http2_limits import Http2Limits
from penstock.wire.http2_push import promised_request
from penstock.wire.http2_states import CLOSED_BY_END, HALF_CLOSED_REMOTE, RESERVED_LOCAL
from tests.wire.http2_peer import OK, Peer, rst

BLOCK = hpack.Encoder().encode(
    [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/x")]
)


def promise(path: str = "/x", headers: Any = (), authority: bytes = b"a.example") -> Any:
    """The head of a promised request, and the fields that the client is told."""
    head, block = promised_request(path, headers, "https", authority, Http2Limits())
    return head, hpack.Decoder().decode(block, raw=True)


def pushed(peer: Peer, parent: Any, block: bytes = BLOCK) -> Any:
    """A promise that was taken; its end."""
    end = peer.session.push(parent, block)
    assert end is not None
    return end


# ------------------------------------------------------------------------------------ the request


def test_8_4_a_promised_request_is_a_get_without_a_body() -> None:
    """The client is told what the application is: method, scheme, authority, path and headers, in this order (PUSH-04)."""
    head, told = promise("/a?b=1", [(b"Accept", b" text/css "), [b"cookie", b"c=1"]])
    assert told == [
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":authority", b"a.example"),
        (b":path", b"/a?b=1"),
        (b"accept", b"text/css"),
        (b"cookie", b"c=1"),
    ]
    assert (head.method, head.raw_path, head.query) == ("GET", b"/a", b"b=1")
    assert (head.content_length, head.http_version) == (0, "2")
    assert head.headers == [(b"host", b"a.example"), (b"accept", b"text/css"), (b"cookie", b"c=1")]


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/é x", b"/%C3%A9%20x"),
        ("/a%20b", b"/a%20b"),
        ("/100%", b"/100%25"),
        ("/%zz", b"/%25zz"),
        ('/"<>\\^`{|}#', b"/%22%3C%3E%5C%5E%60%7B%7C%7D%23"),
        ("/a;b=c/~d?e=f&g=/?", b"/a;b=c/~d?e=f&g=/?"),
        ("/a\r\nb\0", b"/a%0D%0Ab%00"),
    ],
)
def test_push_06_a_path_is_encoded_where_it_has_to_be(path: str, target: bytes) -> None:
    """What is encoded stays as it is."""
    assert (b":path", target) in promise(path)[1]


def test_8_4_what_steers_a_connection_or_a_body_is_left_out() -> None:
    """Also another authority than that of the request it comes with."""
    fields = [
        (name, b"5")
        for name in (b"Host", b"content-length", b"content-type", b"expect", b"te", b"trailer")
    ]
    fields += [(b"connection", b"x"), (b"upgrade", b"h2c"), (b"transfer-encoding", b"chunked")]
    head, told = promise("/", [*fields, (b"x", b"1")])
    assert [name for name, _ in told] == [b":method", b":scheme", b":authority", b":path", b"x"]
    assert head.headers == [(b"host", b"a.example"), (b"x", b"1")]


def test_who_the_client_is_was_said_by_its_own_request() -> None:
    assert not promise("/", [(b"x-forwarded-for", b"1.2.3.4")])[0].forwarded


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", [(b":path", b"/")]),
        ("/", [("a", b"")]),
        ("/", [(b"a b", b"")]),
        ("/", [(b"a", b"1\r\nb: 2")]),
        ("/", [(b"a",)]),
        ("/\ud800", ()),
        ("/" + "x" * 8192, ()),
    ],
)
def test_push_07_what_cannot_be_asked_for_raises(path: str, headers: Any) -> None:
    with pytest.raises(MessageError):
        promise(path, headers)


# ------------------------------------------------------------------------------------ the session


def test_6_6_a_promise_goes_out_on_the_request_with_an_even_number() -> None:
    """Before anything else of the answer; numbers grow (section 5.1.1)."""
    peer = Peer()
    parent = peer.open()
    first, second = pushed(peer, parent), pushed(peer, parent)
    peer.session.respond(parent, OK, b"main")
    peer.session.respond(first, OK, b"one")
    found = peer.frames()
    assert [(f.kind, f.flags, f.stream) for f in found] == [
        (TYPE_PUSH_PROMISE, frames.FLAG_END_HEADERS, 1),
        (TYPE_PUSH_PROMISE, frames.FLAG_END_HEADERS, 1),
        (TYPE_HEADERS, frames.FLAG_END_HEADERS, 1),
        (TYPE_DATA, frames.FLAG_END_STREAM, 1),
        (TYPE_HEADERS, frames.FLAG_END_HEADERS, 2),
        (TYPE_DATA, frames.FLAG_END_STREAM, 2),
    ]
    assert [f.payload for f in found[:2]] == [b"\0\0\0\2" + BLOCK, b"\0\0\0\4" + BLOCK]
    assert (first.id, second.id) == (2, 4)
    assert (first.state, second.state) == (CLOSED_BY_END, RESERVED_LOCAL)


def test_6_6_a_long_promise_is_continued() -> None:
    """The number that it promises counts in its first frame; a table of no size is said behind it (RFC 7541 4.2)."""
    peer = Peer(settings=[(frames.SETTINGS_HEADER_TABLE_SIZE, 0)])
    pushed(peer, peer.open(), b"b" * 16380)
    found = peer.frames()
    assert [(f.kind, f.flags, f.stream, len(f.payload)) for f in found] == [
        (TYPE_PUSH_PROMISE, 0, 1, 16384),
        (TYPE_CONTINUATION, frames.FLAG_END_HEADERS, 1, 1),
    ]
    assert found[0].payload.startswith(b"\0\0\0\2\x20bb")


@pytest.mark.parametrize("value", [0, 1])
def test_6_5_2_nothing_is_promised_to_who_wants_no_pushes(value: int) -> None:
    """SETTINGS_ENABLE_PUSH; without it pushes are wanted (PUSH-05)."""
    peer = Peer(settings=[(frames.SETTINGS_ENABLE_PUSH, value)])
    assert (peer.session.push(peer.open(), BLOCK) is not None) == bool(value)
    assert len(peer.frames()) == value


def test_6_5_2_pushes_can_be_switched_off_later() -> None:
    peer = Peer()
    parent = peer.open()
    pushed(peer, parent)
    peer.say(frames.settings([(frames.SETTINGS_ENABLE_PUSH, 0)]))
    assert peer.session.push(parent, BLOCK) is None


def test_5_1_2_no_more_is_promised_than_the_peer_takes_at_once() -> None:
    """SETTINGS_MAX_CONCURRENT_STREAMS; a stream that is over makes room, unless its application still works."""
    peer = Peer(settings=[(frames.SETTINGS_MAX_CONCURRENT_STREAMS, 2)])
    parent = peer.open()
    first, second = pushed(peer, parent), pushed(peer, parent)
    assert peer.session.push(parent, BLOCK) is None
    peer.session.respond(first, OK, b"")
    third = pushed(peer, parent)
    peer.say(rst(second.id))
    assert peer.session.push(parent, BLOCK) is None
    peer.session.done(second)
    assert pushed(peer, parent).id == third.id + 2


def test_5_1_2_pushes_take_no_place_of_a_request() -> None:
    """They have as many of their own."""
    peer = Peer(Http2Limits(streams_max=2))
    parent = peer.open()
    pushed(peer, parent)
    pushed(peer, parent)
    assert peer.session.push(parent, BLOCK) is None
    peer.open(3)
    assert peer.reset_with(REFUSED_STREAM, peer.get(5))
    assert (peer.session.active, peer.session.pushed) == (2, 2)


def test_8_4_a_promise_comes_with_a_request_of_the_client_only() -> None:
    """Not with another promise (PUSH-08), nor on a stream that has its answer."""
    peer = Peer()
    parent = peer.open()
    assert peer.session.push(pushed(peer, parent), BLOCK) is None
    peer.session.respond(parent, OK, b"")
    assert peer.session.push(parent, BLOCK) is None


def test_8_4_a_promise_may_follow_while_the_request_still_comes() -> None:
    """The client's half is open."""
    peer = Peer()
    assert pushed(peer, peer.open(ended=False)).id == 2


def test_6_8_who_leaves_promises_nothing_and_is_promised_nothing() -> None:
    """After our last GOAWAY, and after any of the peer."""
    ours, theirs = Peer(), Peer()
    first, second = ours.open(), theirs.open()
    ours.session.go_away(0, False)
    pushed(ours, first)
    ours.session.go_away(0, True)
    theirs.say(frames.goaway(0, 0, ""))
    assert ours.session.push(first, BLOCK) is None
    assert theirs.session.push(second, BLOCK) is None


def test_6_8_no_setting_takes_the_peers_goaway_back() -> None:
    peer = Peer()
    parent = peer.open()
    peer.say(frames.goaway(0, 0, ""))
    peer.say(frames.settings([(frames.SETTINGS_ENABLE_PUSH, 1)]))
    peer.frames()
    assert peer.session.push(parent, BLOCK) is None
    assert peer.frames() == []


def test_5_1_on_a_promised_stream_its_head_or_its_reset_comes_first() -> None:
    """Whatever else is asked for; and after a reset of either side nothing more."""
    peer = Peer(settings=[(frames.SETTINGS_INITIAL_WINDOW_SIZE, 0)])
    one, two, three = (pushed(peer, parent) for parent in [peer.open()] * 3)
    peer.frames()
    for end in (one, two, three):
        peer.session.consumed(end, 100)
        peer.session.prioritize(end, b"u=1")
    peer.say(frames.settings([(frames.SETTINGS_INITIAL_WINDOW_SIZE, 10)]), rst(three.id))
    assert [f for f in peer.frames() if f.stream] == []
    peer.session.respond(one, OK, b"x")
    peer.session.reset(two, frames.CANCEL)
    peer.session.respond(two, OK, b"x")
    peer.session.respond(three, OK, b"x")
    assert [(f.kind, f.stream) for f in peer.frames()] == [
        (TYPE_HEADERS, 2),
        (TYPE_DATA, 2),
        (TYPE_RST_STREAM, 4),
    ]


@pytest.mark.parametrize("kind", [TYPE_HEADERS, TYPE_DATA])
def test_5_1_nothing_may_come_on_a_promised_stream(kind: int) -> None:
    """Reserved (local): a connection error; half-closed (remote) once its HEADERS went out: a stream error."""
    peer = Peer()
    end = pushed(peer, peer.open())
    say = peer.headers(2, []) if kind == TYPE_HEADERS else frames.frame(kind, 1, 2, b"x")
    peer.session.headers(end, OK, False)
    assert end.state == HALF_CLOSED_REMOTE
    assert peer.reset_with(STREAM_CLOSED, say)
    reserved = Peer()
    pushed(reserved, reserved.open())
    assert reserved.refused_with(PROTOCOL_ERROR, say)


def test_5_1_a_promised_stream_may_be_steered() -> None:
    """WINDOW_UPDATE opens its window, PRIORITY and PRIORITY_UPDATE are taken, RST_STREAM ends it, for the application too."""
    peer = Peer(settings=[(frames.SETTINGS_INITIAL_WINDOW_SIZE, 2)])
    end = pushed(peer, peer.open())
    peer.frames()
    peer.session.respond(end, OK, b"abcd")
    assert [f.payload for f in peer.frames()] == [OK, b"ab"]
    peer.say(frames.window_update(2, 1), frames.frame(TYPE_PRIORITY, 0, 2, bytes(5)))
    assert [f.payload for f in peer.frames()] == [b"c"]
    peer.say(frames.frame(0x10, 0, 0, b"\0\0\0\2u=1"))
    assert end.urgency == 1
    assert peer.say(rst(2)) == [("reset", 2, 8, False)]
    assert peer.say(frames.window_update(2, 1), rst(2)) == []
    assert peer.error is None


@pytest.mark.parametrize(
    "say", [rst(4), frames.window_update(4, 1), frames.frame(0x10, 0, 0, b"\0\0\0\4u=1")]
)
def test_5_1_a_stream_that_was_not_promised_is_idle(say: bytes) -> None:
    """What steers it is a connection error (section 5.1; RFC 9218 section 7.1)."""
    peer = Peer()
    pushed(peer, peer.open())
    assert peer.refused_with(PROTOCOL_ERROR, say)


def test_6_9_2_a_promised_stream_has_the_window_that_the_settings_say() -> None:
    peer = Peer(settings=[(frames.SETTINGS_INITIAL_WINDOW_SIZE, 5)])
    end = pushed(peer, peer.open())
    peer.say(frames.settings([(frames.SETTINGS_INITIAL_WINDOW_SIZE, 7)]))
    assert end.send_window == 7


def test_h01_who_takes_no_promise_is_no_attacker_up_to_a_limit() -> None:
    """Resets of pushes are what a client with a cache does; requests that bring nothing else are bounded."""
    peer = Peer()
    parent = peer.open()
    for _ in range(1000):
        end = pushed(peer, parent)
        assert peer.say(rst(end.id)) == [("reset", end.id, 8, False)]
        peer.session.done(end)
        peer.frames()
    while peer.error is None:
        end = pushed(peer, parent)
        peer.say(rst(end.id))
        peer.session.done(end)
        peer.frames()
        assert end.id < 100_000
    assert peer.error.code == ENHANCE_YOUR_CALM


def test_what_is_over_leaves_nothing_behind() -> None:
    peer = Peer()
    parent = peer.open()
    for _ in range(10):
        peer.session.respond(pushed(peer, parent), OK, b"x")
    assert (peer.session.pushed, peer.session.ends()) == (0, [parent])
    assert not [f for f in peer.frames() if f.kind == TYPE_RST_STREAM]
