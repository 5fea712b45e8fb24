"""Events and messages: types, defaults, and errors that come out of `send` (sections MSG and ERR)."""

import asyncio
import copy
import logging
import time
from typing import Any

import pytest

from penstock.errors import MessageError
from tests.asgi_app import Call, Probe
from tests.loops import NewLoop, each_loop
from tests.sockets import serving

START = {"type": "http.response.start", "status": 200}


def walk(value: Any, where: str = "") -> None:
    """Fail on whatever an event may not contain."""
    kind = type(value)
    assert kind in {bytes, str, int, float, bool, list, tuple, dict, type(None)}, f"{where}: {kind}"
    if kind is int:
        assert -(2**63) <= value < 2**63, where
    elif kind is float:
        assert value == value and abs(value) != float("inf"), where
    elif kind is dict:
        for key, item in value.items():
            assert type(key) is str, f"{where}: key {key!r}"
            walk(item, f"{where}.{key}")
    elif kind in {list, tuple}:
        for number, item in enumerate(value):
            walk(item, f"{where}[{number}]")


def test_what_the_server_gives_is_of_the_allowed_types() -> None:
    """Every event and scope of requests of many kinds (MSG-01 to MSG-09, MSG-14, HTTP-REQ-02)."""

    async def handler(call: Call) -> None:
        await call.body()
        await call.answer()
        await call.receive()

    probe = Probe(handler)
    with serving(probe) as served, served.client() as client:
        client.get("/?a=b")
        client.get(method="POST", body=b"x" * 100_000)
        client.ask("/", "Transfer-Encoding: chunked", method="PUT")
        client.send(b"3\r\nabc\r\n")
        client.send(b"0\r\n\r\n")
        client.response()
        client.get(version="1.0")
    for call in probe.calls:
        call.wait()
        walk(call.scope)
        assert call.events
        for event in call.events:
            assert type(event) is dict
            walk(event)
            assert event["type"].startswith(call.scope["type"] + ".")
            if event["type"] == "http.request":
                assert type(event["body"]) is bytes
                assert type(event["more_body"]) is bool
    assert {event["type"] for call in probe.calls for event in call.events} == {
        "http.request",
        "http.disconnect",
    }


@pytest.mark.usefixtures("each_protocol")
def test_extra_keys_are_no_error() -> None:
    """Unknown keys in each message are passed over (MSG-12, ERR-06)."""

    async def handler(call: Call) -> None:
        await call.send({**START, "x-extra": 1, "more_trailers": object()})
        await call.send({"type": "http.response.body", "body": b"ok", "x-extra": 1})

    with serving(Probe(handler)) as served, served.client() as client:
        assert client.get().body == b"ok"


@pytest.mark.parametrize(
    "bare, explicit",
    [
        pytest.param(
            [START, {"type": "http.response.body"}],
            [
                {**START, "headers": [], "trailers": False},
                {"type": "http.response.body", "body": b"", "more_body": False},
            ],
            id="HTTP-RESP-06 HTTP-RESP-14 start and body",
        ),
        pytest.param(
            [
                START,
                {"type": "http.response.body", "more_body": True},
                {"type": "http.response.body"},
            ],
            [
                START,
                {"type": "http.response.body", "body": b"", "more_body": True},
                {"type": "http.response.body", "body": b"", "more_body": False},
            ],
            id="HTTP-RESP-14 an empty part",
        ),
        pytest.param(
            [
                {**START, "trailers": True},
                {"type": "http.response.body"},
                {"type": "http.response.trailers"},
            ],
            [
                {**START, "trailers": True},
                {"type": "http.response.body"},
                {"type": "http.response.trailers", "headers": [], "more_trailers": False},
            ],
            id="TRAIL-04 trailers",
        ),
    ],
)
def test_a_missing_key_is_its_default(bare: list[Any], explicit: list[Any]) -> None:
    """What is left out has on the wire the effect of its default (MSG-13)."""

    async def handler(call: Call) -> None:
        for message in bare if call.scope["path"] == "/bare" else explicit:
            await call.send(message)

    with serving(Probe(handler), date_header=False) as served, served.client() as client:
        answers = [client.get(target, "TE: trailers") for target in ("/bare", "/explicit")]
    assert answers[0].head == answers[1].head
    assert answers[0].body == answers[1].body == b""


