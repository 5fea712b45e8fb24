"""The process of `--preload`: it imports the application once, and workers are forked from it.

    supervisor → template   template (how) · fork (the worker's channel)
    template → supervisor   imported (what else runs) · failed (code, reason, hint, traceback) · forked (pid)

It serves nothing and runs no event loop, so that what is forked is as if it had just imported. What it
has imported is frozen (`gc.freeze`), so that no worker's garbage collection writes into memory that all
of them share. It is thrown away with each reload, and ends with its supervisor.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
import time
import warnings
from typing import Any

from penstock.errors import SetupError
from penstock.gateway.loading import Loaded
from penstock.process import child, orphans, stacks
from penstock.process.channel import Channel
from penstock.process.embed import load
from penstock.process.handover import unpack
from penstock.process.run import configure_logs
from penstock.process.title import set_title

# A worker looks this often whether it is the supervisor's child yet.
ADOPTED_S = 0.001


def main(control: int) -> int:
    """The template's whole life; its exit code, and in a worker the worker's. `control`: descriptor
    of its channel."""
    os.set_inheritable(control, False)
    channel = Channel(socket.socket(fileno=control))
    message = channel.wait()
    if message is None:
        return 1
    start = message[1]
    sys.path[:] = start["path"]
    sys.argv[:] = start["argv"]
    for name in ("SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT"):
        signal.signal(getattr(signal, name), _ignored)
    config = unpack(start["config"])
    set_title(config.name, "template", config.app if isinstance(config.app, str) else "")
    configure_logs(config)
    try:
        loaded = load(config)
    except SetupError as error:
        detail = stacks.of_exception(error.__cause__) if error.__cause__ is not None else ""
        channel.send("failed", error.exit_code, str(error), error.hint, detail)
        return error.exit_code
    others = [
        thread.name for thread in threading.enumerate() if thread is not threading.main_thread()
    ]
    gc.collect()
    gc.freeze()
    channel.send("imported", others)
    return _fork_workers(channel, loaded, start["supervisor"])


def _fork_workers(channel: Channel, loaded: Loaded, supervisor: int) -> int:
    while channel.wait() is not None:
        [control] = channel.take(1)
        pid = _fork(supervisor)
        if pid == 0:
            channel.close()
            return _worker(control, loaded)
        os.close(control)
        channel.send("forked", pid)
    return 0


def _fork(supervisor: int) -> int:
    """Fork a process whose parent is the supervisor; its pid here, 0 in itself.

    It is forked by a process that ends at once, and the kernel gives it to the supervisor, which has
    asked for that: so the template may end, and the supervisor sees its workers end.
    """
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # What threads an application has started by being imported was said with the import
        warnings.simplefilter("ignore", DeprecationWarning)
        between = os.fork()
        if between == 0:
            pid = os.fork()
            if pid:
                os.write(writer, str(pid).encode())
                os._exit(0)
    if between:
        os.close(writer)
        pid = int(os.read(reader, 32))
        os.close(reader)
        os.waitpid(between, 0)
        return pid
    os.close(reader)
    os.close(writer)
    while os.getppid() != supervisor:
        if os.getppid() == 1 != supervisor:
            os._exit(1)  # the supervisor is gone
        time.sleep(ADOPTED_S)
    orphans.end_with(supervisor)
    return 0


def _worker(control: int, loaded: Any) -> int:
    channel = Channel(socket.socket(fileno=control))
    message = channel.wait()
    return 1 if message is None else child.begin(channel, message[1], loaded)


def _ignored(_number: int, _frame: object) -> None:
    """A signal that is the supervisor's to act on."""
