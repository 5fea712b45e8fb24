"""An application may raise, or break the rules, at every moment: its client can tell, the log says why, nobody else notices."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.apps.server import DEADLINE_S, Server, stopped_well

pytestmark = pytest.mark.real

# What the client sees.
ERROR = "a 500"
CUT = "a response that is not whole"
WHOLE = "a whole response"
LAST = "a whole response, and the connection closes"

PURPOSE = "on purpose"

MOMENTS = {
    "before_the_coroutine": (ERROR, PURPOSE),
    "no_coroutine": (ERROR, "NoneType"),
    "at_the_call": (ERROR, PURPOSE),
    "after_a_wait": (ERROR, PURPOSE),
    "after_the_body": (ERROR, PURPOSE),
    "after_the_head": (ERROR, PURPOSE),
    "long_after_the_head": (CUT, PURPOSE),
    "in_the_body": (CUT, PURPOSE),
    "in_a_body_of_known_length": (CUT, PURPOSE),
    "after_the_end": (WHOLE, PURPOSE),
    "long_after_the_end": (WHOLE, PURPOSE),
    "without_an_answer": (ERROR, "without a whole response"),
    "with_a_head_only": (ERROR, "without a whole response"),
    "with_too_little": (CUT, "content-length"),
    "with_too_much": (LAST, "content-length"),
    "body_before_head": (ERROR, "http.response.body"),
    "two_heads": (CUT, "http.response.start"),
    "an_unknown_message": (ERROR, "http.response.nonsense"),
    "no_message_at_all": (ERROR, "None"),
    "a_text_as_body": (ERROR, "str"),
    "a_header_of_two_lines": (ERROR, "x-part"),
    "no_status": (ERROR, "status"),
    "a_status_of_text": (ERROR, "status"),
    "system_exit": (ERROR, PURPOSE),
    "keyboard_interrupt": (ERROR, PURPOSE),
    "cancelled": (ERROR, PURPOSE),
    "generator_exit": (ERROR, PURPOSE),
    "stop_iteration": (ERROR, PURPOSE),
    "stop_async_iteration": (ERROR, PURPOSE),
    "base_exception": (ERROR, PURPOSE),
    "a_group": (ERROR, PURPOSE),
    "too_deep": (ERROR, "RecursionError"),
    "no_memory": (ERROR, PURPOSE),
    "unspeakable": (ERROR, "Unspeakable"),
    "broken_pipe": (ERROR, PURPOSE),
    "a_task_of_its_own": (WHOLE, ""),
}

WEBSOCKET_MOMENTS = {
    "websocket_at_the_call": (500, PURPOSE),
    "websocket_after_connect": (500, PURPOSE),
    "websocket_without_an_answer": (500, ""),
    "websocket_send_before_accept": (500, "websocket.send"),
    "websocket_after_accept": (1011, PURPOSE),
    "websocket_after_a_message": (1011, PURPOSE),
    "websocket_a_message_of_both": (1011, "bytes"),
    "websocket_returns": (1000, ""),
    "websocket_after_close": (4000, PURPOSE),
    "websocket_system_exit": (1011, PURPOSE),
}

WSGI_MOMENTS = {
    "at_the_call": (ERROR, PURPOSE),
    "after_start_response": (ERROR, PURPOSE),
    "at_the_first_block": (ERROR, PURPOSE),
    "in_the_body": (CUT, PURPOSE),
    "after_write": (CUT, PURPOSE),
    "without_start_response": (ERROR, "start_response"),
    "returns_none": (ERROR, "NoneType"),
    "text": (ERROR, "str"),
    "bad_status": (ERROR, "fine"),
    "bad_header": (ERROR, "x-part"),
    "too_little": (CUT, "ontent-"),
    "system_exit": (ERROR, PURPOSE),
    "in_close": (WHOLE, PURPOSE),
    "exc_info": ("a 503", ""),
}


class Connection:
    """A keep-alive connection that reads what comes as it comes."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
        self.close = self.socket.close

    def ask(self, path: str) -> str:
        """Send a request, and say what came back in the words above."""
        self.socket.sendall(
            f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody".encode()
        )
        data = b""
        while b"\r\n\r\n" not in data:
            part = self.socket.recv(65536)
            if not part:
                return CUT
            data += part
        head, _, rest = data.partition(b"\r\n\r\n")
        fields = head.lower().split(b"\r\n")
        lengths = [int(line[16:]) for line in fields if line.startswith(b"content-length: ")]
        done: Callable[[bytes], bool]
        if lengths:
            done = lambda body: len(body) >= lengths[0]  # noqa: E731
        else:
            assert b"transfer-encoding: chunked" in fields
            done = lambda body: body.endswith(b"0\r\n\r\n")  # noqa: E731
        while not done(rest):
            try:
                part = self.socket.recv(65536)
            except ConnectionResetError:
                part = b""
            if not part:
                return CUT
            rest += part
        status = int(fields[0][9:12])
        assert PURPOSE.encode() not in rest
        return WHOLE if status == 200 else f"a {status}"


