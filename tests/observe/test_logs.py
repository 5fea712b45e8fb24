"""Log set-up: stable names, one escaped line a record, colours on a terminal only."""

import errno
import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import UsageError
from penstock.observe import logs
from tests.observe.conftest import LOGGERS, environment


def error_log() -> logging.Logger:
    return logging.getLogger("penstock.error")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "text, shown",
    [
        ("plain ~ text", "plain ~ text"),
        ("a\r\nINFO: b\tc", "a\\r\\nINFO: b\\tc"),
        ("\x1b[31mred\x00\x7f", "\\x1b[31mred\\x00\\x7f"),
        ("na\xefve \x9b", "na\\xefve \\x9b"),
        ("abc\u202edef\u2028", "abc\\u202edef\\u2028"),
        ("\U0001f600", "\\U0001f600"),
        ("\udcff", "\\udcff"),
    ],
)
def test_whatever_is_not_printable_ascii_is_escaped(text: str, shown: str) -> None:
    """X06: no control, non-ASCII, bidi or surrogate character is left."""
    assert logs.escape(text) == shown


def test_quotes_and_backslashes_are_escaped_between_quotes() -> None:
    """X06: what stands in quotes cannot end them, nor pass for an escape."""
    assert logs.quoted('a" 200 "\\x41\n') == "a\\x22 200 \\x22\\x5cx41\\n"


def test_a_record_is_one_line_in_uvicorns_look(capsys: pytest.CaptureFixture[str]) -> None:
    """X06: line ends in arguments make no lines."""
    logs.configure()
    error_log().info("Started %d", 7)
    error_log().warning("Refused %s", "x\r\nINFO:     forged\x1b[2J")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "INFO:     Started 7\nWARNING:  Refused x\\r\\nINFO:     forged\\x1b[2J\n"


def test_a_traceback_is_indented_and_its_controls_escaped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """X06: text of an exception cannot start a line of its own, nor move the cursor."""
    logs.configure()
    try:
        raise ValueError("one\nINFO:     two \x1b[31m\u202e h\xe9")
    except ValueError:
        error_log().exception("Failed")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "ERROR:    Failed"
    assert all(line.startswith("    ") for line in lines[1:])
    assert lines[-2:] == ["    ValueError: one", "    INFO:     two \\x1b[31m\\u202e h\xe9"]


