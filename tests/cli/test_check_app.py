"""`penstock check app`: exit status, reports, and what is said of mistakes."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Ask

APP = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError
    body = b""
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            return
        body += event.get("body", b"")
        if not event.get("more_body"):
            break
    await send({"type": "http.response.start", "status": STATUS, "headers": []})
    await send({"type": "http.response.body", "body": body})
"""


@pytest.fixture
def application(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A module of its own for each test: what is imported stays imported."""
    name = f"checked_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(APP.replace("STATUS", "200"))
    (tmp_path / f"{name}_bad.py").write_text(APP.replace("STATUS", "'200'"))
    return name


QUICK = ("--patience", "0.5", "--only", "HTTP-RE")


def test_it_ends_with_0_if_there_is_no_fault_and_with_1_if_there_is(
    ask: Ask, application: str
) -> None:
    code, out, err = ask("check", "app", application, *QUICK)
    assert (code, err) == (0, "")
    assert out.endswith(": 0 faults, 0 notes\n")
    code, out, err = ask("check", "app", f"{application}_bad:app", *QUICK)
    assert (code, err) == (1, "")
    assert "MUST HTTP-RESP-02  GET /: a plain request\n    'status' is an int, not a str" in out


def test_notes_count_only_with_strict(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "checked_note.py").write_text(
        APP.replace("STATUS", "200").replace('"headers": []', '"headers": [(b"X-A", b"1")]')
    )
    code, out, _ = ask("check", "app", "checked_note", *QUICK)
    assert code == 0
    assert "note HTTP-RESP-04" in out
    assert ask("check", "app", "checked_note", "--strict", *QUICK)[0] == 1
    assert "note" not in ask("check", "app", "checked_note", "--no-notes", *QUICK)[1].split(":")[0]


def test_what_the_application_prints_is_not_in_the_report(ask: Ask, tmp_path: Path) -> None:
    printing = APP.replace("STATUS", "200").replace("body = b", "print('called'); body = b", 1)
    (tmp_path / "checked_printing.py").write_text("print('imported')" + printing)
    code, out, err = ask("check", "app", "checked_printing", "--json", *QUICK)
    assert (code, json.loads(out)["faults"]) == (0, 0)
    assert "imported" in err
    assert "called" in err


def test_it_writes_json(ask: Ask, application: str) -> None:
    line = ("check", "app", application, "-r", "POST /x 1", "-H", "a: b", "--json", *QUICK)
    code, out, _ = ask(*line)
    assert code == 0
    assert {each["target"] for each in json.loads(out)["cases"]} == {"POST /x"}


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "check which application?"),
        (["{app}", "-r", "x"], "'x' is no request: write [METHOD] /path [BODY]"),
        (["{app}", "-H", "x"], "--header 'x' is no header"),
        (["{app}", "-H", "x: €"], "--header 'x: €' is not Latin-1"),
        (["{app}", "--only", "NO-SUCH"], "there is no case whose rule begins with 'NO-SUCH'"),
        (["{app}", "--patience", "x"], "Invalid value for '--patience'"),
        (["{app}", "--strict", "--no-notes"], "--strict judges the notes that --no-notes hides"),
        (["{app}:nothing"], ""),
        (["wsgi_app"], "wsgi_app:app is a WSGI application"),
    ],
)
def test_a_mistake_is_told_in_a_line_or_two(
    arguments: list[str], message: str, ask: Ask, application: str, tmp_path: Path
) -> None:
    (tmp_path / "wsgi_app.py").write_text("def app(environ, start_response):\n    return []\n")
    code, out, err = ask("check", "app", *(each.format(app=application) for each in arguments))
    assert (code, out) == (4 if not message else 2, "")
    assert err.startswith(f"penstock: {message}")
    assert len(err.splitlines()) <= 2


def test_it_has_its_help(ask: Ask) -> None:
    code, out, err = ask("check", "app", "--help")
    assert (code, err) == (0, "")
    assert out.startswith("Usage: penstock check app APP [OPTIONS]\n")
