"""The probe with a fault, to be served by a process: for cases that start servers themselves.

The environment says which fault (CROOKED_FAULT) and which application of the probe (CROOKED_APP).
"""

import asyncio
import copy
import importlib
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

_fault = os.environ["CROOKED_FAULT"]
_module, _, _name = os.environ["CROOKED_APP"].partition(":")
_folder = Path.cwd()
_probe = importlib.import_module(_module)
_application = getattr(_probe, _name)
_state: dict[str, Any] = {}

if _fault == "picky" and _name != "app":
    sys.exit("only functions are applications here")


def _dies(*_: Any) -> None:
    os._exit(9)


async def _by_name(scope: Any, receive: Any, send: Any) -> None:
    await _application(scope=scope, receive=receive, send=send)


async def _mortal(scope: Any, receive: Any, send: Any) -> None:
    try:
        await _application(scope, receive, send)
    except BaseException:
        _dies()


async def _impatient(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "lifespan":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _dies)
    await _application(scope, receive, send)


async def _loud(scope: Any, receive: Any, send: Any) -> None:
    try:
        await _application(scope, receive, send)
    except OSError:
        traceback.print_exc()


# ------------------------------------------------------------------------------------ lifespan


async def _own_lifespan(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def _none(scope: Any, receive: Any, send: Any) -> None:
    await _own_lifespan(receive, send)


async def _one_worker(scope: Any, receive: Any, send: Any) -> None:
    try:
        os.close(os.open(_folder / "first", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        await _own_lifespan(receive, send)
    else:
        await _application(scope, receive, send)


async def _odd_version(scope: Any, receive: Any, send: Any) -> None:
    await _application({**scope, "asgi": {**scope["asgi"], "spec_version": "2.3"}}, receive, send)


async def _greets(scope: Any, receive: Any, send: Any) -> None:
    events = [{"type": "lifespan.hello"}]

    async def greeted() -> Any:
        return events.pop() if events else await receive()

    await _application(scope, greeted, send)


async def _hasty(scope: Any, receive: Any, send: Any) -> None:
    """The server serves before the application has said so."""
    event = await receive()
    await send({"type": "lifespan.startup.complete"})
    events = [event]

    async def given() -> Any:
        return events.pop() if events else await receive()

    async def without(message: Any) -> None:
        if not message["type"].startswith("lifespan.startup"):
            await send(message)

    await _application(scope, given, without)


async def _again(scope: Any, receive: Any, send: Any) -> None:
    try:
        await _application(scope, receive, send)
    except Exception:
        await _application(scope, receive, send)


async def _content(scope: Any, receive: Any, send: Any) -> None:
    """A failed start ends the server as if it had been asked to end."""

    async def ending(message: Any) -> None:
        if message["type"] == "lifespan.startup.failed":
            os._exit(0)
        await send(message)

    await _application(scope, receive, ending)


async def _optimistic(scope: Any, receive: Any, send: Any) -> None:
    """A failed start is none."""

    async def better(message: Any) -> None:
        if message["type"] == "lifespan.startup.failed":
            message = {"type": "lifespan.startup.complete"}
        await send(message)

    try:
        await _application(scope, receive, better)
    except RuntimeError:
        pass


async def _early_shutdown(scope: Any, receive: Any, send: Any) -> None:
    """The shutdown is told while requests run."""
    events = 0

    async def early() -> Any:
        nonlocal events
        events += 1
        if events == 2:
            await asyncio.sleep(0.1)
            return {"type": "lifespan.shutdown"}
        return await receive()

    async def without(message: Any) -> None:
        if message["type"] != "lifespan.shutdown.complete":
            await send(message)

    await _application(scope, early, without)
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def _no_time(scope: Any, receive: Any, send: Any) -> None:
    async def last() -> Any:
        event = await receive()
        if event["type"] == "lifespan.shutdown":
            _dies()
        return event

    await _application(scope, last, send)


async def _mute(scope: Any, receive: Any, send: Any) -> None:
    async def muted(message: Any) -> None:
        await send({**message, "message": ""} if "message" in message else message)

    await _application(scope, receive, muted)


async def _ends(scope: Any, receive: Any, send: Any) -> None:
    await _application(scope, receive, send)
    _dies()


async def _lenient(scope: Any, receive: Any, send: Any) -> None:
    async def tolerant(message: Any) -> None:
        try:
            await send(message)
        except Exception:
            pass

    await _application(scope, receive, tolerant)


async def _cancels(scope: Any, receive: Any, send: Any) -> None:
    started = asyncio.Event()

    async def noticed(message: Any) -> None:
        await send(message)
        started.set()

    task = asyncio.ensure_future(_application(scope, receive, noticed))
    await started.wait()
    task.cancel()
    await asyncio.wait([task])
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def _forgets(scope: Any, receive: Any, send: Any) -> None:
    async def cleared() -> Any:
        event = await receive()
        if event["type"] == "lifespan.shutdown":
            scope["state"].clear()
        return event

    await _application(scope, cleared, send)


async def _full(scope: Any, receive: Any, send: Any) -> None:
    scope["state"]["server"] = 1
    await _application(scope, receive, send)


async def _keeps(scope: Any, receive: Any, send: Any) -> None:
    """The state as it is at the end of the start is kept for requests."""
    kept = scope["state"]

    async def noticed(message: Any) -> None:
        if message["type"] == "lifespan.startup.complete":
            _state.update(kept)
        await send(message)

    _state["live"] = kept
    await _application(scope, receive, noticed)


async def _stateless(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "lifespan":
        scope = {key: value for key, value in scope.items() if key != "state"}
    await _application(scope, receive, send)


async def _one_state(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _keeps(scope, receive, send)
    else:
        await _application({**scope, "state": _state["live"]}, receive, send)


async def _deep_state(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "lifespan":
        scope = {**scope, "state": copy.deepcopy(scope["state"])}
    await _application(scope, receive, send)


async def _old_state(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _keeps(scope, receive, send)
    else:
        state = {key: value for key, value in _state.items() if key != "live"}
        await _application({**scope, "state": state}, receive, send)


async def _tls_everywhere(scope: Any, receive: Any, send: Any) -> None:
    await _application({**scope, "extensions": {"tls": {}}}, receive, send)


# Fault → what it wraps; of the lifespan only, or of everything
_LIFESPAN = {
    "none": _none,
    "one worker": _one_worker,
    "odd version": _odd_version,
    "greets": _greets,
    "hasty": _hasty,
    "again": _again,
    "optimistic": _optimistic,
    "content": _content,
    "early shutdown": _early_shutdown,
    "no time": _no_time,
    "mute": _mute,
    "ends": _ends,
    "lenient": _lenient,
    "cancels": _cancels,
    "forgets": _forgets,
    "full": _full,
    "tls everywhere": _tls_everywhere,
}
_ALL = {
    "by name": _by_name,
    "mortal": _mortal,
    "impatient": _impatient,
    "loud": _loud,
    "stateless": _stateless,
    "one state": _one_state,
    "deep state": _deep_state,
    "old state": _old_state,
}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """The probe, with its fault."""
    if _fault in _ALL:
        await _ALL[_fault](scope, receive, send)
    elif scope["type"] == "lifespan" and _fault in _LIFESPAN:
        await _LIFESPAN[_fault](scope, receive, send)
    else:
        await _application(scope, receive, send)
