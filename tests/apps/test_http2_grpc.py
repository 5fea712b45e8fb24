"""A real gRPC client against a handler that is written by hand: calls of all four kinds, with trailers."""

import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from tests.apps.grpc_app import PIECE
from tests.apps.server import DEADLINE_S, Server, stopped_well

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("tests.apps.grpc_app:app", "--port", "0", "--lifespan", "off") as server:
        yield server
        stopped_well(server)


@pytest.fixture
def channel(server: Server) -> Iterator[grpc.Channel]:
    # Each a connection of its own, through no proxy that the environment names
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(f"127.0.0.1:{server.port}", options) as channel:
        yield channel


def test_a_unary_call_gets_its_message_and_its_trailers(channel: grpc.Channel) -> None:
    answer, call = channel.unary_unary("/trial.Echo/Unary").with_call(
        b"hello", timeout=DEADLINE_S, metadata=[("x-asked", "yes")]
    )
    assert answer == b"hello"
    assert call.code() == grpc.StatusCode.OK
    assert dict(call.initial_metadata())["x-initial"] == "there"
    assert dict(call.trailing_metadata())["x-trial-bin"] == b"\0\1\2"


def test_a_call_that_fails_says_why_in_its_trailers(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/trial.Echo/Unary")(b"fail", timeout=DEADLINE_S)
    error: Any = caught.value
    assert (error.code(), error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, "no such thing")


def test_an_unknown_method_has_trailers_and_no_message(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/trial.Echo/Nothing")(b"", timeout=DEADLINE_S)
    error: Any = caught.value
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_stream_of_answers_comes_whole(channel: grpc.Channel) -> None:
    """8 MiB: the client probes the bandwidth with PINGs meanwhile, which is no flood."""
    answers = channel.unary_stream("/trial.Echo/Many")(b"512", timeout=DEADLINE_S)
    assert [message == PIECE for message in answers] == [True] * 512


def test_a_stream_of_requests_comes_whole(channel: grpc.Channel) -> None:
    answer = channel.stream_unary("/trial.Echo/Sum")(
        (PIECE for _ in range(512)), timeout=DEADLINE_S
    )
    assert answer == b"512 %d" % (512 * len(PIECE))


def test_both_ends_talk_in_turn_on_one_stream(channel: grpc.Channel) -> None:
    """The response has begun long before the request ends."""
    to_say: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    to_say.put(b"0")
    answers = channel.stream_stream("/trial.Echo/Talk")(iter(to_say.get, None), timeout=DEADLINE_S)
    heard = []
    for message in answers:
        heard.append(message)
        to_say.put(b"%d" % len(heard) if len(heard) < 50 else None)
    assert heard == [b"%d" % number for number in range(50)]


def test_a_call_that_is_cancelled_tells_the_application(
    server: Server, channel: grpc.Channel
) -> None:
    call = channel.unary_unary("/trial.Echo/Wait").future(b"", timeout=DEADLINE_S)
    server.until("app: waiting")
    call.cancel()
    server.until("app: left by http.disconnect")


def test_many_calls_at_once_share_the_connection(channel: grpc.Channel) -> None:
    """Beyond the number of streams that the server allows, the client waits for its turn."""
    ask = channel.unary_unary("/trial.Echo/Unary")
    calls = [ask.future(b"%d" % number, timeout=DEADLINE_S) for number in range(400)]
    assert [call.result() for call in calls] == [b"%d" % number for number in range(400)]


def test_calls_from_many_threads_get_their_own_answers(channel: grpc.Channel) -> None:
    ask = channel.unary_unary("/trial.Echo/Unary")

    def own(number: int) -> bool:
        return all(
            ask(b"%d %d" % (number, turn), timeout=DEADLINE_S) == b"%d %d" % (number, turn)
            for turn in range(20)
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(own, range(8)))
