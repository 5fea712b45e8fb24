"""The driver of applications' calls: native where `_drive` was built, else the pure twin."""

from typing import Any

from penstock.gateway.drive import drive as _pure

try:
    from penstock.gateway._drive import drive
except ImportError:
    drive = _pure

__all__ = ["drive", "exchange_of"]


def exchange_of(coroutine: Any) -> Any:
    """The exchange that a task's coroutine drives; None for any other coroutine, and at its end.

    May be called from any thread.
    """
    if getattr(coroutine, "cr_code", None) is _pure.__code__:
        frame = coroutine.cr_frame
        return None if frame is None else frame.f_locals.get("exchange")
    return coroutine.exchange if type(coroutine) is drive else None
