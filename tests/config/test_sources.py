"""Defaults < TOML file < environment < flags; what a source holds wrong is named."""

from pathlib import Path

import pytest

from penstock.config import Config
from penstock.config.config import DEFAULT, ENVIRONMENT, FILE, GIVEN
from penstock.config.kinds import Option
from penstock.config.options import OPTIONS
from penstock.config.sources import load
from penstock.errors import UsageError

# Four different values for each kind: default aside, one per source
VALUES: dict[str, tuple[str, str, str]] = {
    "app": ("a:a", "b:b", "c:c"),
    "path": ("a", "b", "c"),
    "count": ("9", "10", "11"),
    "duration": ("6s", "7s", "8s"),
    "size": ("5KiB", "6KiB", "7KiB"),
    "mode": ("600", "640", "660"),
    "threads": ("1", "2", "3"),
    "host": ("a", "b", "c"),
    "socket": ("/a", "/b", "/c"),
    "root_path": ("/a", "/b", "/c"),
    "trusted": ("10.0.0.1", "10.0.0.2", "10.0.0.3"),
    "bind": (":1", ":2", ":3"),
    "origins": ("http://a", "http://b", "http://c"),
    "headers": ("a: 1", "b: 2", "c: 3"),
    "log_config": ("a.json", "b.json", "c.json"),
}


def values(option: Option) -> tuple[str, str, str]:
    if option.kind == "choice":
        others = [choice for choice in option.choices if choice != option.default]
        return others[0], others[1], others[0]
    if option.kind == "flag":
        return "true", "false", "true"
    return VALUES[option.kind]