def test_text_cached_by_another_formatter_is_not_trusted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """X06: `exc_text`, which other handlers leave in the record unescaped, is not used."""
    logs.configure()
    try:
        raise ValueError("bad \x1b[31m")
    except ValueError:
        record = error_log().makeRecord("n", logging.ERROR, "f", 1, "m", (), sys.exc_info())
    logging.Formatter().format(record)
    before = dict(vars(record))
    error_log().handle(record)
    assert vars(record) == before
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "level, shown",
    [("critical", "C"), ("ERROR", "CE"), ("info", "CEI"), ("trace", "CEIT"), (None, "CEI")],
)
def test_the_level_decides_what_is_shown(
    level: str | None, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--log-level` knows critical to trace, in any case; info is the default."""
    logs.configure(level=level)
    for number, letter in ((50, "C"), (40, "E"), (20, "I"), (5, "T")):
        error_log().log(number, letter)
    assert "".join(line.split()[-1] for line in capsys.readouterr().err.splitlines()) == shown


def test_an_unknown_level_is_a_usage_error_that_lists_the_levels() -> None:
    """The person is told what there is."""
    with pytest.raises(UsageError, match="loud") as caught:
        logs.configure(level="loud")
    assert "trace" in caught.value.hint


@pytest.mark.parametrize(
    "use_colors, terminal, environ, coloured",
    [
        (None, True, {}, True),
        (None, False, {}, False),
        (None, True, {"NO_COLOR": "1"}, False),
        (None, True, {"TERM": "dumb"}, False),
        (True, False, {"NO_COLOR": "1"}, True),
        (False, True, {}, False),
    ],
)
def test_colours_are_for_terminals_unless_said_otherwise(
    use_colors: bool | None,
    terminal: bool,
    environ: dict[str, str],
    coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`use_colors` wins, then `NO_COLOR` and a dumb terminal, then what the stream is."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for key, value in environ.items():
        monkeypatch.setenv(key, value)
    stream = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure(use_colors=use_colors)
    error_log().info("at %s", "http://x", extra={"highlight": ("http://x",)})
    plain = "INFO:     at http://x\n"
    expected = "\x1b[32mINFO\x1b[0m:     at \x1b[1mhttp://x\x1b[0m\n"
    assert stream.getvalue() == (expected if coloured else plain)


def test_setting_up_twice_does_not_write_twice(capsys: pytest.CaptureFixture[str]) -> None:
    """A second server in the same process replaces the first one's handlers."""
    logs.configure()
    logs.configure()
    error_log().info("once")
    assert capsys.readouterr().err == "INFO:     once\n"


def config(tmp_path: Path) -> dict[str, Any]:
    return {
        "version": 1,
        "formatters": {
            "d": {"()": "penstock.observe.logs.DefaultFormatter", "use_colors": False},
            "a": {
                "()": "penstock.observe.logs.AccessFormatter",
                "fmt": "A %(client_addr)s|%(request_line)s|%(status_code)s",
            },
        },
        "handlers": {
            "d": {
                "class": "logging.FileHandler",
                "filename": str(tmp_path / "d"),
                "formatter": "d",
            },
            "a": {
                "class": "logging.FileHandler",
                "filename": str(tmp_path / "a"),
                "formatter": "a",
            },
        },
        "loggers": {
            "penstock": {"handlers": ["d"], "level": "INFO", "propagate": False},
            "penstock.access": {"handlers": ["a"], "level": "INFO", "propagate": False},
        },
    }


def close_handlers() -> None:
    for name in LOGGERS:
        for handler in logging.getLogger(name).handlers:
            handler.close()


@pytest.mark.parametrize("form", ["dict", "json", "yaml"])
def test_a_log_configuration_decides_everything(tmp_path: Path, form: str) -> None:
    """`--log-config` as dictionary, JSON or YAML; our formatters take uvicorn's arguments."""
    if form == "dict":
        logs.configure(config=config(tmp_path))
    else:
        if form == "yaml":
            pytest.importorskip("yaml")
        file = tmp_path / f"log.{form}"
        file.write_text(json.dumps(config(tmp_path)))  # JSON is YAML too
        logs.configure(config=str(file))
    error_log().info("hello")
    logging.getLogger("penstock.access").info(
        '%s - "%s %s HTTP/%s" %d', "1.2.3.4:5", "GET", "/", "1.1", 404
    )
    close_handlers()
    assert (tmp_path / "d").read_text() == "INFO:     hello\n"
    assert (tmp_path / "a").read_text() == "A 1.2.3.4:5|GET / HTTP/1.1|404 Not Found\n"


def test_an_ini_file_is_read_as_fileconfig_does(tmp_path: Path) -> None:
    """`--log-config` in the format of logging.config.fileConfig; the level given beside it wins."""
    file = tmp_path / "log.ini"
    file.write_text(
        "[loggers]\nkeys=root,p\n[handlers]\nkeys=h\n[formatters]\nkeys=f\n"
        "[logger_root]\nhandlers=\n[logger_p]\nqualname=penstock.error\nhandlers=h\nlevel=INFO\n"
        f"[handler_h]\nclass=FileHandler\nargs=({str(tmp_path / 'out')!r},)\nformatter=f\n"
        "[formatter_f]\nformat=%(name)s %(message)s\n"
    )
    level = logging.getLogger().level
    application = logging.getLogger("an.application")
    try:
        logs.configure(config=file, level="warning")
        error_log().info("no")
        error_log().warning("yes")
    finally:
        logging.getLogger().setLevel(level)
    close_handlers()
    assert (tmp_path / "out").read_text() == "penstock.error yes\n"
    assert not application.disabled


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("none.json", None, "No such"),
        ("bad.json", "{", "cannot be used"),
        ("list.json", "[]", "mapping"),
        ("bad.ini", "[x]", "cannot be used"),
        ("version.json", "{}", "cannot be used"),
    ],
)
def test_a_log_configuration_that_cannot_be_used_is_a_usage_error(
    tmp_path: Path, name: str, text: str | None, message: str
) -> None:
    """The error names the file and the reason."""
    file = tmp_path / name
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        logs.configure(config=str(file))
    assert name in str(caught.value)


def test_a_configuration_that_disables_other_loggers_does_not_silence_the_server(
    tmp_path: Path,
) -> None:
    """By default dictConfig disables loggers it does not name; ours stay on."""
    error_log()
    logs.configure(config={"version": 1})
    assert not error_log().disabled


def test_a_configuration_written_for_uvicorn_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever moves over hears that the loggers have other names here."""
    logs.configure(
        config={
            "version": 1,
            "disable_existing_loggers": False,
            "loggers": {"uvicorn.access": {"level": "INFO"}},
        }
    )
    assert "uvicorn.access" in caplog.text
    assert "penstock.access" in caplog.text


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_stream_that_cannot_be_written_is_said_once_and_never_raises(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk costs log lines, not the server."""
    logs.configure()
    monkeypatch.setattr(sys, "stdout", Full())
    access = logging.getLogger("penstock.access")
    for _ in range(3):
        access.info('%s - "%s %s HTTP/%s" %d', "1.2.3.4:5", "GET", "/", "1.1", 200)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "stdout" in lines[0]
    assert "No space left" in lines[0]


def test_both_streams_closed_or_absent_never_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon may have neither."""
    closed = io.StringIO()
    closed.close()
    logs.configure(use_colors=False)
    for stream in (closed, None):
        monkeypatch.setattr(sys, "stderr", stream)
        error_log().error("nobody hears")


def test_a_broken_pipe_leaves_the_exit_code_alone() -> None:
    """Lines go past the stream's buffer, which Python would flush again at exit, failing (120)."""
    code = (
        "import logging\n"
        "from penstock.observe import logs\n"
        "logs.configure()\n"
        "input()\n"
        "for _ in range(3):\n"
        "    logging.getLogger('penstock.access').info('%s%s%s%s%d', 'c', 'GET', '/', '1.1', 200)\n"
    )
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=write_end,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    os.close(write_end)
    os.close(read_end)
    _, err = process.communicate(b"\n", timeout=30)
    assert process.returncode == 0
    assert err.count(b"cannot be written") == 1


# --------------------------------------------------------------------------------------- files


def test_files_take_the_place_of_the_streams(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without colours, unless they are asked for; one file may take both."""
    path = tmp_path / "both.log"
    logs.configure(log_file=str(path), access_log_file=str(path))
    error_log().info("Started")
    logging.getLogger("penstock.access").info(
        '%s - "%s %s HTTP/%s" %d', "c", "GET", "/", "1.1", 200
    )
    logs.configure()
    assert path.read_text() == 'INFO:     Started\nINFO:     c - "GET / HTTP/1.1" 200 OK\n'
    assert capsys.readouterr() == ("", "")


def test_reopen_opens_each_file_by_its_name(tmp_path: Path) -> None:
    """V07: what SIGUSR1 asks for."""
    errors, access = tmp_path / "error.log", tmp_path / "access.log"
    logs.configure(log_file=str(errors), access_log_file=str(access))
    error_log().info("1")
    errors.rename(tmp_path / "error.log.1")
    assert logs.reopen() == 2
    error_log().info("2")
    logs.configure()
    assert errors.read_text() == "INFO:     2\n"
    assert logs.reopen() == 0


def test_a_file_that_cannot_be_opened_again_is_said_in_the_old_one(tmp_path: Path) -> None:
    """V07: the server goes on with what it has."""
    folder = tmp_path / "logs"
    folder.mkdir()
    logs.configure(log_file=str(folder / "error.log"))
    folder.rename(tmp_path / "old")
    assert logs.reopen() == 0
    logs.configure()
    text = (tmp_path / "old" / "error.log").read_text()
    assert "cannot be opened again: No such file or directory; the old one stays in use" in text


def test_a_configuration_and_a_file_contradict_each_other(tmp_path: Path) -> None:
    """Neither is ignored in silence."""
    with pytest.raises(UsageError, match="twice") as caught:
        logs.configure(config={"version": 1}, access_log_file=str(tmp_path / "access.log"))
    assert "--log-config" in caught.value.hint


def test_dropped_lines_are_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    logs._say_lost(7, "stdout")
    assert "WARNING:  7 lines of the log to stdout were dropped" in capsys.readouterr().err


def test_a_server_inside_a_program_does_not_open_files_of_the_command(tmp_path: Path) -> None:
    """It logs as the program configured it; an option that could not be followed is refused."""
    from penstock.config import Config
    from penstock.observe.access import open_access_log

    logs.configure()
    path = str(tmp_path / "x.log")
    for settings in (Config("a:b", access_log_file=path), Config("a:b", log_file=path)):
        with pytest.raises(UsageError, match="log_file"):
            open_access_log(lambda *_: None, settings)
    logs.configure(access_log_file=path)
    log = open_access_log(lambda *_: None, Config("a:b", access_log_file=path))
    assert log is not None
    log.close()
    logs.configure()