@pytest.mark.usefixtures("each_protocol")
def test_messages_stay_the_applications() -> None:
    """They are not changed, and changing them after send changes nothing on the wire (MSG-15)."""

    async def handler(call: Call) -> None:
        headers = [[b"x-a", b"1"], [b"x-b", b"2"]]
        body = bytearray(b"first")
        messages: list[dict[str, Any]] = [
            {"type": "http.response.start", "status": 200, "headers": headers},
            {"type": "http.response.body", "body": body, "more_body": True},
            {"type": "http.response.body", "body": b"second"},
        ]
        for message in messages:
            before = copy.deepcopy(message)
            await call.send(message)
            assert message == before
            message["type"] = "x"
            (headers if message.get("headers") is headers else body).clear()

    with serving(Probe(handler)) as served, served.client() as client:
        response = client.get()
        assert response.body == b"firstsecond"
        assert (response.get("x-a"), response.get("x-b")) == ("1", "2")


@pytest.mark.usefixtures("each_protocol")
def test_each_event_is_a_fresh_dict() -> None:
    """What the application does to one event is not seen in the next (MSG-16)."""

    async def handler(call: Call) -> None:
        seen = []
        event = await call.receive()
        event.clear()
        event["type"] = "x"
        await call.answer()
        for _ in range(3):
            event = await call.raw_receive()
            seen.append(dict(event))
            event["type"] = "x"
        call.note(seen)

    probe = Probe(handler)
    with serving(probe) as served, served.client() as client:
        client.get()
        assert probe.call().wait().notes == [[{"type": "http.disconnect"}] * 3]


BAD_MESSAGES = [
    pytest.param({"type": "http.bogus"}, id="ERR-01 unknown"),
    pytest.param({"type": "websocket.send", "text": "x"}, id="ERR-01 of another protocol"),
    pytest.param({}, id="ERR-02 no type"),
    pytest.param({"status": 200}, id="ERR-02 no type but a status"),
    pytest.param({"type": None}, id="ERR-03 type None"),
    pytest.param({"type": b"http.response.start", "status": 200}, id="ERR-03 type bytes"),
    pytest.param({"type": []}, id="ERR-03 type list"),
    pytest.param(None, id="ERR-03 None"),
    pytest.param("http.response.start", id="ERR-03 a str"),
    pytest.param(5, id="ERR-03 an int"),
]
BAD_STARTS = [
    pytest.param({}, id="ERR-02 no status"),
    pytest.param({"status": "200"}, id="ERR-03 A09 status str"),
    pytest.param({"status": b"200"}, id="ERR-03 status bytes"),
    pytest.param({"status": None}, id="ERR-03 status None"),
    pytest.param({"status": 200.0}, id="ERR-03 status float"),
    pytest.param({"status": True}, id="ERR-03 HTTP-RESP-02 status bool"),
    pytest.param({"status": 99}, id="A09 99"),
    pytest.param({"status": 0}, id="A09 0"),
    pytest.param({"status": -200}, id="A09 negative"),
    pytest.param({"status": 100}, id="A09 100"),
    pytest.param({"status": 101}, id="A09 101"),
    pytest.param({"status": 103}, id="A09 103"),
    pytest.param({"status": 1000}, id="A09 1000"),
    pytest.param({"status": 2**70}, id="MSG-05 A09 beyond 64 bits"),
    pytest.param({"status": 200, "headers": 5}, id="ERR-03 headers int"),
    pytest.param({"status": 200, "headers": {b"a": b"b"}}, id="ERR-03 headers dict"),
    pytest.param({"status": 200, "headers": [("a", b"b")]}, id="ERR-03 name str"),
    pytest.param({"status": 200, "headers": [(b"a", "b")]}, id="ERR-03 value str"),
    pytest.param({"status": 200, "headers": [(b"a", None)]}, id="ERR-03 value None"),
    pytest.param({"status": 200, "headers": [(b"a", 1)]}, id="ERR-03 value int"),
    pytest.param({"status": 200, "headers": [(b"a",)]}, id="ERR-03 one item"),
    pytest.param({"status": 200, "headers": [(b"a", b"b", b"c")]}, id="ERR-03 three items"),
    pytest.param({"status": 200, "headers": [b"ab"]}, id="ERR-03 bytes for a pair"),
    pytest.param({"status": 200, "headers": [None]}, id="ERR-03 None for a pair"),
]
BAD_BODIES = [
    pytest.param({"body": "str"}, id="ERR-03 A10 str"),
    pytest.param({"body": None}, id="ERR-03 None"),
    pytest.param({"body": 5}, id="ERR-03 int"),
    pytest.param({"body": [b"x"]}, id="ERR-03 list"),
    pytest.param({"body": b"x", "more_body": 1}, id="ERR-03 MSG-14 more_body int"),
    pytest.param({"body": b"x", "more_body": "yes"}, id="ERR-03 more_body str"),
]