@pytest.mark.parametrize(
    "option", [option for option in OPTIONS if not option.room], ids=lambda option: option.name
)
def test_for_each_option_the_later_source_wins(
    option: Option, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.json", "b.json", "c.json"):
        (tmp_path / name).write_text("{}")
    in_file, in_environment, in_flag = values(option)
    flags: dict[str, tuple[object, str]] = {option.name: (in_flag, option.spelling)}
    environ = {option.environment[0]: in_environment}
    shares = {
        "timeout_disconnect_grace",
        "timeout_lifespan_shutdown",
    }  # at most what is left of 30 s

    def seen(*sources: object) -> tuple[object, int]:
        given_flags = flags if "flag" in sources else {}
        given_environ = environ if "environment" in sources else {}
        config, notes = load(given_flags, given_environ, tmp_path)
        assert notes == []
        return getattr(config, option.name), config.sources[option.name].rank

    assert seen() == (option.parse(option.default), DEFAULT)
    (tmp_path / "penstock.toml").write_text(f'{option.toml} = "{in_file}"')
    assert seen() == (option.parse(in_file), FILE)
    assert seen("environment") == (option.parse(in_environment), ENVIRONMENT)
    assert seen("environment", "flag") == (option.parse(in_flag), GIVEN)
    (tmp_path / "penstock.toml").unlink()
    assert seen("environment") == (option.parse(in_environment), ENVIRONMENT)
    assert option.name in shares or seen("flag") == (option.parse(in_flag), GIVEN)


@pytest.mark.parametrize(
    "variable, raw, name, value",
    [
        ("PORT", "81", "port", 81),
        ("FORWARDED_ALLOW_IPS", "10.0.0.0/8", "forwarded_allow_ips", "10.0.0.0/8"),
    ],
)
def test_variables_of_platforms_count_below_our_own(
    variable: str, raw: str, name: str, value: object, tmp_path: Path
) -> None:
    config, _ = load({}, {variable: raw}, tmp_path)
    assert getattr(config, name) == value
    assert config.sources[name].place == f"${variable}"
    both = {variable: raw, f"PENSTOCK_{name.upper()}": "82" if name == "port" else "*"}
    assert load({}, both, tmp_path)[0].sources[name].place == f"$PENSTOCK_{name.upper()}"
    assert load({}, dict(reversed(both.items())), tmp_path)[0].sources[name].place != f"${variable}"


def test_a_variable_that_is_set_but_empty_is_not_set(tmp_path: Path) -> None:
    assert load({}, {"PORT": "", "PENSTOCK_HOST": ""}, tmp_path)[0].listeners == Config().listeners


def test_a_wrong_value_names_its_variable(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\$PORT: 'x' is no whole number"):
        load({}, {"PORT": "x"}, tmp_path)


def test_the_variable_that_kubernetes_sets_for_a_service_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as seen:
        load({}, {"PENSTOCK_PORT": "tcp://10.0.0.1:80"}, tmp_path)
    assert "enableServiceLinks" in seen.value.hint


def test_a_variable_that_is_nearly_an_option_gets_a_note(tmp_path: Path) -> None:
    environ = {
        "PENSTOCK_TIMEOUT_KEEPALIVE": "3",
        "PENSTOCK_SERVICE_HOST": "10.0.0.1",
        "PENSTOCK_COMPILE": "auto",
        "HOME": "/",
    }
    config, notes = load({}, environ, tmp_path)
    assert config.timeout_keep_alive == 75.0
    (note,) = notes
    assert note.startswith("$PENSTOCK_TIMEOUT_KEEPALIVE is no option and has no effect;")
    assert note.endswith("did you mean $PENSTOCK_TIMEOUT_KEEP_ALIVE?")


# ------------------------------------------------------------------------------------------------- files


def test_the_table_in_pyproject_is_read(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.penstock]\nport = 81\ntimeout-startup = '5m'")
    config, _ = load({}, {}, tmp_path)
    assert (config.port, config.timeout_startup) == (81, 300.0)
    assert config.sources["port"].place == "pyproject.toml [tool.penstock]: port"


@pytest.mark.parametrize(
    "text",
    [
        "[tool.penstock]\nport = 81",
        "[ tool . 'penstock' ]\nport = 81",
        '["tool"."penstock"]\nport = 81',
        "[tool]\npenstock.port = 81",
        "[ tool ]\npenstock = {port = 81}",
        "tool.penstock.port = 81",
        "tool = {penstock = {port = 81}}",
        "'tool' = {'penstock' = {port = 81}}",
    ],
)
def test_the_table_is_found_however_it_is_spelt(text: str, tmp_path: Path) -> None:
    """The quick look that spares most projects the TOML parser overlooks no spelling of the table."""
    (tmp_path / "pyproject.toml").write_text(text)
    assert load({}, {}, tmp_path)[0].port == 81


@pytest.mark.parametrize("text", ["[project]\nname = 'x'", "[project]\nname = 'penstock'", ""])
def test_a_pyproject_without_the_table_says_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    (tmp_path / "penstock.toml").write_text("port = 82")
    assert load({}, {}, tmp_path)[0].port == 82
    (tmp_path / "penstock.toml").unlink()
    assert load({}, {}, tmp_path)[0].port == 8000


def test_toml_has_its_own_types(tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").write_text(
        "app = 'main:app'\nbind = [':81', '/x']\nheader = ['x: y']\naccess_log = false\n"
        "uds-mode = 0o600\nlimit-request-body = 'none'\ntimeout-queue = 0.5\n"
        "[log-config]\nversion = 1\n"
    )
    config, _ = load({}, {}, tmp_path)
    assert config.app == "main:app"
    assert config.bind == ("0.0.0.0:81", "unix:/x")
    assert config.header == ((b"x", b"y"),)
    assert config.access_log is False
    assert (config.uds_mode, config.limit_request_body, config.timeout_queue) == (0o600, None, 0.5)
    assert config.log_config == {"version": 1}


@pytest.mark.parametrize(
    "text, message, hint",
    [
        ("prot = 1", "penstock.toml: there is no option 'prot'", "did you mean port?"),
        ("zebra = 1", "penstock.toml: there is no option 'zebra'", "docs/options.md lists"),
        ("port = 'x'", "penstock.toml: port: 'x' is no whole number", ""),
        ("app-dir = 'a'\napp_dir = 'b'", "app-dir and app_dir are the same", "remove one"),
        ("port = ", "penstock.toml is no valid TOML", ""),
        ("workers = 2", "penstock.toml: workers cannot be used yet", ""),
    ],
)
def test_a_mistake_in_the_file_is_named(text: str, message: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").write_text(text)
    with pytest.raises(UsageError) as seen:
        load({}, {}, tmp_path)
    assert message in str(seen.value)
    assert hint in seen.value.hint


def test_a_file_that_is_not_utf_8_is_no_toml(tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").write_bytes(b"app = '\xff'")
    with pytest.raises(UsageError, match="no valid TOML"):
        load({}, {}, tmp_path)


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool]\npenstock = 3")
    with pytest.raises(UsageError, match="is no table"):
        load({}, {}, tmp_path)


def test_two_files_at_once_are_refused_unless_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.penstock]\nport = 81")
    (tmp_path / "penstock.toml").write_text("port = 82")
    with pytest.raises(UsageError, match="are both here"):
        load({}, {}, tmp_path)
    assert load({}, {}, tmp_path, "penstock.toml")[0].port == 82
    assert load({}, {}, tmp_path, "pyproject.toml")[0].port == 81


def test_a_file_may_be_named_by_flag_or_variable_or_left_out(tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").write_text("port = 82")
    (tmp_path / "other.toml").write_text("port = 83")
    assert load({}, {}, tmp_path, "other.toml")[0].port == 83
    assert load({}, {"PENSTOCK_CONFIG": "other.toml"}, tmp_path)[0].port == 83
    assert load({}, {"PENSTOCK_CONFIG": "other.toml"}, tmp_path, "penstock.toml")[0].port == 82
    assert load({}, {}, tmp_path, "none")[0].port == 8000


@pytest.mark.parametrize(
    "named, message",
    [
        ("gunicorn.conf.py", "Python configuration is not read"),
        ("python:settings", "Python configuration is not read"),
        ("missing.toml", "there is no such file"),
    ],
)
def test_a_named_file_that_cannot_be_read_is_refused(
    named: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        load({}, {}, tmp_path, named)
