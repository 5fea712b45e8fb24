"""`Local`: values that follow a call between sync and async code (asgiref's `asgiref.local`)."""

import asyncio
import threading
from contextvars import ContextVar
from typing import Any

from penstock.bridge.here import current, own_lineage


class _InContext:
    """Values in one context variable: a dict that is replaced, never changed, so that contexts that
    were copied before do not see it. Needs no lock: a context is run by one thread at a time."""

    __slots__ = ("_variable",)

    def __init__(self) -> None:
        self._variable: ContextVar[tuple[Any, dict[str, Any]]] = ContextVar("penstock.bridge.local")

    def values(self) -> dict[str, Any]:
        """What is set here, not to be changed."""
        pair = self._variable.get(None)
        if pair is None:
            return {}
        here = current()
        # What a thread inherited with a context is another's (SYNC-38).
        return pair[1] if here is not None and here.lineage is pair[0] else {}

    def replace(self, values: dict[str, Any]) -> None:
        """Let `values` be what is set here."""
        self._variable.set((own_lineage(), values))


class _OnThread(threading.local):
    """Values of one thread: `plain` for its sync code, `contexts` for tasks of its event loops."""

    def __init__(self) -> None:
        self.plain: dict[str, Any] = {}
        self.contexts = _InContext()


class Local:
    """A namespace like `threading.local`, local to the task in async code and to the thread in sync
    code, whose values cross `sync_to_async` and `async_to_sync` both ways (SYNC-35, SYNC-36).

    Tasks inherit a copy. With `thread_critical` nothing crosses threads: sync code of a thread
    shares the thread's values, whatever its context (SYNC-37). Any thread may use it.
    """

    __slots__ = ("__weakref__", "_contexts", "_threads")

    def __init__(self, thread_critical: bool = False) -> None:
        set_own = object.__setattr__
        set_own(self, "_contexts", None if thread_critical else _InContext())
        set_own(self, "_threads", _OnThread() if thread_critical else None)

    def _home(self) -> _InContext | None:
        """Where values are kept: in the context, or (None) plainly on the thread."""
        contexts: _InContext | None = self._contexts
        if contexts is not None:
            return contexts
        if asyncio._get_running_loop() is None:
            return None
        inner: _InContext = self._threads.contexts
        return inner

    def _values(self) -> dict[str, Any]:
        home = self._home()
        if home is not None:
            return home.values()
        plain: dict[str, Any] = self._threads.plain
        return plain

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values()[name]
        except KeyError:
            raise AttributeError(f"{name!r} is not set in this {type(self).__name__}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        home = self._home()
        if home is None:
            self._threads.plain[name] = value
        else:
            home.replace({**home.values(), name: value})

    def __delattr__(self, name: str) -> None:
        home = self._home()
        values = self._values()
        if name not in values:
            raise AttributeError(f"{name!r} is not set in this {type(self).__name__}")
        if home is None:
            del values[name]
        else:
            home.replace({key: value for key, value in values.items() if key != name})