@pytest.mark.parametrize("bad", BAD_MESSAGES)
@pytest.mark.parametrize("moment", ["before start", "before body", "in the body", "at the end"])
def test_an_invalid_message_raises_and_nothing_of_it_leaves(bad: Any, moment: str) -> None:
    """Out of the await, at each moment; caught, the response is as if nothing was (ERR-01, ERR-02, ERR-04, A10)."""

    async def handler(call: Call) -> None:
        async def wrong(now: str) -> None:
            if now == moment:
                # The call itself raises nothing, the await does.
                sending = call.raw_send(bad)
                with pytest.raises(MessageError):
                    await sending

        await wrong("before start")
        await call.start()
        await wrong("before body")
        await call.write(b"one")
        await wrong("in the body")
        await call.write(b"two", more=False)
        await wrong("at the end")

    probe = Probe(handler)
    with serving(probe) as served, served.client() as client:
        assert client.get().body == b"onetwo"
        assert client.get().body == b"onetwo"
    assert probe.calls[0].wait().error is None


@pytest.mark.usefixtures("each_protocol")
@pytest.mark.parametrize("bad", BAD_STARTS)
def test_an_invalid_start_raises(bad: dict[str, Any]) -> None:
    """Caught, a good start may follow; uncaught, it is a 500 (ERR-02, ERR-03, ERR-04, A09)."""

    async def handler(call: Call) -> None:
        message = {"type": "http.response.start", **bad}
        if call.scope["path"] == "/caught":
            assert isinstance(await call.raised_by(message), MessageError)
            await call.answer(b"fine")
        else:
            await call.send(message)

    probe = Probe(handler)
    with serving(probe) as served, served.client() as client:
        assert client.get("/caught").body == b"fine"
        assert client.get("/uncaught").status == 500
        assert client.get("/caught").body == b"fine"


@pytest.mark.usefixtures("each_protocol")
@pytest.mark.parametrize("bad", BAD_BODIES)
def test_an_invalid_body_raises(bad: dict[str, Any]) -> None:
    """Before and in the body; never coerced, never replaced by nothing (ERR-03, ERR-04, A10)."""

    async def handler(call: Call) -> None:
        await call.start()
        message = {"type": "http.response.body", **bad}
        assert isinstance(await call.raised_by(message), MessageError)
        await call.write(b"one")
        assert isinstance(await call.raised_by(message), MessageError)
        await call.write(b"two", more=False)

    with serving(Probe(handler)) as served, served.client() as client:
        assert client.get().body == b"onetwo"


