"""The validator of one call of an application: every message in both directions, in its order.

It judges and forwards; who uses it (a client, the middleware, the checks) decides what becomes of the
faults. It holds no message longer than it judges it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from penstock.testing.faults import APPLICATION, NOTE, SERVER, Fault, serious, shown
from penstock.testing.judges import HttpJudge, Judge, LifespanJudge, WebSocketJudge
from penstock.testing.messages import GIVEN, SENT, Complaint, complaints, settled
from penstock.testing.scopes import scope_complaints

_JUDGES: dict[str, type[Judge]] = {
    "http": HttpJudge,
    "websocket": WebSocketJudge,
    "lifespan": LifespanJudge,
}


class Validator:
    """Judges one call `app(scope, receive, send)`.

    Tell it of each event before the application has it (`event`), of each message that the application
    sends (`message`), of a `send` that raised because the client is gone (`lost`), and of the call's end
    (`end`). Each returns the faults it found; `faults` has all of them, those of the scope first.
    With `refuses` a message that is wrong by itself does not go out, so what follows is judged as if it
    had not been sent.
    """

    __slots__ = ("_judge", "_refuses", "faults", "protocol")

    def __init__(self, scope: Any, *, refuses: bool = False) -> None:
        self._refuses = refuses
        kind = scope.get("type") if isinstance(scope, dict) else None
        self.protocol = kind if isinstance(kind, str) else ""
        judge = _JUDGES.get(self.protocol)
        self._judge = None if judge is None else judge(scope)
        self.faults: list[Fault] = []
        self._note(scope_complaints(scope), SERVER, scope)

    @property
    def complete(self) -> bool:
        """Whether the application has said all that there is to say."""
        return self._judge is not None and self._judge.complete

    def event(self, message: Any) -> list[Fault]:
        """Judge what the server gives; `message` is left as it is."""
        found = self._note(complaints(message, GIVEN, self.protocol), SERVER, message)
        if self._judge is not None and not found:
            found = self._note(self._judge.event(message), SERVER, message)
        return found

    def message(self, message: Any) -> tuple[Any, list[Fault]]:
        """Judge what the application sends; also return what to forward in its place.

        That is a copy, since iterables that can be read only once have been read.
        """
        if isinstance(message, dict):
            message = settled(message)
        if self._judge is None:
            return message, []
        found = self._note(complaints(message, SENT, self.protocol), APPLICATION, message)
        if self._refuses and serious(found):
            return message, found
        if not any(fault.rule in {"MSG-01", "MSG-02"} for fault in found):
            found = found + self._note(self._judge.message(message), APPLICATION, message)
        return message, found

    def lost(self) -> None:
        """`send` raised: the client is gone, and nothing is owed any more."""
        if self._judge is not None:
            self._judge.gone = True

    def end(self, error: BaseException | None = None, returned: Any = None) -> list[Fault]:
        """Judge how the call ended: with `error`, or with a value, which has no meaning."""
        if self._judge is None:
            return []
        found = self._note(self._judge.end(error), APPLICATION, None)
        if error is None and returned is not None:
            text = f"the call returned {shown(returned)}, which has no meaning to a server"
            found = found + self._note(iter([("APP-19", NOTE, text)]), APPLICATION, None)
        return found

    def _note(self, found: Iterator[Complaint], side: str, message: Any) -> list[Fault]:
        where = ""
        faults = []
        for rule, level, text in found:
            where = where or ("" if message is None else shown(message))
            faults.append(Fault(rule, level, side, text, where))
        self.faults += faults
        return faults
