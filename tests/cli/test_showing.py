"""The values of a Config, as a table and as JSON."""

import json
from typing import Any

import pytest

from penstock.cli import showing
from penstock.config import Config
from penstock.config.config import ENVIRONMENT, FILE, Setting, Source
from penstock.config.options import BY_NAME, OPTIONS


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


def config(**values: tuple[Any, int, str]) -> Config:
    return Config.of(
        Setting(BY_NAME[name], raw, Source(rank, place))
        for name, (raw, rank, place) in values.items()
    )


SOME = {
    "app": ("a:b", FILE, "penstock.toml:3: app"),
    "port": ("81", ENVIRONMENT, "$PORT"),
    "header": ("x: 1\ny: 2", ENVIRONMENT, ".env: PENSTOCK_HEADER"),
    "ssl_keyfile_password": ("s3cret", ENVIRONMENT, "$PENSTOCK_SSL_KEYFILE_PASSWORD"),
}


def test_every_option_has_its_line_with_value_and_place() -> None:
    lines = showing.as_table(config(**SOME), ["penstock.toml", ".env"], changed=False)
    assert lines[0] == "read: penstock.toml, .env"
    rows = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines if line.startswith("  ")}
    assert list(rows) == [option.toml for option in OPTIONS]
    assert " ".join(rows["app"].split()) == "a:b penstock.toml:3"
    assert " ".join(rows["port"].split()) == "81 $PORT"
    assert " ".join(rows["header"].split()) == "x: 1, y: 2 .env: PENSTOCK_HEADER"
    assert " ".join(rows["backlog"].split()) == "2048 default"
    assert " ".join(rows["host"].split()) == "0.0.0.0 follows from other values"
    assert lines[-1] == "listens on 0.0.0.0:81 (http)"


def test_columns_are_aligned() -> None:
    lines = showing.as_table(Config(), [], changed=False)
    assert len({line.rindex("  default") for line in lines if line.endswith("  default")}) == 1


def test_one_long_value_does_not_push_the_others_places_away() -> None:
    shown = showing.as_table(Config(app_dir="x" * 300), [], changed=False)
    assert max(len(line) for line in shown if "xxx" not in line) < 120


@pytest.mark.parametrize("changed", [True, False])
def test_a_secret_is_never_shown(changed: bool) -> None:
    made = config(**SOME)
    whole = "\n".join(showing.as_table(made, [], changed=changed))
    whole += showing.as_json(made, changed=changed)
    assert "s3cret" not in whole
    assert "ssl-keyfile-password" in whole


def test_with_changed_only_what_differs_from_the_default_is_there() -> None:
    made = config(**SOME, backlog=(2048, FILE, "penstock.toml: backlog"))
    document = json.loads(showing.as_json(made, changed=True))
    assert set(document) == {"app", "host", "port", "header", "ssl-keyfile-password"}
    assert "everything is as by default" in showing.as_table(Config(), [], changed=True)


def test_json_has_numbers_in_base_units_and_the_kind_of_source() -> None:
    document = json.loads(showing.as_json(config(**SOME), changed=False))
    assert set(document) == {option.toml for option in OPTIONS}
    assert document["port"] == {"value": 81, "source": "environment", "place": "$PORT"}
    assert document["app"]["source"] == "file"
    assert document["timeout-keep-alive"] == {
        "value": 75.0,
        "source": "default",
        "place": "default",
    }
    assert document["ws-max-size"]["value"] == 16 << 20
    assert document["limit-concurrency"]["value"] is None
    assert document["uds-mode"]["value"] == "666"
    assert document["header"]["value"] == ["x: 1", "y: 2"]
    assert document["ssl-keyfile-password"]["value"] is True


def test_of_a_log_configuration_only_its_parts_are_named_and_no_secret_is_shown() -> None:
    log_config = {
        "version": 1,
        "handlers": {"mail": {"credentials": ["me", "s3cret"], "level": "ERROR"}},
    }
    made = Config(log_config=log_config)
    assert any("(a table of version, handlers)" in line
               for line in showing.as_table(made, [], changed=True))  # fmt: skip
    document = json.loads(showing.as_json(made, changed=True))
    assert document["log-config"]["value"] == {
        "version": 1, "handlers": {"mail": {"credentials": True, "level": "ERROR"}},
    }  # fmt: skip


def test_a_value_stays_on_its_line_whatever_it_holds() -> None:
    lines = showing.as_table(Config(app="a\x1b[31m\nb"), [], changed=True)
    assert any(r"'a\x1b[31m\nb'" in line for line in lines)
