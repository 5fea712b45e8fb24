"""Configuration files that are Python: they are run, in a process of their own, and their names read.

Such a file cannot be read otherwise: it computes its values. The process has a deadline, no input,
and a hook that refuses to write files, to start programs and to use the network. That is a guard
against accidents, not against malice: Python has no sandbox.

This module is also that process's program; so it imports nothing of Penstock there.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from typing import Any, NamedTuple

TIMEOUT_S = 30.0
# Audit events (docs.python.org, library/audit_events) that a configuration has no need of
_REFUSED = (
    "os.chmod", "os.chown", "os.exec", "os.fork", "os.forkpty", "os.kill", "os.link", "os.mkdir",
    "os.posix_spawn", "os.remove", "os.rename", "os.rmdir", "os.spawn", "os.startfile",
    "os.symlink", "os.system", "os.truncate", "shutil.", "socket.bind", "socket.connect",
    "socket.sendto", "socket.sendmsg", "subprocess.Popen",
)  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_HARMLESS = frozenset({os.devnull, "/dev/tty"})
CALLABLE = "(a function)"


class PyFile(NamedTuple):
    """What a file defines: its values by name, and of those that it computes the expression."""

    values: dict[str, Any]
    computed: dict[str, str]


def read(path: str, folder: str, *, trust: bool) -> PyFile:
    """Run the file at `path` in `folder`; ValueError says, with its traceback, why that fails.

    `trust` lifts the hook. Functions become `CALLABLE`, classes their dotted names; tuples and sets
    become lists; modules and names that begin with an underscore are left out.
    """
    with open(path, encoding="utf-8") as file:
        source = file.read()
    command = [sys.executable, "-B", "-P", __file__, path, "trust" if trust else "guard"]
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ValueError(f"it did not end within {TIMEOUT_S:g} s") from None
    if done.returncode != 0:
        raise ValueError(done.stderr.strip() or f"its process ended with {done.returncode}")
    return PyFile(json.loads(done.stdout), _computed(source))


def _computed(source: str) -> dict[str, str]:
    """Name → expression, of names that are assigned at the top and depend on more than the file."""
    found: dict[str, str] = {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        if not any(isinstance(part, ast.Call | ast.Subscript) for part in ast.walk(node.value)):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if isinstance(target, ast.Name):
                found[target.id] = ast.unparse(node.value)
    return found


# ------------------------------------------------------------------------------- in the other process


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        path, _, flags = arguments
        if not isinstance(flags, int) or not flags & _WRITING or path in _HARMLESS:
            return
        event = "open a file for writing"
    elif not event.startswith(_REFUSED):
        return
    shown = ", ".join(repr(each) for each in arguments[:1])
    raise PermissionError(
        f"this file may not do that while it is only read ({event}: {shown}); if it must,"
        " give --trust"
    )


def _plain(value: Any) -> Any:
    """`value` as JSON can hold it."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):  # also the ssl module's enumerations
        return int(value)
    if isinstance(value, float):
        return value
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    return CALLABLE if callable(value) else repr(value)


def _main(path: str, guarded: bool) -> int:
    """Run the file and write its names to standard output, where its own prints do not go."""
    import runpy
    import types

    output = os.dup(1)
    os.dup2(2, 1)
    sys.path.insert(0, os.getcwd())
    sys.argv = [path]
    if guarded:
        sys.addaudithook(_guard)
    try:
        names = runpy.run_path(path, run_name="__config__")
    except BaseException as error:
        import traceback

        # The lines of runpy and of this file say nothing to the file's author
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename == path or os.sep in frame.filename]
        own = [each for each in own if each.filename != __file__ and "runpy" not in each.filename]
        lines = [*traceback.format_list(own), *traceback.format_exception_only(error)]
        sys.stderr.write("".join(lines))
        return 1
    values = {
        name: _plain(value)
        for name, value in names.items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    os.write(output, json.dumps(values).encode())
    return 0


if __name__ == "__main__":
    # The stream that is left must not be flushed by a thread that the file has started
    code = _main(sys.argv[1], sys.argv[2] == "guard")
    sys.stderr.flush()
    os._exit(code)
