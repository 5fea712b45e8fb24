"""What applications are tried with as lifespans: first the one that a server runs, then others."""

from __future__ import annotations

from typing import Any

from penstock.conformance.app_lab import Case, Lab, Recorded
from penstock.testing.faults import MUST, NOTE, SHOULD
from penstock.testing.scopes import lifespan_scope

_STARTUP = {"type": "lifespan.startup"}
_SHUTDOWN = {"type": "lifespan.shutdown"}


class Lifespan:
    """The lifespan around all other cases; `state` is what requests get, None without support."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.state: dict[str, Any] | None = None
        self.refused = False  # the application raised: it has no lifespan, which is its right
        self._talk: Recorded | None = None

    async def startup(self) -> None:
        """Start the application."""
        state: dict[str, Any] = {}
        self._talk = await _start(self.lab, lifespan_scope(state), "startup")
        self.refused = self._talk.error is not None
        if not self._talk.ended:
            self.state = state

    async def shutdown(self) -> None:
        """Shut it down; its call must end."""
        if self._talk is not None and not self._talk.ended:
            await _stop(self.lab, self._talk)
        await self.lab.clear()


async def _start(lab: Lab, scope: dict[str, Any], what: str, level: str = SHOULD) -> Recorded:
    """A lifespan that has been asked to start, and has answered if it wants to."""
    conversation = lab.talk(scope)
    conversation.feed(_STARTUP)
    try:
        message = await conversation.output(lab.settings.patience_s)
    except TimeoutError:
        text = f"{what}: no answer in {lab.settings.patience_s:g} s"
        lab.blame("LIFE-19", MUST, text, conversation)
        return conversation
    if isinstance(message, dict) and message.get("type") == "lifespan.startup.failed":
        text = f"{what}: it failed: {message.get('message', '')}"
        lab.blame("LIFE-19", level, text, conversation)
    return conversation


async def _stop(lab: Lab, conversation: Recorded) -> None:
    conversation.feed(_SHUTDOWN)
    try:
        message = await conversation.output(lab.settings.patience_s)
    except TimeoutError:
        text = f"no answer to lifespan.shutdown in {lab.settings.patience_s:g} s"
        lab.blame("LIFE-19", MUST, text, conversation)
        return
    if isinstance(message, dict) and message.get("type") == "lifespan.shutdown.failed":
        text = f"the shutdown failed: {message.get('message', '')}"
        lab.blame("LIFE-21", SHOULD, text, conversation)
    if await lab.must_end(conversation, "LIFE-19", "after lifespan.shutdown", SHOULD):
        error = conversation.error
        if error is not None:
            text = f"after lifespan.shutdown it raised {type(error).__name__}: {error}"
            lab.blame("LIFE-21", SHOULD, text[:200], conversation)


async def first(lab: Lab) -> None:
    """As a server does it; it is run around all other cases."""
    lifespan = Lifespan(lab)
    await lifespan.startup()
    await lifespan.shutdown()


async def withheld(lab: Lab) -> None:
    """Nothing may be said before lifespan.startup."""
    conversation = lab.talk(lifespan_scope())
    conversation.start()
    await lab.pause()
    conversation.feed(_STARTUP)
    try:
        await conversation.output(lab.settings.patience_s)
    except TimeoutError:
        return
    if not conversation.ended:
        await _stop(lab, conversation)


async def no_version(lab: Lab) -> None:
    """No spec_version, which then is 1.0; and more keys than are known."""
    scope = lifespan_scope(asgi={"version": "3.0"}) | {"x-extra": 1}
    await _other(lab, scope, "a scope without spec_version", SHOULD)


async def no_state(lab: Lab) -> None:
    """An application that needs it says so, since the servers that are known have it."""
    scope = lifespan_scope()
    del scope["state"]
    await _other(lab, scope, "a scope without state", NOTE)


async def _other(lab: Lab, scope: dict[str, Any], what: str, level: str) -> None:
    conversation = await _start(lab, scope, what, level)
    if not conversation.ended:
        await conversation.over(lab.settings.silence_s)
    error = conversation.error
    if error is not None:
        text = f"{what}: it raised {type(error).__name__}: {error}"
        lab.blame("LIFE-STATE-08" if level == NOTE else "LIFE-04", level, text[:200], conversation)
    elif not conversation.ended:
        await _stop(lab, conversation)


async def cancelled(lab: Lab) -> None:
    """A server that is in a hurry cancels."""
    conversation = await _start(lab, lifespan_scope(), "started once more")
    await lab.pause()
    if not conversation.ended and not await conversation.cancel(lab.settings.patience_s):
        lab.blame("APP-13", SHOULD, "cancelled, the lifespan goes on", conversation)


CASES = [
    Case("LIFE-19", "startup and shutdown", first),
    Case("LIFE-20", "lifespan.startup is withheld", withheld),
    Case("LIFE-04", "a lifespan without spec_version", no_version),
    Case("LIFE-STATE-08", "a lifespan without state", no_state),
    Case("APP-13", "the lifespan is cancelled", cancelled),
]
