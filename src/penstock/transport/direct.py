"""What C does with less ado, in pure Python: the contract of its native form, `direct.pyx`."""

import os
from typing import Any

KEPT_BYTES = 4 << 20


def write_now(fd: int, data: bytes) -> int:
    """Write to the non-blocking socket `fd`; returns the bytes that the kernel took, 0 if it takes
    none at the moment or the socket is broken: who writes next finds that out and reports it.

    The native form keeps the interpreter lock, since a write that never blocks takes less than to
    give the lock up and get it back.
    """
    try:
        return os.write(fd, data)
    except OSError:
        return 0


def call_with(callee: Any, argument: Any, options: dict[str, Any]) -> Any:
    """`callee(argument, **options)`.

    The native form hands over `options` itself, not a copy: it is for callees written in C, which
    keep none of it.
    """
    return callee(argument, **options)


def keep_memory() -> None:
    """Let the C library keep freed memory for the next use, up to `KEPT_BYTES` at the heap's end.

    glibc gives it back beyond 128 KiB, and learns from single blocks only: with one piece of a body
    being read and one in the application's hands it gave back and took anew with every read, which
    cost an upload three times as much as all the rest. Does nothing without glibc, and nothing in
    this form: pure Python has no way to say it that costs less than it saves.
    """
