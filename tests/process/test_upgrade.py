"""Sockets pass from one supervisor to another that takes its place, or stay where they are."""

import asyncio
import os
import socket
import sys
from typing import Any

import pytest

from penstock.config import Config
from penstock.errors import SetupError
from penstock.process import upgrade
from penstock.process.channel import pair
from penstock.process.handover import pack_bind
from penstock.process.upgrade import HEALTH, SERVICE, Successor, predecessor

DEADLINE_S = 20.0
[BIND, OTHER] = Config("x:y", bind=["127.0.0.1:0", "unix:/tmp/s"]).listeners


def test_a_process_that_nobody_started_for_it_has_no_predecessor() -> None:
    assert predecessor({"A": "b"}) is None


@pytest.mark.parametrize("text", ["x", "987"])
def test_a_variable_that_names_no_channel_stops_the_start(text: str) -> None:
    with pytest.raises(SetupError, match="names no channel") as caught:
        predecessor({upgrade.VARIABLE: text})
    assert "unset it" in caught.value.hint


def test_one_whose_predecessor_is_gone_does_not_start() -> None:
    ours, theirs = pair()
    ours.close()
    with pytest.raises(SetupError, match="is gone"):
        predecessor({upgrade.VARIABLE: str(theirs.sock.detach())})


def test_the_sockets_arrive_each_for_its_bind_and_what_nobody_wants_is_closed() -> None:
    ours, theirs = pair()
    environ = {upgrade.VARIABLE: str(theirs.sock.detach()), "A": "b"}
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as health,
    ):
        packed = [(SERVICE, pack_bind(BIND)), (HEALTH, pack_bind(BIND))]
        ours.send("sockets", 77, packed, descriptors=[one.fileno(), health.fileno()])
        before = predecessor(environ)
        assert before is not None
        assert environ == {"A": "b"}
        assert before.pid == 77
        assert before.take(SERVICE, OTHER) == []
        assert before.binds(HEALTH) == [BIND]
        [found] = before.take(SERVICE, BIND)
        assert found.getsockname() == one.getsockname()
        assert before.take(SERVICE, BIND) == []
        found.close()
        [(same, _)] = before.take_all(HEALTH)
        assert same.getsockname() == health.getsockname()
        same.close()
    ours.send("yours")
    before.ready()
    assert ours.wait() == ("ready",)
    assert ours.wait() is None
    ours.close()


def run_successor(
    program: str, monkeypatch: pytest.MonkeyPatch, limit_s: float = DEADLINE_S
) -> tuple[str, Any]:
    """Start `program` as the new version; how it turned out."""
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-c", program])

    async def scenario() -> tuple[str, Any]:
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[tuple[str, Any]] = loop.create_future()
        successor = Successor(
            limit_s,
            lambda pid: outcome.set_result(("ready", pid)),
            lambda why: outcome.set_result(("failed", why)),
        )
        with socket.create_server(("127.0.0.1", 0)) as sock:
            successor.start([(SERVICE, BIND, sock)], {"FOR_IT": "1"})

            def ended() -> None:
                _, status = os.waitpid(successor.pid, 0)
                loop.call_soon_threadsafe(successor.exited, os.waitstatus_to_exitcode(status))

            waiting = loop.run_in_executor(None, ended)
            found = await asyncio.wait_for(outcome, DEADLINE_S)
            await waiting
            assert found[1] == successor.pid or found[0] == "failed"
            successor.close()
            return found

    return asyncio.run(scenario())


READY = """
import os
from penstock.process.upgrade import predecessor
assert os.environ["FOR_IT"] == "1"
before = predecessor(os.environ)
[(sock, bind)] = before.take_all("service")
assert sock.getsockname()[0] == "127.0.0.1"
before.ready()
"""


@pytest.mark.slow
def test_a_new_version_that_is_ready_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_successor(READY, monkeypatch)[0] == "ready"


def test_one_that_ends_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_successor("raise SystemExit(4)", monkeypatch) == ("failed", "it ended with status 4")


def test_one_that_takes_too_long_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    kind, why = run_successor("import time; time.sleep(60)", monkeypatch, limit_s=0.1)
    assert kind == "failed"
    assert "was not ready within 0.1 s and is killed" in why
