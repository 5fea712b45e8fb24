"""What blocks the event loop: the code, the request, and what to do about it; for the watchdog.

Looks at the stack of the loop's thread from another one. Imported when a loop stands still, so that
workers whose loops never do go without it.
"""

import asyncio
import linecache
import os
import re
import sys
import sysconfig
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from penstock.gateway.driving import exchange_of
from penstock.transport.inflight import describe, in_flight
from penstock.transport.worker import shown

# Calls of the stack that are looked at, innermost first, and that are shown.
DEPTH_MAX = 100
SHOWN_CALLS = 6
# Where the request that blocks cannot be told apart, as many are named.
CANDIDATES_MAX = 3

_PENSTOCK = str(Path(__file__).resolve().parents[1])
# What calls the application, or runs the loop: from there on outwards a stack says nothing
_OUTSIDE = tuple(
    os.path.join(_PENSTOCK, path)
    for path in ("gateway/drive.py", "gateway/wsgi_call.py", "doctor", "process", "cli")
)
_LOOP = ("asyncio/base_events.py", "asyncio/events.py", "asyncio/runners.py")
_LIBRARY = sysconfig.get_paths()["stdlib"]
_INSTALLED = re.compile(r"[/\\](?:site|dist)-packages[/\\]")


class Call(NamedTuple):
    """One call of a stack."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.function}"


# What is blocking, by how it looks: any call of the stack (file:function), or the innermost line of
# source; and what to do. The first that fits is taken, so the more special ones come first.
_ADVICE: tuple[tuple[str, str, str], ...] = (
    ("", r"\bsleep\(", "await asyncio.sleep() in place of time.sleep()"),
    (
        r"importlib/_bootstrap|importlib\._bootstrap",
        "",
        "import at the top of the module, so that the start pays for it and no request",
    ),
    (
        r"/subprocess\.py:",
        r"\bsubprocess\.|os\.system\(|os\.wait",
        "asyncio.create_subprocess_exec() in place of subprocess and os.system()",
    ),
    (
        (
            r"/(psycopg2?|pymysql|MySQLdb|mysql/connector|sqlite3|pymongo|redis|peewee|pyodbc|cx_Oracle"
            r"|oracledb|django/db|sqlalchemy/(engine|pool|orm))[/.]"
        ),
        r"\.(execute|executemany|executescript|fetchone|fetchall|fetchmany|commit)\(",
        "a database's asynchronous driver, or await asyncio.to_thread() around the query",
    ),
    ("", r"\b(getaddrinfo|gethostby\w+)\(", "await loop.getaddrinfo()"),
    (
        (
            r"/(requests|urllib3|http\.client|http/client|urllib/request|httpx/_transports/default"
            r"|httpcore/_sync|boto3?|botocore|ftplib|smtplib|imaplib)[/.]|/(socket|ssl)\.py:"
        ),
        (
            r"\b(requests|httpx)\.(get|post|put|patch|delete|head|request)\(|\burlopen\("
            r"|\.(recv|recv_into|connect|sendall|accept)\("
        ),
        "an asynchronous client (httpx.AsyncClient, aiohttp), or await asyncio.to_thread()",
    ),
    (
        r"/logging/(__init__|handlers)\.py:(emit|flush|handle|acquire)",
        "",
        "who reads the log is slower than it is written: log less, or to a file or a QueueHandler",
    ),
    (
        r"/(threading|queue)\.py:|/concurrent/futures/",
        r"\.(acquire|join|result|wait)\(|\bwith .*lock",
        (
            "what waits for another thread must be awaited: asyncio.Lock, asyncio.Queue,"
            " asyncio.wrap_future(), loop.run_in_executor()"
        ),
    ),
    (
        r"/(pathlib(/_local)?|shutil|zipfile|tarfile|gzip)[/.]",
        r"\bopen\(|\.(read|write|readlines|read_text|read_bytes|write_text|write_bytes)\(",
        "await asyncio.to_thread() around reading and writing files",
    ),
)
_COMPUTES = (
    "it computes: await asyncio.to_thread(), or a process pool for much of it; a worker per CPU"
    " (--workers) keeps others served"
)
_WAITS = "it waits: use the asynchronous form of what it calls, or await asyncio.to_thread()"


def explain(worker: Any, thread: int, computed: bool) -> str:
    """Text about what the thread of `worker`'s loop does, to follow "has stood still for ...".

    `thread` is its identifier; `computed` whether it spent its time computing.
    """
    calls = stack(sys._current_frames().get(thread))
    inner = innermost(calls)
    if inner is None:
        return f", outside of Python code; {_served(worker)}{_held_elsewhere(thread)}"
    source = linecache.getline(inner.file, inner.line).strip()
    at = f"{inner}" + (f" ({shown(source)})" if source else "")
    if calls[0] != inner:
        at += f", in {calls[0]}"
    chain = " < ".join(str(call) for call in calls[:SHOWN_CALLS])
    advice = advise(calls, source, computed)
    return f" at {at}; {_served(worker)}; advice: {advice}; stack: {chain}"


def stack(frame: Any) -> list[Call]:
    """The calls that a frame is the innermost of, out to where Penstock or the event loop made them;
    none if the loop itself is all that runs."""
    calls: list[Call] = []
    while frame is not None and len(calls) < DEPTH_MAX:
        code = frame.f_code
        calls.append(Call(code.co_filename, frame.f_lineno or 0, code.co_name))
        frame = frame.f_back
    for index, call in enumerate(calls):
        if call.file.startswith(_OUTSIDE) or call.file.endswith(_LOOP):
            calls = calls[:index]
            break
    return [] if calls and calls[0].file.endswith("selectors.py") else calls


def innermost(calls: list[Call]) -> Call | None:
    """The innermost call of the application's own code; else that of a package; else whatever runs."""
    own = (call for call in calls if not _library(call) and not _INSTALLED.search(call.file))
    packages = (call for call in calls if not _library(call))
    return next(own, None) or next(packages, None) or next(iter(calls), None)