@pytest.fixture(scope="module")
def asgi() -> Iterator[Server]:
    with Server("tests.apps.raising_app:app", "--port", "0", "--interface", "asgi3") as server:
        server.until("Running on")
        yield server
        stopped_well(server)


@pytest.fixture(scope="module", params=["1", "0"], ids=["threads", "inline"])
def wsgi(request: pytest.FixtureRequest) -> Iterator[Server]:
    spec = "tests.apps.raising_app:application"
    with Server(spec, "--port", "0", "--threads", request.param) as server:
        server.until("Running on")
        yield server
        stopped_well(server)


def judged(server: Server, path: str, good: str, seen: str, logged: str) -> None:
    """`path` ends as `seen`, says `logged` in the log, and another connection goes on undisturbed."""
    with closing(Connection(server.port)) as other, closing(Connection(server.port)) as trial:
        assert other.ask(good) == WHOLE
        told_before = len(server.output)
        assert trial.ask(path) == (WHOLE if seen == LAST else seen)
        assert other.ask(good) == WHOLE
        server.until_true(lambda output: logged in output[told_before:], repr(logged))
        if seen != CUT:  # the connection is still in step
            assert trial.ask(good) == (CUT if seen == LAST else WHOLE)


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_asgi_application_that_fails_harms_only_its_own_request(
    asgi: Server, moment: str
) -> None:
    seen, logged = MOMENTS[moment]
    judged(asgi, f"/{moment}", "/good", seen, logged)


@pytest.mark.parametrize("moment", WEBSOCKET_MOMENTS)
def test_a_websocket_application_that_fails_tells_its_client(asgi: Server, moment: str) -> None:
    """500 before the handshake is over (WS-HTTP semantics), 1011 after it."""
    code, logged = WEBSOCKET_MOMENTS[moment]
    address = asgi.url.replace("http", "ws", 1) + f"/{moment}"
    told_before = len(asgi.output)
    if code == 500:
        with pytest.raises(InvalidStatus) as refused, connect(address, proxy=None):
            pass
        assert refused.value.response.status_code == 500
    else:
        with connect(address, proxy=None) as websocket, pytest.raises(ConnectionClosed) as closed:
            if moment == "websocket_after_a_message":
                assert websocket.recv(DEADLINE_S) == "hello"
                websocket.send("and now?")
            websocket.recv(DEADLINE_S)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code
        assert PURPOSE not in closed.value.rcvd.reason
    asgi.until_true(lambda output: logged in output[told_before:], repr(logged))


@pytest.mark.parametrize("moment", WSGI_MOMENTS)
def test_a_wsgi_application_that_fails_harms_only_its_own_request(
    wsgi: Server, moment: str
) -> None:
    seen, logged = WSGI_MOMENTS[moment]
    judged(wsgi, f"/{moment}", "/good", seen, logged)


@pytest.mark.parametrize(
    "moment, mode, status, logged",
    [
        ("at the call", "auto", 0, "served without lifespan"),
        ("at the call", "on", 3, "--lifespan auto"),
        ("startup", "auto", 0, "served without lifespan"),
        ("startup", "on", 3, "on purpose"),
        ("startup failed", "auto", 3, "no database"),
        ("startup exit", "auto", 3, "no database"),
        ("serving", "auto", 0, "on purpose"),
        ("shutdown", "auto", 0, "on purpose"),
        ("shutdown failed", "auto", 0, "cannot close"),
    ],
)
def test_a_lifespan_that_fails_says_so_and_ends_with_the_right_status(
    moment: str, mode: str, status: int, logged: str
) -> None:
    with Server(
        "tests.apps.raising_app:app", "--interface", "asgi3", "--port", "0", "--lifespan", mode,
        environ={"TRIAL_LIFESPAN": moment},
    ) as server:  # fmt: skip
        if status:
            assert server.wait() == status
            assert "Running on" not in server.output
        else:
            with closing(Connection(server.port)) as client:
                assert client.ask("/good") == WHOLE
            assert server.stop() == 0
        assert logged in server.output
