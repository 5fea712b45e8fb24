"""A request in pieces, and a client that leaves when the test says so."""

import pytest

from penstock.testing import Client, Disconnected
from tests.testing.apps import app, ended
from tests.testing.conftest import Run


def test_a_stream_is_read_while_the_application_runs(run: Run) -> None:
    async def test() -> None:
        async with Client(app).stream("GET", "/ticks") as exchange:
            assert (await exchange.head()).status == 200
            parts = exchange.parts()
            assert [await anext(parts), await anext(parts)] == [b"tick 0", b"tick 1"]
            assert ended == []
            exchange.hold()
        assert len(ended) == 1

    run(test())


@pytest.mark.parametrize("send_raises", [True, False])
def test_the_client_leaves_at_a_chosen_moment(send_raises: bool, run: Run) -> None:
    async def test() -> None:
        async with Client(app).stream("GET", "/ticks") as exchange:
            await exchange.head()
            assert await exchange.conversation.over(0.01) is False  # it waits in send()
            exchange.disconnect(send_raises=send_raises)
            error = await exchange.ended()
            assert isinstance(error, Disconnected) is send_raises

    run(test())
    assert ended == ["Disconnected" if send_raises else "saw the disconnect"]


def test_a_body_is_written_in_parts(run: Run) -> None:
    async def test() -> None:
        async with Client(app).stream("POST", "/echo", body=None) as exchange:
            await exchange.write(b"one ")
            await exchange.write(b"two", more=False)
            assert (await exchange.read()).body == b"one two"

    run(test())


def test_a_reader_that_stops_holds_the_application_up(run: Run) -> None:
    async def test() -> None:
        async with Client(app).stream("GET", "/ticks") as exchange:
            await exchange.head()
            exchange.hold()
            assert await exchange.conversation.over(0.01) is False
            sends = exchange.conversation.sends
            assert await exchange.conversation.over(0.02) is False
            assert exchange.conversation.sends == sends
            exchange.release()
            assert (await anext(exchange.parts())).startswith(b"tick")

    run(test())


def test_a_response_that_ends_early_is_seen(run: Run) -> None:
    async def test() -> None:
        client = Client(app, raise_errors=False)
        async with client.stream("GET", "/late") as exchange:
            with pytest.raises(LookupError):
                await exchange.read()
            assert exchange.response.body == b"half"

    run(test())


def test_a_call_that_stays_is_ended_and_told(run: Run) -> None:
    async def test() -> None:
        with pytest.raises(TimeoutError, match="did not end"):
            async with Client(app, timeout=0.02).stream("GET", "/silent"):
                pass

    run(test())
