"""The lifespan conversation, each state against each input, without an event loop."""

import contextvars
from collections.abc import Callable, Generator
from typing import Any

import pytest

from penstock.errors import MessageError, StartupError
from penstock.gateway import lifespan as module
from penstock.gateway.lifespan import STATE_NAMES, TRANSITIONS, Lifespan

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


class Future:
    def __init__(self) -> None:
        self.is_done = False

    def done(self) -> bool:
        return self.is_done

    def set_result(self, _value: Any) -> None:
        assert not self.is_done
        self.is_done = True

    def __await__(self) -> Generator[Any, Any, None]:
        while not self.is_done:
            yield self


class Task:
    """Runs a coroutine in a context, a step at a time."""

    def __init__(self, coroutine: Any, context: contextvars.Context) -> None:
        self.coroutine = coroutine
        self.context = context
        self.ended = False
        self.step()

    def step(self) -> None:
        if not self.ended:
            try:
                self.context.run(self.coroutine.send, None)
            except StopIteration:
                self.ended = True

    def done(self) -> bool:
        return self.ended

    def cancel(self) -> None:
        try:
            self.context.run(self.coroutine.throw, KeyboardInterrupt)
        except StopIteration:
            self.ended = True


class Runtime:
    new_future = Future

    def start_task(self, coroutine: Any, context: contextvars.Context) -> Task:
        return Task(coroutine, context)


class Trial:
    """A lifespan of `app`, and what it noted."""

    def __init__(self, app: Any, mode: str = "auto") -> None:
        self.notes: list[tuple[str, str, BaseException | None]] = []
        self.context = contextvars.copy_context()
        self.lifespan = Lifespan(app, Runtime(), self.context, mode, self.note)
        self.lifespan.start()

    def note(self, level: str, text: str, error: BaseException | None = None) -> None:
        self.notes.append((level, text, error))

    def go_on(self) -> None:
        self.lifespan.task.step()

    @property
    def state(self) -> str:
        return STATE_NAMES[self.lifespan.state]


async def good(scope: Any, receive: Any, send: Any) -> None:
    assert (await receive())["type"] == "lifespan.startup"
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    await send({"type": "lifespan.shutdown.complete"})


def test_an_application_starts_serves_and_stops_life_05_11_18() -> None:
    trial = Trial(good)
    assert trial.state == "serving"
    assert trial.lifespan.started.done()
    trial.lifespan.check()
    assert not trial.lifespan.task.done()
    assert not trial.lifespan.stopped.done()
    trial.lifespan.stop()
    trial.go_on()
    assert trial.state == "stopped"
    assert trial.lifespan.stopped.done()
    assert trial.notes == []


