"""The probe does what a case's file says, and tells all of it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from penstock.conformance import server_probe
from penstock.conformance.server_report import read
from penstock.conformance.server_trial import source_of


async def behave(call: Any) -> None:
    call.note("body", await call.body())
    call.note("refused", not await call.attempt({"type": "bad"}))
    await call.answer()
    raise RuntimeError("on purpose")


@pytest.mark.parametrize("query", [False, True])
def test_all_that_happens_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: bool
) -> None:
    monkeypatch.setattr(server_probe, "folder", str(tmp_path))
    name = f"told-{query}"
    (tmp_path / f"{name}.py").write_text(source_of(behave))
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"abc"}

    async def send(message: Any) -> None:
        if message["type"] == "bad":
            raise ValueError("refused")
        sent.append(message)

    headers = [] if query else [(b"x-probe", name.encode())]
    scope = {
        "type": "http",
        "headers": headers,
        "query_string": f"probe={name}".encode() if query else b"",
    }
    with pytest.raises(RuntimeError):
        asyncio.run(server_probe.app(scope, receive, send))
    (seen,) = read(tmp_path / f"{name}.jsonl")
    assert (seen.body(), seen.notes("body"), seen.notes("refused")) == (b"abc", [b"abc"], [True])
    assert seen.refused()[0].error[0] == "ValueError"
    assert seen.end is not None and (seen.end.name, seen.end.error[0]) == ("raised", "RuntimeError")
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


def test_names_from_outside_are_no_paths() -> None:
    scope = {"type": "http", "headers": [(b"x-probe", b"../../etc/passwd")]}
    assert server_probe._named(scope) == "stray"
