"""The kinds of option: how each is called, typed and shown."""

import pytest

from penstock.config.kinds import KINDS, Option
from penstock.config.options import BY_NAME


def test_what_is_derived_follows_from_the_name() -> None:
    option = Option("timeout_x", "duration", 1, "G", help="h", reason="r", env=("X",))
    assert option.toml == "timeout-x"
    assert option.spelling == "--timeout-x"
    assert option.environment == ("PENSTOCK_TIMEOUT_X", "X")
    assert (option.measure, option.annotation) == ("seconds", "float")
    assert option._replace(optional=True).accepts == "float | str | None"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_its_form_and_types(kind: str) -> None:
    assert KINDS[kind].annotation
    assert KINDS[kind].accepts
    assert KINDS[kind].metavar
    assert KINDS[kind].unit or kind == "count"


@pytest.mark.parametrize(
    "name, raw, shown",
    [
        ("timeout_startup", 60, "1m"),
        ("limit_request_line", 8192, "8KiB"),
        ("uds_mode", 0o666, "666"),
        ("access_log", True, "on"),
        ("bind", (), "(empty)"),
        ("bind", (":80", "/x"), ":80, /x"),
        ("root_path", "", "(empty)"),
        ("workers", None, "none"),
    ],
)
def test_values_are_shown_as_people_write_them(name: str, raw: object, shown: str) -> None:
    assert BY_NAME[name].show(raw) == shown
