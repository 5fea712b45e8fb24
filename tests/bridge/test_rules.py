"""Values of other servers, as ours; and what rules do with them."""

import logging
from typing import Any

import pytest

from penstock.bridge import rules
from penstock.bridge.draft import Draft, Left, NoCounterpart, Said


@pytest.mark.parametrize(
    "read, raw, value",
    [
        (rules.flag, "yes", True),
        (rules.flag, "0", False),
        (rules.flag, 1, True),
        (rules.only_on, "true", True),
        (rules.only_on, False, None),
        (rules.count, "7", 7),
        (rules.count, 0, None),
        (rules.count, None, None),
        (rules.number, "7", 7),
        (rules.duration, 90, "90s"),
        (rules.duration, "120", "2m"),
        (rules.duration, "1h30m", "90m"),
        (rules.duration, 0.5, "500ms"),
        (rules.duration, None, None),
        (rules.milliseconds, "250", "250ms"),
        (rules.size, "65536", "64KiB"),
        (rules.size, 1000, "1000"),
        (rules.mebibytes, "512", "512MiB"),
        (rules.text, "", None),
        (rules.text, 33, "33"),
        (rules.texts, "a", ["a"]),
        (rules.texts, ["a", 1], ["a", "1"]),
        (rules.texts, [], None),
        (rules.octal, 0o22, "022"),
        (rules.octal, "0o660", "660"),
        (rules.octal, "18", None),
        (rules.log_level, "WARN", "warn"),
        (rules.log_level, logging.DEBUG, "debug"),
        (rules.log_level, "notset", "trace"),
    ],
)
def test_values_become_ours(read: rules.Read, raw: Any, value: Any) -> None:
    if raw == "18":
        with pytest.raises(ValueError, match="18"):
            read(raw)
        return
    assert read(raw) == value


@pytest.mark.parametrize(
    "theirs, ours",
    [
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("localhost", "localhost:8000"),
        (":80", ":80"),
        ("[::1]", "[::1]:8000"),
        ("[::]:80", "[::]:80"),
        ("tcp://a:1", "a:1"),
        ("unix:/run/x", "unix:/run/x"),
        ("unix:///run/x", "unix:/run/x"),
        ("fd://3", "fd://3"),
        ("/run/x", "/run/x"),
    ],
)
def test_addresses_become_ours(theirs: str, ours: str) -> None:
    assert rules.bind(theirs, 8000) == ours


def acted(rule: rules.Rule, value: Any) -> Draft:
    draft = Draft("x", {})
    rule.act(draft, "their-setting", Said(value, "here"))
    return draft


def test_an_option_gets_its_value_and_note() -> None:
    line = acted(rules.to("backlog", rules.number, "mind it"), "9").lines["backlog"]
    assert (line.option.name, line.value, line.note) == ("backlog", 9, "mind it")


@pytest.mark.parametrize(
    "rule, value, why",
    [
        (rules.to("backlog"), "x", "backlog: 'x' is no whole number"),
        (rules.to("backlog", rules.number), "x", "backlog: invalid literal"),
        (rules.words("loop", {"a": "auto"}, "no such loop"), "trio", "no such loop"),
        (rules.no("not here"), "x", "not here"),
        (rules.hidden("not here"), "s3cret", "not here"),
    ],
)
def test_what_cannot_be_translated_is_told_with_its_reason(
    rule: rules.Rule, value: Any, why: str
) -> None:
    draft = acted(rule, value)
    assert draft.lines == {}
    ((setting, reason),) = draft.left
    assert setting.startswith("their-setting")
    assert why in reason
    assert "s3cret" not in setting


def test_a_reader_may_say_that_there_is_no_counterpart() -> None:
    def read(_value: Any) -> None:
        raise NoCounterpart("because")

    assert acted(rules.to("backlog", read), 1).left == [Left("their-setting = 1", "because")]


@pytest.mark.parametrize("value", [None, False, ""])
def test_what_asks_for_nothing_is_not_told(value: Any) -> None:
    for rule in (rules.no("x"), rules.moot("x"), rules.hidden("x")):
        draft = acted(rule, value)
        assert (draft.left, draft.moot, draft.lines) == ([], [], {})


def test_what_happens_anyway_is_told_apart() -> None:
    assert acted(rules.moot("anyway"), ["x"]).moot == [Left("their-setting", "anyway")]


def test_words_are_read_in_any_case() -> None:
    assert acted(rules.words("loop", {"auto": "auto"}), " AUTO ").lines["loop"].value == "auto"


def test_long_values_are_cut_and_control_characters_escaped() -> None:
    assert rules.shown("a\nb") == "a b"
    assert rules.shown("a\x1bb") == r"'a\x1bb'"
    assert len(rules.shown("x" * 99)) == 60
    assert rules.shown([1]) == "[1]"
