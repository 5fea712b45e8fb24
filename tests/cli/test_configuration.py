"""`penstock config`: the same arguments as `penstock APP`, and nothing is served."""

import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Ask

APPLICATION = "async def app(scope, receive, send): ...\n"


@pytest.fixture
def module(tmp_path: Path) -> str:
    (tmp_path / "configuration_trial.py").write_text(APPLICATION)
    sys.modules.pop("configuration_trial", None)
    return "configuration_trial:app"


def test_show_takes_the_command_line_as_it_is(ask: Ask) -> None:
    code, out, err = ask("config", "show", "a:b", "-b", ":81", "--no-access-log", "--changed")
    assert (code, err) == (0, "")
    rows = [" ".join(line.split()) for line in out.splitlines()]
    assert "app a:b APP" in rows
    assert "bind 0.0.0.0:81 -b (--bind)" in rows
    assert "access-log off --access-log" in rows


def test_show_as_json_is_json_alone(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_PROT", "1")
    code, out, err = ask("config", "show", "--json")
    assert code == 0
    assert json.loads(out)["port"]["value"] == 8000
    assert err == "penstock: note: $PENSTOCK_PROT is no option and has no effect; did you mean $PENSTOCK_PORT?\n"  # fmt: skip


def test_show_says_what_is_wrong_as_a_start_does(ask: Ask) -> None:
    assert ask("config", "show", "--port", "x") == (
        2, "", "penstock: --port: 'x' is no whole number\n",
    )  # fmt: skip


def test_check_says_what_it_looked_at(ask: Ask, module: str, tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").write_text(f"app = '{module}'\nport = 81")
    code, out, err = ask("config", "check")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "2 options set (penstock.toml), all of them valid",
        "would listen on 127.0.0.1:81 (http)",
        f"{module} can be imported: ASGI 3",
    ]


def test_check_tells_everything_at_once(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").write_text("prot = 1\nport = 'x'\ntimeout-keepalive = 1")
    code, out, err = ask("config", "check", "a:b", "--backlog", "0")
    assert (code, out) == (2, "")
    assert [line for line in err.splitlines() if line.startswith("penstock:")] == [
        "penstock: penstock.toml:1: there is no option 'prot'",
        "penstock: penstock.toml:3: there is no option 'timeout-keepalive'",
        "penstock: penstock.toml:2: port: 'x' is no whole number",
        "penstock: --backlog: '0' is out of range: it must be 1 or more",
    ]


def test_check_names_variables_that_have_no_effect(
    ask: Ask, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_SOMETHING", "1")
    code, _, err = ask("config", "check", module)
    assert (code, err) == (
        0, "penstock: note: $PENSTOCK_SOMETHING is no option and has no effect\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    "app, code, why",
    [
        ("nothing_of_that_name:app", 4, "there is no module"),
        ("configuration_trial:ap", 4, "has no attribute 'ap'"),
        ("", 2, "there is no application to serve"),
        ("configuration_trial:number", 2, "configuration_trial:number is"),
    ],
)
def test_check_imports_the_application(
    app: str, code: int, why: str, ask: Ask, module: str, tmp_path: Path
) -> None:
    with (tmp_path / "configuration_trial.py").open("a") as file:
        file.write("number = 3\n")
    found, out, err = ask("config", "check", *filter(None, [app]))
    assert (found, out) == (code, "")
    assert why in err


def test_check_shows_what_the_users_code_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from penstock.cli.main import main

    (tmp_path / "configuration_raises.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert main(["config", "check", "configuration_raises:app"]) == 4
    err = capsys.readouterr().err
    assert "configuration_raises.py" in err
    assert "ZeroDivisionError" in err
    assert "penstock/cli" not in err


@pytest.mark.parametrize(
    "arguments, message, hint",
    [
        ([], "config does what?", "write penstock config show, or penstock config check"),
        (["shwo"], "there is no command config shwo", "did you mean penstock config show?"),
        (["x"], "there is no command config x", "write penstock config show"),
        (["show", "--chagned"], "there is no option --chagned", "did you mean"),
        (["check", "--json"], "there is no option --json", ""),
        (["show", "-c", "gone.toml"], "--config gone.toml: there is no such file", ""),
    ],
)
def test_a_mistake_ends_with_2_and_two_lines(
    arguments: list[str], message: str, hint: str, ask: Ask
) -> None:
    code, out, err = ask("config", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"penstock: {message}")
    assert hint in err
    assert len(err.splitlines()) <= 2


@pytest.mark.parametrize("arguments", [["--help"], ["show", "-h"], ["check", "--help"]])
def test_each_has_its_help(arguments: list[str], ask: Ask) -> None:
    code, out, err = ask("config", *arguments)
    assert (code, err) == (0, "")
    assert out.startswith("Usage: penstock config ")
    assert max(map(len, out.splitlines())) <= 80
