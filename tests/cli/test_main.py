"""The command: exit codes, one or two lines for a mistake, never a traceback of ours."""

import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock.cli.main import COMMANDS, RESERVED, main
from penstock.config import Bind, Config, TcpAddress
from penstock.config.options import OPTIONS
from penstock.errors import BindError, ImportFailed, StartupError, UsageError
from tests.command import ENVIRON

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Config]:
    """The configs that a stand-in for the process room was asked to run; no variable is set."""
    configs: list[Config] = []
    stand_in = types.ModuleType("penstock.process.run")
    stand_in.run = lambda config: configs.append(config) or 0  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "penstock.process.run", stand_in)
    for option in OPTIONS:
        for variable in option.environment:
            monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    return configs


@pytest.fixture
def run(ran: list[Config], capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: str) -> tuple[int, str]:
        code = main(arguments)
        seen = capsys.readouterr()
        assert seen.out == ""
        return code, seen.err

    return command


def test_the_application_and_its_options_reach_the_process(run: Run, ran: list[Config]) -> None:
    code, err = run("main:app", "--port", "81", "--no-access-log", "--timeout-keep-alive", "2m")
    assert (code, err) == (0, "")
    assert (ran[0].app, ran[0].access_log, ran[0].timeout_keep_alive) == ("main:app", False, 120.0)
    assert ran[0].listeners == (Bind(TcpAddress("127.0.0.1", 81)),)
    assert ran[0].sources["port"].place == "--port"


def test_the_exit_code_of_the_process_is_the_commands(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["penstock.process.run"], "run", lambda _config: 3)
    assert run("main:app") == (3, "")


