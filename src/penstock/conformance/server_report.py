"""What the probe reported of its calls, with Python's types again."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple


@dataclass(frozen=True, repr=False)
class Other:
    """A value of a type that ASGI's events and scopes do not have."""

    bases: tuple[str, ...]
    shown: str
    items: list[Any] | None
    plain: Any  # the same as int, str or bytes, if it is a kind of that

    def __repr__(self) -> str:
        return f"<{self.bases[0]}: {self.shown}>"


@dataclass(frozen=True, repr=False)
class Long:
    """A long byte string, of which the digest was reported."""

    length: int
    digest: str
    head: bytes

    def __repr__(self) -> str:
        return f"<{self.length} bytes, sha256 {self.digest[:12]}…>"


def decode(value: Any) -> Any:
    """The value that `server_probe.encode` was given; Other and Long stand for what it cut."""
    if not isinstance(value, list):
        return value
    match value:
        case ["bytes", str() as text]:
            return text.encode("latin-1")
        case ["long", int() as length, str() as digest, str() as head]:
            return Long(length, digest, head.encode("latin-1"))
        case ["list", items]:
            return [decode(each) for each in items]
        case ["tuple", items]:
            return tuple(decode(each) for each in items)
        case ["dict", pairs]:
            return {_key(decode(key)): decode(each) for key, each in pairs}
        case ["other", bases, shown, items, plain]:
            inner = None if items is None else [decode(each) for each in items]
            return Other(tuple(bases), shown, inner, decode(plain))
    raise ValueError(f"the probe reported {value!r}")


def _key(key: Any) -> Any:
    return key if key.__hash__ else repr(key)


class Step(NamedTuple):
    """One line of a report: `kind` is event, sent, send failed, receive failed, note or end."""

    kind: str
    at: float  # seconds of the system's monotonic clock
    value: Any  # the event, the message, what was noted
    name: str  # of a note; how a call ended
    error: tuple[str, ...]  # names of the exception's class and its bases
    text: str

    def __str__(self) -> str:
        after = f"  {self.error[0]}: {self.text}" if self.error else ""
        shown = repr(self.value) if self.value is not None else ""
        return f"{self.kind} {self.name} {shown}{after}".replace("  ", " ").strip()


class Seen:
    """One call of the application, as far as it has come."""

    def __init__(self, line: dict[str, Any]) -> None:
        self.key: str = line["call"]
        self.at: float = line["at"]
        self.scope: Any = decode(line["scope"])
        self.again: Any = decode(line["again"])
        self.loop: str = line["loop"]
        self.identity: int = line["identity"]
        self.pid: int = line["pid"]
        self.style: str = line["style"]
        self.steps: list[Step] = []

    def events(self) -> list[Any]:
        """What `receive` returned."""
        return [step.value for step in self.steps if step.kind == "event"]

    def types(self) -> list[str]:
        """The types of the events."""
        return [_type(event) for event in self.events()]

    def notes(self, name: str) -> list[Any]:
        """What was noted under `name`."""
        return [step.value for step in self.steps if step.kind == "note" and step.name == name]

    def refused(self) -> list[Step]:
        """The messages whose `send` raised."""
        return [step for step in self.steps if step.kind == "send failed"]

    def body(self) -> bytes:
        """The request body that came, joined; only its short parts have their bytes."""
        parts = [e.get("body", b"") for e in self.events() if _type(e) == "http.request"]
        return b"".join(part if isinstance(part, bytes) else b"" for part in parts)

    @property
    def end(self) -> Step | None:
        """How the call ended, or None while it runs."""
        return next((step for step in self.steps if step.kind == "end"), None)


def _type(event: Any) -> str:
    return str(event.get("type")) if isinstance(event, dict) else repr(event)


def read(path: Path) -> list[Seen]:
    """The calls in a report, in the order in which they began."""
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    calls: dict[str, Seen] = {}
    for raw in lines:
        line = json.loads(raw)
        if line["kind"] == "scope":
            calls[line["call"]] = Seen(line)
            continue
        value = line.get("event", line.get("message", line.get("value")))
        name = line.get("name", line.get("how", ""))
        error = tuple(line.get("error", ()))
        step = Step(line["kind"], line["at"], decode(value), name, error, line.get("text", ""))
        if line["call"] in calls:
            calls[line["call"]].steps.append(step)
    return list(calls.values())
