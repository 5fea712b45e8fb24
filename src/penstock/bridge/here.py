"""Where code stands between sync and async: what travels in the context from one side to the other.

A `Here` is kept in a context variable, and counts only on the thread that it was made for. So a
thread that merely inherits a context, as Python 3.14 may let it, sees none (SYNC-38).
"""

from _thread import get_ident
from contextvars import Context, ContextVar
from typing import Any

_UNSET = object()


class Here:
    """What holds for the code that runs in one context on the thread `thread`.

    - `lineage`: whose values of `Local` are its own; None until one is set.
    - `frame`: the sync caller above, waiting in `async_to_sync` (a CurrentThreadExecutor), or None.
    - `single`: the thread that all async programs share is occupied by whoever waits for this code.
    """

    __slots__ = ("frame", "lineage", "single", "thread")

    def __init__(self, lineage: Any, frame: Any, single: bool) -> None:
        self.thread = get_ident()
        self.lineage = lineage
        self.frame = frame
        self.single = single


_HERE: ContextVar[Here] = ContextVar("penstock.bridge.here")


def current() -> Here | None:
    """Where the caller stands; None if nothing has been bridged above it."""
    here = _HERE.get(None)
    if here is None or here.thread != get_ident():
        return None
    return here


def arrive(lineage: Any, frame: Any, single: bool) -> None:
    """Say where the code of the current context stands from now on; called on its thread."""
    _HERE.set(Here(lineage, frame, single))


def own_lineage() -> Any:
    """The lineage of the current context, made if there is none yet."""
    here = current()
    if here is None:
        here = Here(object(), None, False)
        _HERE.set(here)
    elif here.lineage is None:
        here = Here(object(), here.frame, here.single)
        _HERE.set(here)
    return here.lineage


def take_back(context: Context) -> None:
    """Set in the current context what was set in `context`, a copy of it that code ran in since
    (SYNC-13, SYNC-30). What that code deleted or reset stays as it is."""
    for variable, value in context.items():
        if variable is _HERE:
            _take_lineage(value)
        elif variable.get(_UNSET) is not value:
            variable.set(value)


def _take_lineage(there: Here) -> None:
    if there.lineage is None:
        return
    here = current()
    if here is None:
        _HERE.set(Here(there.lineage, None, False))
    elif here.lineage is not there.lineage:
        _HERE.set(Here(there.lineage, here.frame, here.single))
