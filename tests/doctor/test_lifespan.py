"""Each trouble that a lifespan can make is named, with its place; a right one has none."""

import asyncio
import time
from typing import Any

import pytest

from penstock.doctor.findings import FINE, HINT, NOTE, WRONG, Finding
from penstock.doctor.lifespan import Life
from penstock.doctor.watch import Watch


def lived(app: Any, mode: str = "auto", deadline_s: float = 0.1) -> tuple[Life, list[Finding]]:
    with Watch(0.05, deadline_s) as watch:
        loop = watch.new_loop()
        try:
            life = Life(app, loop, watch, mode)
            life.start()
            life.stop()
            return life, life.findings
        finally:
            loop.close()


async def started(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})


async def right(scope: Any, receive: Any, send: Any) -> None:
    scope["state"]["key"] = 1
    await started(receive, send)
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def without(scope: Any, _receive: Any, _send: Any) -> None:
    return


async def raising(scope: Any, _receive: Any, _send: Any) -> None:
    raise KeyError("http")


async def failing(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "Traceback\nKeyError: no database"})


async def hanging(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await asyncio.Event().wait()


async def blocking(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    time.sleep(1000)


async def leaving(scope: Any, receive: Any, send: Any) -> None:
    await started(receive, send)


async def crashing(scope: Any, receive: Any, send: Any) -> None:
    await started(receive, send)
    raise ValueError("later")


async def failing_to_stop(scope: Any, receive: Any, send: Any) -> None:
    await started(receive, send)
    await receive()
    raise ValueError("not closed")


async def hanging_to_stop(scope: Any, receive: Any, send: Any) -> None:
    await started(receive, send)
    await receive()
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    "app, level, words",
    [
        (right, FINE, "started in"),
        (without, NOTE, "does not use lifespan"),
        (raising, NOTE, "it raised KeyError: 'http'"),
        (failing, WRONG, "KeyError: no database"),
        (hanging, WRONG, "the startup did not end within 0.1 s"),
        (blocking, WRONG, "the startup did not end within 0.1 s"),
        (leaving, WRONG, "ended right after the startup"),
        (crashing, WRONG, "ended right after the startup: ValueError: later"),
        (failing_to_stop, WRONG, "the shutdown failed: ValueError: not closed"),
        (hanging_to_stop, WRONG, "the shutdown did not end within 0.1 s"),
    ],
)
def test_each_trouble_has_its_finding(app: Any, level: str, words: str) -> None:
    _, (finding,) = lived(app)
    assert (finding.level, words in finding.text) == (level, True), finding


@pytest.mark.parametrize("app", [hanging, blocking, raising, failing_to_stop, hanging_to_stop])
def test_the_place_is_the_applications_own(app: Any) -> None:
    _, (finding,) = lived(app)
    assert finding.place.startswith(f"{__file__}:")
    assert finding.place.endswith(f" {app.__name__}")


def test_its_state_is_what_requests_get() -> None:
    life, _ = lived(right)
    assert life.state == {"key": 1}
    assert lived(without)[0].state is None


def test_it_fails_for_requests_only_where_it_must_not_be_served() -> None:
    assert [lived(app)[0].failed for app in (right, raising, failing, hanging)] == [
        False, False, True, True,
    ]  # fmt: skip
    assert lived(raising, "on")[0].failed


def test_off_is_not_asked() -> None:
    _, (finding,) = lived(failing, "off")
    assert finding.text == "it is not asked: --lifespan off"


def test_a_slow_start_is_worth_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.doctor.lifespan.SLOW_S", 0)
    assert [each.level for each in lived(right)[1]] == [HINT, FINE]
