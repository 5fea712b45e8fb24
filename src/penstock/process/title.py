"""What ps and top call the processes: `--name`, and each process's part in the server.

Linux lets a process write its own short name to /proc/self/comm (15 bytes; proc(5)): ps -o comm, top,
pstree and pgrep show it, and it costs one write and no library. The long line that ps aux shows lies
in memory that only C code reaches, so it changes only where the package setproctitle is installed
(extra `title`).
"""

from __future__ import annotations

import os

# TASK_COMM_LEN without its NUL
COMM_BYTES_MAX = 15
DEFAULT = "penstock"

# For the short name, whose end would be cut off
_SHORT = {"supervisor": "super", "template": "tmpl", "reloader": "reload"}


def short_title(name: str, part: str) -> str:
    """Return `name` with the part after it, in 15 bytes: "site w2" for ("site", "worker 2")."""
    word, _, number = part.partition(" ")
    tail = f"w{number}" if word == "worker" else _SHORT.get(word, word)
    if not tail:
        return _cut(name, COMM_BYTES_MAX)
    tail = _cut(tail, COMM_BYTES_MAX - 2)
    return f"{_cut(name, COMM_BYTES_MAX - 1 - len(tail.encode()))} {tail}"


def long_title(name: str, part: str, app: str) -> str:
    """Return "site: worker 2 [main:app]"."""
    return (f"{name}: {part}" if part else name) + (f" [{app}]" if app else "")


def set_title(name: str | None, part: str = "", app: str = "") -> None:
    """Name this process after `name` (`--name`) and its part: "", "supervisor", "worker 2".

    Without a name a process with a part is a "penstock", and one without keeps the title it has.
    To be called on the main thread; what the system does not let happen does not happen.
    """
    if name is None and not part:
        return
    name = name or DEFAULT
    try:
        import setproctitle
    except ImportError:
        pass
    else:
        setproctitle.setproctitle(long_title(name, part, app))
    # After that, which writes the beginning of its long line there
    try:
        with open("/proc/self/comm", "wb", buffering=0) as file:
            file.write(os.fsencode(short_title(name, part)))
    except OSError:
        pass  # another system, or a /proc that is closed to us


def _cut(text: str, bytes_max: int) -> str:
    return os.fsencode(text)[:bytes_max].decode("utf-8", "ignore")