def test_the_application_may_come_from_the_file_or_the_environment(
    run: Run, ran: list[Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "penstock.toml").write_text("app = 'filed:app'")
    assert run() == (0, "")
    monkeypatch.setenv("PENSTOCK_APP", "environ:app")
    assert run() == (0, "")
    assert run("written:app") == (0, "")
    assert [config.app for config in ran] == ["filed:app", "environ:app", "written:app"]
    assert run("-c", "none", "written:app")[0] == 0


@pytest.mark.parametrize(
    "arguments, lines",
    [
        ([], ["there is no application to serve", "name it: penstock module:app"]),
        (["a:b", "--prot", "1"], ["there is no option --prot", "did you mean --port?"]),
        (["a:b", "--zebra"], ["there is no option --zebra", "penstock --help lists all"]),
        (["a:b", "-z"], ["there is no option -z", ""]),
        (["a:b", "--port"], ["option '--port' requires an argument", "penstock --help"]),
        (["a:b", "--reload=1"], ["option '--reload' does not take a value", "penstock --help"]),
        (["a:b", "c:d"], ["got unexpected extra argument (c:d)", "one process serves one"]),
        (["a:b", "--port", "x"], ["--port: 'x' is no whole number"]),
        (["a:b", "-b", "x"], ["-b (--bind): 'x' is half an address: write x:8000"]),
        (["a:b", "-w", "x"], ["-w (--workers): 'x' is"]),
        (["a:b", "-wx"], ["-w (--workers): 'x' is"]),
        (["a:b", "config"], ["got unexpected extra argument (config)", "one process serves one"]),
        (["--port", "1", "config"], ["the command config comes first", "served as config:app"]),
        (["a:b", "--interface", "rsgi"], ["--interface: 'rsgi' is not one of auto, asgi3"]),
        (
            ["a:b", "-c", "x.py"],
            ["--config x.py: gunicorn's Python configuration", "penstock.toml"],
        ),
        (["a:b", "-c", "x.toml"], ["--config x.toml: there is no such file"]),
        (["a:b", "--http", "h11"], ["--http h11 is for uvicorn, granian; here: penstock has its"]),
        (["a:b", "-k", "gevent"], ["-k/--worker-class gevent is for gunicorn, hypercorn; here:"]),
        (["a:b", "-kgevent"], ["-k/--worker-class gevent is for gunicorn, hypercorn; here:"]),
        (["a:b", "-D"], ["-D/--daemon is for gunicorn, hypercorn; here: start it from systemd"]),
        (["a:b", "--worker-class=sync"], ["-k/--worker-class sync is for"]),
    ],
)
def test_a_mistake_ends_with_2_and_says_in_two_lines_what_to_change(
    run: Run, arguments: list[str], lines: list[str], ran: list[Config]
) -> None:
    code, err = run(*arguments)
    written = err.splitlines()
    assert code == 2
    assert ran == []
    assert written[0].startswith(f"penstock: {lines[0]}")
    assert len(written) <= 2
    if len(lines) == 2:
        assert lines[1] in written[-1]


@pytest.mark.parametrize(
    "arguments, note",
    [
        (
            ["-k", "uvicorn.workers.UvicornWorker"],
            "-k/--worker-class uvicorn.workers.UvicornWorker",
        ),
        (
            ["-kasgi"],
            "-k/--worker-class asgi is not needed: an ASGI application needs no worker class",
        ),
        (["--http", "auto"], "--http auto is not needed: it is what happens anyway"),
        (
            ["--error-log=-"],
            "--error-log - is not needed: the log is on without it",
        ),
        (["--log"], "--log is not needed: the log is on without it"),
    ],
)
def test_what_happens_anyway_is_accepted_with_a_note(
    run: Run, arguments: list[str], note: str, ran: list[Config]
) -> None:
    code, err = run("a:b", *arguments)
    assert code == 0
    assert len(ran) == 1
    assert err.startswith(f"penstock: note: {note}")
    assert len(err.splitlines()) == 1


def test_of_several_values_each_is_judged(run: Run) -> None:
    assert run("a:b", "--http", "auto", "--http", "h11")[0] == 2


def test_a_value_that_looks_like_a_foreign_flag_is_a_value(run: Run, ran: list[Config]) -> None:
    assert run("a:b", "--root-path", "/x", "--header", "--http: 1") == (0, "")
    assert ran[0].header == ((b"--http", b"1"),)


@pytest.mark.parametrize("command", RESERVED)
def test_commands_that_are_not_built_are_refused(run: Run, command: str) -> None:
    code, err = run(command)
    assert code == 2
    assert err == (
        f"penstock: the command {command} is not built yet\n"
        f"  a module of that name is served as {command}:app\n"
    )
    assert run(f"{command}:app")[0] == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_a_module_with_the_name_of_a_command_can_be_served(
    run: Run, command: str, ran: list[Config]
) -> None:
    assert run(f"{command}:app") == (0, "")
    assert ran[0].app == f"{command}:app"


def test_a_variable_that_is_nearly_one_gets_a_note(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_LOG_LEVLE", "debug")
    assert run("a:b")[1].startswith("penstock: note: $PENSTOCK_LOG_LEVLE is no option")


@pytest.mark.parametrize("kind", [UsageError, StartupError, ImportFailed, BindError])
def test_every_failure_has_its_exit_code(
    run: Run, kind: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_config: Config) -> int:
        raise kind("what was seen", "what to change")

    monkeypatch.setattr(sys.modules["penstock.process.run"], "run", fail)
    assert run("a:b") == (kind.exit_code, "penstock: what was seen\n  what to change\n")


def test_of_an_import_that_failed_the_users_traceback_is_shown(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_config: Config) -> int:
        raise ImportFailed("it raised") from ZeroDivisionError("by the user")

    monkeypatch.setattr(sys.modules["penstock.process.run"], "run", fail)
    assert run("a:b") == (4, "ZeroDivisionError: by the user\npenstock: it raised\n")


def test_an_interrupt_ends_quietly(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_config: Config) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["penstock.process.run"], "run", interrupt)
    assert run("a:b")[0] == 130


# -------------------------------------------------------------------------------------- as a process


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "penstock", *arguments],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_as_a_process_a_mistake_is_two_lines_on_stderr() -> None:
    done = process("a:b", "--prot", "3")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "penstock: there is no option --prot\n  did you mean --port?\n"


def test_reading_the_command_line_imports_nothing_that_only_serving_needs(tmp_path: Path) -> None:
    """Start-up time counts: neither the event loop nor what only mistakes or files need is there."""
    code = (
        "import sys; from penstock.cli.main import main; main(['a:b', '--port', 'x']);"
        "print(*sorted({'asyncio', 'rich', 'tomllib', 'uvloop', 'logging', 'ssl', 'difflib',"
        " 'penstock.cli.foreign', 'penstock.cli.configuration', 'penstock.cli.migrate',"
        " 'penstock.bridge', 'penstock.config.dotenv', 'penstock.process', 'ipaddress', 'penstock.gateway', 'dataclasses'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=ENVIRON,
    )
    assert done.stdout == "\n"


def test_a_reader_that_leaves_early_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m penstock --help | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("Usage: python -m penstock APP [OPTIONS]\n", "")
