"""Which template a worker is forked from; the templates here are only the ends of channels."""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

import pytest

from penstock.config import Config
from penstock.errors import UsageError
from penstock.process import preload as module
from penstock.process.channel import Channel, pair
from penstock.process.preload import Templates


class Trial:
    """Templates, what was asked of each process, and what came of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module.orphans, "adopt", lambda: True)
        self.killed: list[int] = []
        monkeypatch.setattr(module.os, "kill", lambda pid, _number: self.killed.append(pid))
        self.processes: list[Channel] = []
        self.forked: list[tuple[str, int]] = []
        self.failed: list[tuple[Any, ...]] = []
        self.templates = Templates(
            Config("x:y", workers=2),
            logging.getLogger("penstock.error"),
            self._start,
            lambda key, pid: self.forked.append((key, pid)),
            lambda *details: self.failed.append(details),
        )

    def _start(self, channel: Channel) -> int:
        # Its own end, since the caller closes the one that it passes on
        self.processes.append(Channel(socket.socket(fileno=channel.sock.dup().detach())))
        return len(self.processes)

    def fork(self, key: str, generation: int) -> None:
        ours, theirs = pair()
        self.templates.fork(key, generation, theirs)
        ours.close()

    async def says(self, template: int, *message: Any) -> None:
        self.processes[template].send(*message)
        for _ in range(3):
            await asyncio.sleep(0)

    def asked(self, template: int) -> list[str]:
        self.processes[template].sock.setblocking(False)
        found: list[str] = []
        # What comes with descriptors comes one by one
        while messages := self.processes[template].receive():
            found += [message[0] for message in messages]
        return found

    def close(self) -> None:
        self.templates.close()
        for process in self.processes:
            process.close()


def run(scenario: Callable[[Trial], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def all_of_it() -> None:
        trial = Trial(monkeypatch)
        try:
            await scenario(trial)
        finally:
            trial.close()

    asyncio.run(all_of_it())


def test_workers_wait_for_the_import_and_all_come_of_one_template(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario(trial: Trial) -> None:
        trial.fork("a", 1)
        trial.fork("b", 1)
        assert len(trial.processes) == 1
        assert trial.asked(0) == ["template"]
        await trial.says(0, "imported", [])
        assert trial.asked(0) == ["fork", "fork"]
        await trial.says(0, "forked", 70)
        await trial.says(0, "forked", 71)
        assert trial.forked == [("a", 70), ("b", 71)]
        trial.fork("c", 1)
        assert trial.asked(0) == ["fork"]

    run(scenario, monkeypatch)


def test_a_reload_brings_a_new_template_and_the_old_one_stays_until_it_has_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario(trial: Trial) -> None:
        trial.fork("a", 1)
        await trial.says(0, "imported", [])
        trial.asked(0)
        trial.fork("b", 2)
        assert trial.asked(1) == ["template"]
        await trial.says(1, "imported", [])
        assert trial.asked(1) == ["fork"]
        assert trial.processes[0].receive() is None  # the old one ends
        assert trial.killed == []

    run(scenario, monkeypatch)


def test_if_the_new_one_fails_the_old_one_is_forked_from(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(trial: Trial) -> None:
        trial.fork("a", 1)
        await trial.says(0, "imported", [])
        await trial.says(0, "forked", 70)
        trial.asked(0)
        trial.fork("b", 2)
        await trial.says(1, "failed", 4, "no such module", "", "")
        assert trial.failed == [("b", 4, "no such module", "", "")]
        trial.templates.exited(2)
        trial.fork("c", 2)
        assert trial.asked(0) == ["fork"]
        assert len(trial.processes) == 2

    run(scenario, monkeypatch)


def test_a_worker_that_is_withdrawn_is_not_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(trial: Trial) -> None:
        trial.fork("a", 1)
        trial.fork("b", 1)
        assert trial.templates.withdraw("a")
        assert not trial.templates.withdraw("a")
        trial.asked(0)
        await trial.says(0, "imported", [])
        assert trial.asked(0) == ["fork"]

    run(scenario, monkeypatch)


def test_a_template_that_dies_fails_those_who_wait_and_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario(trial: Trial) -> None:
        trial.fork("a", 1)
        trial.templates.exited(99)
        assert trial.failed == []
        trial.templates.exited(1)
        assert trial.failed == [("a", 3, "the template of --preload has ended", "", "")]
        trial.fork("b", 1)
        assert len(trial.processes) == 2

    run(scenario, monkeypatch)


def test_threads_that_importing_has_started_are_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(trial: Trial) -> None:
        trial.fork("a", 1)
        await trial.says(0, "imported", ["metrics-sender"])

    run(scenario, monkeypatch)
    assert "has started threads (metrics-sender); they run in no worker" in caplog.text


def test_where_it_cannot_be_done_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.orphans, "adopt", lambda: False)
    with pytest.raises(UsageError, match="--preload needs Linux"):
        Templates(Config("x:y"), logging.getLogger(), lambda _: 0, lambda *_: None, lambda *_: None)


def test_it_is_known_whether_a_worker_is_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(trial: Trial) -> None:
        trial.fork("a", 1)
        assert not trial.templates.forking  # it waits for the import
        await trial.says(0, "imported", [])
        assert trial.templates.forking
        await trial.says(0, "forked", 70)
        assert not trial.templates.forking

    run(scenario, monkeypatch)