def advise(calls: list[Call], source: str, computed: bool) -> str:
    """What to do about it. `source`: the line of the application that does not come back."""
    places = "\n".join(f"{call.file}:{call.function}".replace("\\", "/") for call in calls)
    for place, text, advice in _ADVICE:
        if (text and re.search(text, source)) or (place and re.search(place, places)):
            return advice
    return _COMPUTES if computed else _WAITS


def is_own(file: str) -> bool:
    """Whether a source file is the application's: neither installed, nor Python's, nor ours."""
    return not (_INSTALLED.search(file) or file.startswith((_LIBRARY, _PENSTOCK, "<frozen ")))


def _library(call: Call) -> bool:
    if _INSTALLED.search(call.file):
        return False
    return call.file.startswith((_LIBRARY, "<frozen "))


def _served(worker: Any) -> str:
    """Which request it is, as far as that can be told."""
    now = time.monotonic()
    task = asyncio.current_task(worker.loop)
    exchange = None if task is None else exchange_of(task.get_coro())
    if exchange is None and worker.pool is not None and worker.pool.inline:
        exchange = next(iter(worker.pool.running()), None)
    if exchange is not None:
        return f"it serves {_without_place(describe(exchange, now))}"
    running = in_flight(worker, now, CANDIDATES_MAX)
    who = "a callback" if task is None else f"task {shown(task.get_name())}"
    if not running:
        return f"{who} is running, and no request is under way"
    return f"{who} is running; under way: {'; '.join(map(_without_place, running))}"


def _without_place(line: str) -> str:
    return line.partition(", waits at ")[0]


def _held_elsewhere(thread: int) -> str:
    """What other threads do, if the loop has nothing to do and still cannot turn."""
    others = [
        calls[0]
        for number, frame in sys._current_frames().items()
        if number not in {thread, threading.get_ident()} and (calls := stack(frame))
    ]
    if not others:
        return ""
    return f"; other threads: {', '.join(map(str, others[:SHOWN_CALLS]))}"