def test_the_scope_is_what_the_specification_says_life_04_state_01() -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await good(scope, receive, send)

    trial = Trial(app)
    assert scopes == [
        {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
    ]
    assert scopes[0]["state"] is trial.lifespan.scope_state
    trial.lifespan.cancel()


def test_what_startup_sets_is_seen_in_the_context_that_requests_copy() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        variable.set("by startup")
        await good(scope, receive, send)

    trial = Trial(app)
    assert trial.context.copy()[variable] == "by startup"
    assert variable.get() == "unset"
    trial.lifespan.cancel()


@pytest.mark.parametrize("received", [False, True])
def test_auto_serves_an_application_that_raises_and_shows_its_traceback_life_07(
    received: bool,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if received:
            await receive()
        raise KeyError("no lifespan here")

    trial = Trial(app)
    assert trial.state == "unsupported"
    assert trial.lifespan.started.done()
    trial.lifespan.check()
    ((level, text, error),) = trial.notes
    assert level == "warning"
    assert "--lifespan off" in text
    assert isinstance(error, KeyError)
    assert error.__traceback__ is not None
    trial.lifespan.stop()
    assert trial.lifespan.stopped.done()


@pytest.mark.parametrize("received", [False, True])
def test_auto_serves_an_application_that_returns_without_a_word_life_14(received: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if received:
            await receive()

    trial = Trial(app)
    trial.lifespan.check()
    assert [(level, error) for level, _, error in trial.notes] == [("info", None)]
    trial.lifespan.stop()
    assert trial.lifespan.stopped.done()


@pytest.mark.parametrize("raises", [False, True])
def test_on_refuses_an_application_that_does_not_support_lifespan(raises: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if raises:
            raise KeyError("x")

    trial = Trial(app, "on")
    with pytest.raises(StartupError, match="raised KeyError" if raises else "returned") as caught:
        trial.lifespan.check()
    assert caught.value.exit_code == 3
    assert "--lifespan auto" in caught.value.hint
    assert isinstance(caught.value.__cause__, KeyError) is raises


@pytest.mark.parametrize("mode", ["auto", "on"])
@pytest.mark.parametrize("then_raises", [False, True])
def test_a_failed_start_is_one_in_every_mode_also_if_it_raises_then_life_08_09(
    mode: str, then_raises: bool
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        if then_raises:
            raise RuntimeError("boom")

    trial = Trial(app, mode)
    assert trial.state == "failed"
    with pytest.raises(StartupError, match="no database"):
        trial.lifespan.check()
    trial.lifespan.stop()
    assert trial.lifespan.stopped.done()


def test_a_failed_start_needs_no_message_life_10() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed"})

    with pytest.raises(StartupError, match="it gave no reason"):
        Trial(app).lifespan.check()


@pytest.mark.parametrize("frame", ["", "  | "])
def test_of_a_traceback_as_message_the_last_line_is_the_reason_and_the_hint_has_all(
    frame: str,
) -> None:
    """Starlette sends a traceback, Litestar that of a group, which has a frame drawn around it."""
    told = f"Traceback (most recent call last):\n{frame}OSError: no database\n    +-------\n"

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": told})

    with pytest.raises(StartupError) as caught:
        Trial(app).lifespan.check()
    assert str(caught.value) == "The application failed to start: OSError: no database"
    assert "Traceback (most recent" in caught.value.hint


def test_without_message_the_exception_that_follows_is_the_reason() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed"})
        raise RuntimeError("boom")

    with pytest.raises(StartupError, match="RuntimeError: boom"):
        Trial(app).lifespan.check()


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_an_application_that_ends_the_process_while_starting_does_not_start(mode: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise SystemExit(7)

    with pytest.raises(StartupError, match=r"SystemExit\(7\)"):
        Trial(app, mode).lifespan.check()


def test_a_shutdown_that_failed_is_said_and_ends_life_13() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "disk full"})

    trial = Trial(app)
    trial.lifespan.stop()
    trial.go_on()
    assert trial.lifespan.stopped.done()
    assert [(level, text) for level, text, _ in trial.notes] == [
        ("error", "The application failed to shut down: disk full")
    ]


def test_a_shutdown_that_raises_is_logged_and_ends() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise OSError("disk full")

    trial = Trial(app)
    trial.lifespan.stop()
    trial.go_on()
    assert trial.lifespan.stopped.done()
    assert [(level, type(error)) for level, _, error in trial.notes] == [("error", OSError)]


def test_an_application_that_returned_after_its_start_does_not_hang_the_shutdown_life_15() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})

    trial = Trial(app)
    trial.lifespan.check()
    trial.lifespan.stop()
    assert trial.lifespan.stopped.done()
    assert trial.state == "ended"


def test_a_lifespan_that_breaks_while_serving_is_logged_and_gets_no_shutdown() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        raise RuntimeError("background task failed")

    trial = Trial(app)
    trial.lifespan.check()
    assert trial.state == "crashed"
    assert [(level, type(error)) for level, _, error in trial.notes] == [("error", RuntimeError)]
    trial.lifespan.stop()
    assert trial.lifespan.stopped.done()


BAD = [
    {"type": "lifespan.bogus"},
    {"type": "http.response.start"},
    {},
    {"type": "lifespan.startup.complete"},
    {"type": "lifespan.startup.failed"},
    {"type": "lifespan.shutdown.complete"},
    {"type": "lifespan.shutdown.failed"},
]


def answers(script: Callable[..., Any]) -> list[str]:
    """The errors that the messages of `BAD` raised where `script` had brought the application."""
    raised: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await script(receive, send)
        for message in BAD:
            try:
                await send(message)
            except MessageError as error:
                raised.append(f"{message.get('type')}: {error}")

    trial = Trial(app)
    trial.lifespan.stop()
    if not trial.lifespan.task.done():
        trial.go_on()
    return raised


def test_messages_before_startup_raise_in_the_application_life_16_20() -> None:
    async def nothing(receive: Any, send: Any) -> None:
        """Sends before it has received anything."""

    assert len(answers(nothing)) == len(BAD)
    assert all("'called'" in text and "expected none" in text for text in answers(nothing))


def test_a_second_start_raises_and_the_error_says_what_was_expected_life_16() -> None:
    async def started(receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})

    raised = answers(started)
    assert len(raised) == len(BAD)

    async def starting(receive: Any, send: Any) -> None:
        await receive()

    raised = answers(starting)
    assert "expected lifespan.startup.complete or lifespan.startup.failed" in raised[0]
    assert not any(text.startswith("lifespan.startup.complete") for text in raised)
    assert any(text.startswith("lifespan.startup.failed") for text in raised)


def test_receive_and_send_after_the_end_raise_and_change_nothing_life_24() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await good(scope, receive, send)
        for call in (receive, lambda: send({"type": "lifespan.shutdown.complete"})):
            try:
                await call()
            except MessageError as error:
                seen.append(str(error))

    trial = Trial(app)
    trial.lifespan.stop()
    trial.go_on()
    assert len(seen) == 2
    assert trial.state == "stopped"
    assert trial.notes == []


def test_an_application_that_receives_for_ever_ends_quietly_life_24() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})

    trial = Trial(app)
    trial.lifespan.stop()
    trial.go_on()
    assert trial.lifespan.task.done()
    assert trial.state == "stopped"
    assert trial.notes == []


def test_what_is_raised_after_the_end_is_still_said() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await good(scope, receive, send)
        raise RuntimeError("cleanup failed")

    trial = Trial(app)
    trial.lifespan.stop()
    trial.go_on()
    assert trial.state == "stopped"
    assert [(level, type(error)) for level, _, error in trial.notes] == [("warning", RuntimeError)]


def test_a_message_that_is_no_text_raises() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": b"bytes"})

    trial = Trial(app, "on")
    with pytest.raises(StartupError, match="message must be a str, not bytes"):
        trial.lifespan.check()


def test_a_lifespan_that_is_cancelled_is_silent_and_over() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await Future()

    trial = Trial(app)
    trial.lifespan.stop()
    trial.go_on()
    assert trial.state == "shutdown"
    trial.lifespan.cancel()
    assert trial.lifespan.task.done()
    assert trial.lifespan.stopped.done()
    assert trial.notes == []


def test_the_table_has_every_end_and_leads_to_known_states_only() -> None:
    finals = module._FINAL
    assert {state for state, _ in TRANSITIONS} == set(range(len(STATE_NAMES))) - finals
    for state in range(len(STATE_NAMES)):
        for end in (module.RETURNED, module.RAISED):
            # Wherever the application ends, the lifespan ends
            assert TRANSITIONS.get((state, end), state) in finals
    # Receiving is possible once for each of the two events
    receivable = {state for state, given in TRANSITIONS if given == module.RECEIVE}
    assert receivable == {module.CALLED, module.STOPPING}