@pytest.mark.usefixtures("each_protocol")
@each_loop
def test_one_failing_call_harms_no_other(
    new_loop: NewLoop, caplog: pytest.LogCaptureFixture
) -> None:
    """Of fifty concurrent requests every second one raises; the others succeed (ERR-07, ERR-08, ERR-09)."""

    async def handler(call: Call) -> None:
        number = int(call.scope["path"][1:])
        await asyncio.sleep(0)
        if number % 2:
            raise RuntimeError(f"number {number}")
        await call.answer(b"%d" % number)

    probe = Probe(handler)
    with serving(probe, new_loop) as served:
        clients = [served.client() for _ in range(50)]
        for number, client in enumerate(clients):
            client.ask(f"/{number}")
        for number, client in enumerate(clients):
            response = client.response()
            assert response.status == (500 if number % 2 else 200)
            if not number % 2:
                assert response.body == b"%d" % number
        for client in clients:
            client.sock.close()
    assert len(probe.calls) == 50
    failures = [
        each for each in caplog.records if "Exception in the application" in each.getMessage()
    ]
    assert len(failures) == 25
    assert all(each.levelno == logging.ERROR and each.exc_info for each in failures)


@each_loop
@pytest.mark.parametrize("later", [False, True], ids=["eager step", "later step"])
@pytest.mark.parametrize(
    "kind", [SystemExit, KeyboardInterrupt, asyncio.CancelledError, BaseException]
)
@pytest.mark.parametrize("started", [False, True], ids=["before start", "in the body"])
def test_no_exception_ends_the_worker(
    new_loop: NewLoop, kind: type[BaseException], later: bool, started: bool
) -> None:
    """Whatever the application raises, the next request is served (ERR-12, A16)."""

    async def handler(call: Call) -> None:
        if call.scope["path"] == "/fine":
            await call.answer(b"fine")
            return
        if started:
            await call.start()
            await call.write(b"part")
        if later:
            await asyncio.sleep(0)
        raise kind

    probe = Probe(handler)
    with serving(probe, new_loop) as served:
        with served.client() as other:
            assert other.get("/fine").body == b"fine"
            with served.client() as client:
                client.ask("/")
                if started:
                    assert client.head().status == 200
                    assert client.rest() == b"4\r\npart\r\n"
                else:
                    assert client.response().status == 500
            assert other.get("/fine").body == b"fine"
        served.until(lambda: served.worker.running == 0)


@pytest.mark.usefixtures("each_protocol")
def test_a_failure_is_noticed_at_once() -> None:
    """From raise to the 500 it takes less than 100 ms (ERR-13)."""
    raised = []

    async def handler(call: Call) -> None:
        await asyncio.sleep(0)
        raised.append(time.monotonic())
        raise RuntimeError

    with serving(Probe(handler)) as served, served.client() as client:
        took = []
        for _ in range(3):
            assert client.get().status == 500
            took.append(time.monotonic() - raised[-1])
        assert min(took) < 0.1


@each_loop
def test_the_servers_own_exception_is_no_failure(
    new_loop: NewLoop, caplog: pytest.LogCaptureFixture
) -> None:
    """The OSError of a lost client that leaves the application is swallowed; nothing is logged as error (ERR-10, ERR-11, HTTP-DISC-08, A11)."""

    async def handler(call: Call) -> None:
        await call.start()
        while True:
            await call.write(b"x" * 65536)

    probe = Probe(handler)
    with serving(probe, new_loop) as served:
        for number in range(5):
            with served.client() as client:
                client.ask()
                client.head()
                client.reset()
            assert isinstance(probe.call(number).wait().error, OSError)
        served.until(lambda: not served.worker.connections and not served.worker.running)
    assert [each for each in caplog.records if each.levelno > logging.INFO] == []
