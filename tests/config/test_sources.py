"""Defaults < TOML file < environment < flags; what a source holds wrong is named."""

from pathlib import Path

import pytest

from penstock.config import Config
from penstock.config.config import ENVIRONMENT, FILE, GIVEN, chosen
from penstock.config.kinds import Option
from penstock.config.options import OPTIONS
from penstock.config.sources import gather, load
from penstock.errors import UsageError


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_for_each_option_the_later_source_wins(option: Option, tmp_path: Path) -> None:
    """What counts is decided before values are judged, so any text does."""
    for name in "abcd":
        (tmp_path / name).write_text("")
    flags: dict[str, tuple[object, str]] = {option.name: ("a", option.spelling)}
    environ = {option.environment[0]: "b"}
    (tmp_path / "vars").write_text(f"{option.environment[0]}=c")
    file = f'{option.toml} = "d"'

    def seen(*, flag: bool, variable: bool, dotenv: bool, toml: bool) -> tuple[object, int] | None:
        (tmp_path / "penstock.toml").write_text(file if toml else "")
        given = dict(flags) if flag else {}
        around = dict(environ) if variable else {}
        if dotenv:
            around["PENSTOCK_ENV_FILE"] = "vars"
        found = gather(given, around, tmp_path)
        assert found.problems == []
        setting = chosen(found.settings).get(option.name)
        return None if setting is None else (setting.raw, setting.source.rank)

    # What is read from a file cannot say which file that is
    filed = option.name != "env_file"
    assert seen(flag=True, variable=True, dotenv=filed, toml=True) == ("a", GIVEN)
    assert seen(flag=False, variable=True, dotenv=filed, toml=True) == ("b", ENVIRONMENT)
    assert seen(flag=False, variable=False, dotenv=False, toml=True) == ("d", FILE)
    assert seen(flag=False, variable=False, dotenv=False, toml=False) is None
    if filed:
        assert seen(flag=False, variable=False, dotenv=True, toml=True) == ("c", ENVIRONMENT)


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
    assert config.sources["port"].place == "pyproject.toml:2: port"


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
        ("prot = 1", "penstock.toml:1: there is no option 'prot'", "did you mean port?"),
        ("zebra = 1", "penstock.toml:1: there is no option 'zebra'", "docs/options.md lists"),
        ("port = 'x'", "penstock.toml:1: port: 'x' is no whole number", ""),
        ("app-dir = 'a'\napp_dir = 'b'", "app-dir and app_dir are the same", "remove one"),
        ("port = ", "penstock.toml is no valid TOML", ""),
        ("# twice\n\nprot = 1", "penstock.toml:3: there is no option 'prot'", "did you mean port?"),
        ("[logconfig]", "penstock.toml:1: there is no option 'logconfig'", "mean log-config?"),
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


# ---------------------------------------------------------------------------------------------- --env-file


def test_an_env_file_sets_options_and_the_environment_of_the_application(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PENSTOCK_PORT=81\nDATABASE=here\nPENSTOCK_HOST=a\nPATH=/x")
    environ = {"PENSTOCK_HOST": "b", "PATH": "/bin"}
    config, _ = load({"env_file": ((".env",), "--env-file")}, environ, tmp_path)
    assert (config.port, config.host, config.env_file) == (81, "b", (".env",))
    assert config.sources["port"].place == ".env: PENSTOCK_PORT"
    assert config.sources["port"].rank == ENVIRONMENT
    assert (environ["DATABASE"], environ["PATH"]) == ("here", "/bin")


def test_no_env_file_is_read_unless_asked_for(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PENSTOCK_PORT=81")
    environ: dict[str, str] = {}
    assert load({}, environ, tmp_path)[0].port == 8000
    assert environ == {}


@pytest.mark.parametrize("by", ["file", "variable"])
def test_an_env_file_may_be_named_by_any_source(by: str, tmp_path: Path) -> None:
    (tmp_path / "vars").write_text("PORT=81")
    environ = {"PENSTOCK_ENV_FILE": "vars"} if by == "variable" else {}
    (tmp_path / "penstock.toml").write_text("env-file = 'vars'" if by == "file" else "")
    config, _ = load({}, environ, tmp_path)
    assert config.port == 81
    # A port in a file is no platform's: nobody waits outside
    assert config.host == "127.0.0.1"


def test_an_env_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--env-file vars: there is no such file"):
        load({}, {"PENSTOCK_ENV_FILE": "vars"}, tmp_path)


# ------------------------------------------------------------------------------------------ all that is wrong


def test_everything_that_is_wrong_is_gathered(tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").write_text("prot = 1\nport = 'x'\nhots = 2\nenv-file = 'gone'")
    gathered = gather({}, {"PENSTOCK_SOMETHING_ELSE": "1"}, tmp_path)
    assert [str(problem) for problem in gathered.problems] == [
        "penstock.toml:1: there is no option 'prot'",
        "penstock.toml:3: there is no option 'hots'",
        f"--env-file gone: there is no such file, seen from {tmp_path}",
    ]
    assert gathered.strangers == ["PENSTOCK_SOMETHING_ELSE"]
    assert gathered.files == ["penstock.toml"]
    assert [str(each) for each in Config.problems(gathered.settings)] == [
        "penstock.toml:2: port: 'x' is no whole number"
    ]


def test_what_kubernetes_and_docker_set_for_a_service_is_nobodys_mistake(tmp_path: Path) -> None:
    environ = {
        "PENSTOCK_SERVICE_HOST": "10.0.0.1",
        "PENSTOCK_SERVICE_PORT_HTTP": "80",
        "PENSTOCK_PORT_80_TCP_ADDR": "10.0.0.1",
        "PENSTOCK_NAME": "web",
    }
    gathered = gather({}, environ, tmp_path)
    assert (gathered.notes, gathered.strangers) == ([], [])


def test_what_is_wrong_between_values_is_told_when_each_is_right(tmp_path: Path) -> None:
    settings = gather({}, {"PENSTOCK_TIMEOUT_DISCONNECT_GRACE": "31"}, tmp_path).settings
    (problem,) = Config.problems(settings)
    assert "31 s is more than the whole" in str(problem)
    assert Config.problems([]) == []
