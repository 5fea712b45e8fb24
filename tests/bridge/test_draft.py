"""What becomes of a configuration: a value that the option refuses never gets into the file."""

import pytest

from penstock.bridge.draft import Draft, Said
from penstock.config.options import BY_NAME


def test_a_value_is_put_under_its_option() -> None:
    draft = Draft("x", {"a": Said(1, "here")})
    draft.put("port", 80, "a = 1", "mind it")
    assert draft.lines["port"] == (BY_NAME["port"], 80, "mind it")
    assert (draft.value("a"), draft.value("b"), draft.value("b", 2)) == (1, None, 2)


def test_a_value_that_the_option_refuses_is_left_with_the_refusal() -> None:
    draft = Draft("x", {})
    draft.put("port", 99999, "their-port = 99999")
    assert draft.lines == {}
    ((setting, why),) = draft.left
    assert setting == "their-port = 99999"
    assert why.startswith("port: 99999 is out of range")


@pytest.mark.parametrize(
    "name, value, taken",
    [
        ("static", ["/s=/not/here"], True),
        ("static", ["nonsense"], False),
        ("log_config", "/not/here.json", True),
        ("log_config", "/not/here", False),
    ],
)
def test_files_that_are_not_here_may_be_where_the_server_will_run(
    name: str, value: object, taken: bool
) -> None:
    draft = Draft("x", {})
    draft.put(name, value, "setting")
    assert bool(draft.lines) == taken
    assert bool(draft.left) != taken
    assert not taken or draft.lines[name].note == "not found from here"


@pytest.mark.parametrize(
    "bind, before, after",
    [
        (["unix:/x"], None, "127.0.0.1,unix"),
        (["/x", ":1"], "10.0.0.1", "10.0.0.1,unix"),
        (["unix:/x"], "*", "*"),
        (["unix:/x"], "unix", "unix"),
        ([":1"], None, None),
    ],
)
def test_who_comes_through_a_unix_socket_is_believed_as_before(
    bind: list[str], before: str | None, after: str | None
) -> None:
    draft = Draft("x", {})
    draft.put("bind", bind, "setting")
    if before is not None:
        draft.put("forwarded_allow_ips", before, "setting")
    draft.trust_unix("why")
    line = draft.lines.get("forwarded_allow_ips")
    assert (line.value if line is not None else None) == after
