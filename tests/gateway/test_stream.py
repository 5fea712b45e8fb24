"""The two interfaces are complete: whoever forgets a method hears of it, and the shared parts hold what they are given."""

import inspect
from typing import Any

import pytest

from penstock.gateway import stream
from penstock.gateway.http import HttpExchange
from penstock.gateway.stream import Exchange, Runtime, Service, Stream
from penstock.transport.http1 import Connection
from penstock.transport.runtime import LoopRuntime

CALLS: dict[type, dict[str, tuple[Any, ...]]] = {
    Stream: {
        "head": (200, [], False, False),
        "flush": (),
        "body": (b"", True),
        "file": (0, 0, 0, True),
        "trailers": ([],),
        "informational": (103, []),
        "push": ("/", []),
        "accept": ([],),
        "read_more": (),
        "reset": ("reason",),
        "done": (),
    },
    Exchange: {
        "start": (),
        "on_body": (b"", True),
        "on_writable": (),
        "on_disconnect": ("eof", False),
        "on_deadline": (0.0,),
        "on_shutdown": (),
        "where": (),
        "cancel": (),
    },
    Runtime: {
        "new_future": (),
        "new_waiter": (),
        "start_task": (None, None),
        "call_soon": (None,),
        "call_from_thread": (None,),
        "flush_soon": (None,),
    },
}


@pytest.mark.parametrize("base", list(CALLS), ids=lambda base: base.__name__)
def test_a_forgotten_method_raises(base: type) -> None:
    """No call of an interface passes in silence."""
    for name, arguments in CALLS[base].items():
        with pytest.raises(NotImplementedError):
            getattr(base(), name)(*arguments)


@pytest.mark.parametrize("base", list(CALLS), ids=lambda base: base.__name__)
def test_the_table_of_this_test_is_complete(base: type) -> None:
    """A new method of an interface must be tried here, too."""
    public = {
        name
        for name, value in vars(base).items()
        if not name.startswith("_") and (inspect.isroutine(value) or callable(value))
    }
    assert public == set(CALLS[base])


@pytest.mark.parametrize(
    ("base", "real"), [(Stream, Connection), (Exchange, HttpExchange), (Runtime, LoopRuntime)]
)
def test_what_is_built_overrides_everything(base: type, real: type) -> None:
    """HTTP/1 connection, HTTP exchange and loop runtime implement their whole interface."""
    for name in CALLS[base]:
        assert getattr(real, name) is not getattr(base, name)


def test_the_reasons_of_a_disconnect_are_apart() -> None:
    """Each has a text of its own, for the log."""
    reasons = [value for name, value in vars(stream).items() if name.startswith("DISCONNECT_")]
    assert len(reasons) == len(set(reasons)) == 5


def test_a_service_holds_what_it_is_given() -> None:
    """By name, with no root path where none is said."""
    given = dict.fromkeys(("app", "context", "state", "settings", "app_failed", "note"), object())
    given["runtime"] = Runtime()
    service = Service(interface="asgi3", **given)
    assert all(getattr(service, name) is value for name, value in given.items())
    assert (service.interface, service.root_path) == ("asgi3", "")
