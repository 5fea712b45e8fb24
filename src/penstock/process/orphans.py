"""No process outlives its supervisor: the kernel ends it with its parent (Linux; prctl(2)).

Elsewhere a worker notices the end of its channel, which its loop has to turn for.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def _prctl() -> Callable[[int, int], int] | None:
    if sys.platform != "linux":
        return None
    try:
        import ctypes  # only supervisors and templates pay for it

        call = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return None
    return lambda option, value: int(
        call(option, *(ctypes.c_ulong(each) for each in (value, 0, 0, 0)))
    )


def tie() -> Callable[[], None] | None:
    """What a child calls first, between fork and exec, to end with this process; None where the
    system has no such thing."""
    prctl = _prctl()
    if prctl is None:
        return None
    parent = os.getpid()

    def end_with_parent() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before that
            os._exit(1)

    return end_with_parent


def end_with(parent: int) -> None:
    """In a process that `parent` started: end with it, from here on."""
    prctl = _prctl()
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def adopt() -> bool:
    """Become the parent of grandchildren whose parents end (PR_SET_CHILD_SUBREAPER); whether that
    worked."""
    prctl = _prctl()
    return prctl is not None and prctl(_PR_SET_CHILD_SUBREAPER, 1) == 0
