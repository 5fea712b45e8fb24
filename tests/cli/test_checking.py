"""What `config check` looks at besides values: files and the like, without touching them."""

import sys
from pathlib import Path
from typing import Any

import pytest

from penstock.cli import checking
from penstock.config import Config
from penstock.config.options import OPTIONS


def problems(**options: Any) -> str:
    return "\n".join(str(problem) for problem in checking.problems(Config("a:b", **options)))


def test_every_option_that_names_a_path_is_looked_at() -> None:
    """A new option of these kinds takes its place in one of the two lists."""
    paths = {
        option.name
        for option in OPTIONS
        if option.kind in {"path", "paths", "socket", "log_config", "mounts"}
    }
    assert paths == {*checking.WRITTEN, *checking.READ}
    assert set(checking.WRITTEN) & set(checking.READ) == set()


def test_nothing_is_wrong_by_default() -> None:
    assert problems() == ""


@pytest.mark.parametrize("name", checking.WRITTEN)
def test_a_file_that_is_written_needs_its_folder(name: str, tmp_path: Path) -> None:
    assert f"{name}=: there is no folder {tmp_path / 'gone'}" in problems(
        **{name: str(tmp_path / "gone" / "file")}
    )
    assert f"{tmp_path} is a folder" in problems(**{name: str(tmp_path)})
    assert problems(**{name: str(tmp_path / "file")}) == ""
    assert list(tmp_path.iterdir()) == []


def test_a_unix_socket_needs_its_folder(tmp_path: Path) -> None:
    assert "there is no folder" in problems(uds="/gone/x.sock")
    assert "there is no folder" in problems(bind=["unix:/gone/x.sock", ":1"])
    assert problems(bind=["unix:@abstract", "fd://3"]) == ""


def test_folders_to_watch_are_there(tmp_path: Path) -> None:
    assert "there is no folder gone" in problems(reload_dir=["gone", str(tmp_path)])


GOOD: dict[str, Any] = {
    "version": 1,
    "formatters": {"f": {}},
    "handlers": {"h": {"class": "logging.FileHandler", "filename": "/gone/x", "formatter": "f"}},
    "loggers": {"penstock": {"handlers": ["h"]}},
}


@pytest.mark.parametrize(
    "config, why",
    [
        (GOOD, ""),
        ({**GOOD, "version": 2}, "lacks version: 1"),
        ({**GOOD, "root": {"handlers": ["x"]}}, "the logger root has no handler x"),
        ({**GOOD, "handlers": {"h": {"formatter": "x"}}}, "the handler h has no formatter x"),
    ],
)
def test_a_log_configuration_is_looked_at_and_not_applied(config: dict[str, Any], why: str) -> None:
    found = problems(log_config=config)
    assert why in found
    assert bool(found) == bool(why)


@pytest.mark.parametrize(
    "name, text, why",
    [
        ("a.json", "{", "cannot be read: Expecting"),
        ("a.json", "[]", "cannot be read: expected a mapping"),
        ("a.ini", "[loggers]\n[handlers]", "lacks the section formatters"),
        ("a.ini", "nonsense", "cannot be read: File contains no section headers"),
        ("a.ini", "[loggers]\n[handlers]\n[formatters]", ""),
    ],
)
def test_a_file_of_a_log_configuration_is_read(
    name: str, text: str, why: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    found = problems(log_config=str(tmp_path / name))
    assert why in found
    assert bool(found) == bool(why)


def test_a_log_configuration_and_a_log_file_do_not_go_together(tmp_path: Path) -> None:
    found = problems(log_config=GOOD, log_file=str(tmp_path / "x"))
    assert "log_file=: the log configuration says where logs go" in found


def test_certificates_are_loaded(tmp_path: Path) -> None:
    (tmp_path / "c.pem").write_text("nothing")
    assert "holds no certificate" in problems(ssl_certfile=[str(tmp_path / "c.pem")])
    assert "cannot be read" in problems(ssl_certfile=[str(tmp_path / "gone.pem")])


def test_what_options_need_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert "--reload needs the package watchfiles" in problems(reload=True)
    assert problems(reload=True, reload_polling=True) == ""


def test_a_certificate_for_development_is_no_other(tmp_path: Path) -> None:
    found = problems(dev_cert=True, ssl_certfile=[str(tmp_path / "c.pem")])
    assert "--dev-cert and a certificate are both given" in found
    assert problems(dev_cert=True) == ""


def test_users_and_groups_are_known_to_the_system() -> None:
    assert "no_such_user" in problems(user="no_such_user")
    assert "no_such_group" in problems(group="no_such_group")


def test_the_event_loop_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert "--loop uvloop: uvloop cannot be imported" in problems(loop="uvloop")
