"""`penstock doctor`: its arguments, its exit codes, and no traceback for a mistake."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Ask
from tests.command import DEADLINE_S, ENVIRON

APPLICATION = """
import time

async def app(scope, receive, send):
    assert scope["type"] == "http"
    if scope["path"] == "/slow":
        time.sleep(0.1)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body"})
"""


@pytest.fixture
def _application(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "penstock_doctored.py").write_text(APPLICATION)
    yield
    sys.modules.pop("penstock_doctored", None)


@pytest.mark.usefixtures("_application")
def test_it_prints_a_report_and_ends_with_0_where_nothing_is_wrong(ask: Ask) -> None:
    code, out, err = ask("doctor", "penstock_doctored:app", "--request", "/", "--limit", "5s")
    assert (code, err) == (0, "")
    assert out.startswith("penstock doctor penstock_doctored:app\n")
    assert "\x1b" not in out
    assert [line[:4] for line in out.splitlines() if line.startswith(("  1.", "  2.", "  3."))] == [
        "  1.", "  2.", "  3.",
    ]  # fmt: skip


@pytest.mark.usefixtures("_application")
def test_it_ends_with_1_where_something_is(ask: Ask) -> None:
    code, out, _ = ask("doctor", "penstock_doctored:app", "--request", "/slow")
    assert code == 1
    assert "✗ penstock_doctored.py:7 app" in out


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        ([], 2, "there is no application to look at"),
        (["gone:app", "--request", "items"], 2, "'items' is no request"),
        (["a:app", "--limit", "x"], 2, "--limit: 'x' is no duration"),
        (["a:app", "--deadline", "0"], 2, "--deadline 0: expected more than 0"),
        (["a:app", "--har", "gone.har"], 2, "the HAR file gone.har cannot be read"),
        (["a:app", "--openapi", "gone.json"], 2, "--openapi: there is no file gone.json"),
        (["a:app", "--requets", "/"], 2, "there is no option --requets"),
        (["json:dumps(1)"], 2, "json:dumps() is a str"),
    ],
)
def test_a_mistake_is_told_in_two_lines(
    arguments: list[str], code: int, message: str, ask: Ask
) -> None:
    got, out, err = ask("doctor", *arguments)
    assert (got, out) == (code, "")
    assert err.startswith(f"penstock: {message}")
    assert len(err.splitlines()) <= 2


def test_an_application_that_is_not_there_ends_with_4(ask: Ask) -> None:
    code, out, err = ask("doctor", "penstock_gone:app")
    assert (code, err) == (4, "")
    assert "there is no module 'penstock_gone'" in out


def test_it_has_its_help(ask: Ask) -> None:
    code, out, err = ask("doctor", "--help")
    assert (code, err) == (0, "")
    assert out.startswith("Usage: penstock doctor APP [OPTIONS]\n")
    assert "--openapi FILE|PATH" in out


HANGS = """
import asyncio, time

async def app(scope, receive, send):
    assert scope["type"] == "http"
    await asyncio.to_thread(time.sleep, 1000)
"""


@pytest.mark.real
def test_a_thread_that_does_not_end_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    (tmp_path / "hangs.py").write_text(HANGS)
    command = [sys.executable, "-m", "penstock", "doctor", "hangs:app", "--deadline", "200ms"]
    done = subprocess.run(
        command, cwd=tmp_path, env=ENVIRON, capture_output=True, text=True, timeout=DEADLINE_S,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "had no answer after 0.2 s" in done.stdout
