"""What the validator finds: a fault names the rule that is broken, and what was seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

# How much a fault weighs. NOTE: legal by the letter, or told to be careful; no test fails of it.
MUST = "must"
SHOULD = "should"
NOTE = "note"
LEVELS = (MUST, SHOULD, NOTE)

APPLICATION = "application"
SERVER = "server"

_SHOWN_MAX = 200


class Fault(NamedTuple):
    """One broken rule of ASGI.

    `rule` is the requirement's id, listed in docs/testing.md; `level` one of LEVELS; `side` who broke
    it; `text` what was seen and what was expected. `message` is what the fault is in, shown and cut.
    """

    rule: str
    level: str
    side: str
    text: str
    message: str = ""

    def __str__(self) -> str:
        where = f"\n    in {self.message}" if self.message else ""
        return f"{self.rule} ({self.level}, {self.side}): {self.text}{where}"


class ContractBroken(AssertionError):
    """An application or a server broke ASGI's contract; `faults` says how."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


def shown(value: Any) -> str:
    """`value` as a line of a report: its repr, cut."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__}, whose repr raises {type(error).__name__}>"
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}… ({len(text)} characters)"


def serious(faults: Iterable[Fault]) -> list[Fault]:
    """The faults that a test fails of."""
    return [fault for fault in faults if fault.level != NOTE]
