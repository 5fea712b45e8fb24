"""What the applications under test share: the data that they serve, and how they tell what happened to them."""

import os
from collections.abc import Iterator
from contextvars import ContextVar
from hashlib import sha256
from pathlib import Path

# Its value is seen by requests only if they run in a copy of the context in which lifespan ran.
mark: ContextVar[str] = ContextVar("mark", default="unset")

TEXT = "Grüße aus der Schleuse\n" * 1000
PARTS = [bytes([65 + number % 26]) * 16384 for number in range(40)]


def say(text: str) -> None:
    """Write a line that the test waits for."""
    print(f"app: {text}", flush=True)


def served_file() -> Path:
    """The file to be served; the test makes it."""
    return Path(os.environ["TRIAL_FILE"])


def facts(data: bytes) -> dict[str, object]:
    """What the client compares with what it sent."""
    return {"bytes": len(data), "sha256": sha256(data).hexdigest()}


def failing_parts() -> Iterator[bytes]:
    """A response that breaks after its first part."""
    yield PARTS[0]
    raise RuntimeError("broken on purpose, late")
