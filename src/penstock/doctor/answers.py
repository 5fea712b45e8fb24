"""What came of one request that the application was asked in this process."""

from __future__ import annotations

import traceback
from typing import NamedTuple

from penstock.doctor.asking import Request
from penstock.doctor.findings import HINT, WRONG, Finding
from penstock.transport.stall import is_own

_CAUSES_MAX = 8

# How it ended
ANSWERED = "answered"
STREAMS = "streams"  # it was still sending, and was left
RAISED = "raised"
SILENT = "silent"  # it waited past its deadline, and had not begun to answer
STUCK = "stuck"  # it did not come back to the loop, and was ended by force
EMPTY = "empty"  # it returned without an answer


class Answer(NamedTuple):
    """`status` is 0 where there was none; `place` is where it raised or waited, `text` what it raised."""

    request: Request
    ending: str
    status: int
    seconds: float
    text: str = ""
    place: str = ""


def told(error: BaseException) -> tuple[str, str]:
    """Name and words of an exception, one line, and the last place of the user's own code in it."""
    group = error
    while isinstance(group, BaseExceptionGroup) and group.exceptions:
        group = group.exceptions[0]
    if isinstance(group, SyntaxError) and group.filename:
        return f"{type(group).__name__}: {group.msg}", f"{group.filename}:{group.lineno}"
    words = " ".join(str(group).split())[:200]
    name = type(group).__name__
    return f"{name}: {words}" if words else name, _place(group)


def _place(error: BaseException) -> str:
    """The last place of the user's own code in an exception, or in one that led to it."""
    found = ""
    each: BaseException | None = error
    for _ in range(_CAUSES_MAX):
        if each is None:
            break
        frames = traceback.extract_tb(each.__traceback__)
        own = [frame for frame in frames if is_own(frame.filename)]
        last = own[-1] if own else frames[-1] if frames else None
        if last is not None and (own or not found):
            found = f"{last.filename}:{last.lineno} {last.name}"
        if own:
            break
        each = each.__cause__ or each.__context__
    return found


def judged(answer: Answer, deadline_s: float) -> Finding | None:
    """The finding on an answer; None if there is nothing to say."""
    name = str(answer.request)
    if answer.ending == RAISED:
        return Finding(
            WRONG, f"{name} raised {answer.text}", answer.place,
            "mend the exception, or catch it and answer with a status", answer.seconds,
        )  # fmt: skip
    if answer.ending == EMPTY:
        return Finding(
            WRONG, f"{name}: the application returned without an answer", "",
            "send http.response.start and http.response.body for every request",
        )  # fmt: skip
    if answer.ending == SILENT:
        return Finding(
            HINT, f"{name} had no answer after {deadline_s:g} s", answer.place,
            "put a deadline around what it waits for (asyncio.timeout)", answer.seconds,
        )  # fmt: skip
    if answer.status >= 500:
        why = f": {answer.text}" if answer.text else ""
        return Finding(
            HINT, f"{name} was answered with {answer.status}{why}", "",
            "look into the application's own log for the reason",
        )  # fmt: skip
    return None
