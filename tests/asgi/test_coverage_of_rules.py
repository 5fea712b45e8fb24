"""Which test covers which rule of the ASGI requirements: each id of the sections that are served is tried, or stands here with a reason.

A test covers a rule by naming its id in its docstring, its name, or the id of one of its parameters.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import ROOT

# Section -> its number of rules.
SECTIONS = {
    "APP": 22,
    "COMPAT": 12,
    "MSG": 16,
    "ERR": 13,
    "SCOPE": 18,
    "HTTP-SCOPE": 24,
    "HTTP-HDR": 14,
    "HTTP-REQ": 16,
    "HTTP-RESP": 37,
    "HTTP-DISC": 13,
    "HTTP-ERR": 7,
    "HTTP-CONN": 7,
    "LIFE-STATE": 8,
    "TLS": 13,
    "PUSH": 8,
    "ZCS": 9,
    "PATH": 9,
    "HINT": 7,
    "TRAIL": 11,
    "DEBUG": 3,
}

APPLICATIONS = "a rule for applications"
OUT_OF_SCOPE = {
    **dict.fromkeys(
        (
            "APP-02", "APP-05", "APP-11", "APP-14", "APP-22", "MSG-10", "MSG-11", "ERR-05", "SCOPE-04",
            "SCOPE-07", "SCOPE-12", "SCOPE-15", "SCOPE-16", "HTTP-HDR-02", "HTTP-REQ-08", "HTTP-REQ-09",
            "HTTP-REQ-10", "HTTP-REQ-11", "HTTP-RESP-01", "HTTP-RESP-04", "HTTP-RESP-31", "HTTP-RESP-32",
            "HTTP-RESP-33", "HTTP-RESP-36", "HTTP-DISC-09", "HTTP-DISC-13", "LIFE-STATE-07",
            "LIFE-STATE-08", "TLS-02", "TLS-13", "PUSH-02", "TRAIL-02", "TRAIL-06", "DEBUG-02", "DEBUG-03",
        ),
        APPLICATIONS,
    ),
    "APP-13": "optional, and not done: an application may outlive its client as long as the server runs",
    "COMPAT-08": "asgiref's guess; here a function of three arguments is taken for what it looks like",
    "COMPAT-12": "optional: applications of the old kind are told version 3.0, too",
    "SCOPE-18": "about protocols of other makers",
    "HTTP-DISC-07": "for servers that advertise less than 2.4",
}  # fmt: skip

ID = r"(?:HTTP|LIFE)?-?[A-Z]+(?:-[A-Z]+)*-\d\d"
FOLDERS = ("asgi", "threats", "gateway", "transport", "wire", "process")


def ids(text: str) -> Iterator[str]:
    """The ids in a text; `X-01 to X-05` and `X-01 to 05` are all between."""
    for match in re.finditer(rf"\b({ID})(?: to (?:{ID[:-4]})?(\d\d)\b)?", text):
        name, first = match[1].rsplit("-", 1)
        for number in range(int(first), int(match[2] or first) + 1):
            yield f"{name}-{number:02}"


def texts(path: Path) -> Iterator[tuple[str, str]]:
    """Name and words of each test function: docstring, name in capitals, and strings of its decorators."""
    tree = ast.parse(path.read_text())
    lists = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith(
            "test_"
        ):
            said = [
                ast.get_docstring(node) or "",
                re.sub(r"_(?=\d\d)", "-", node.name.upper().replace("LIFE_STATE", "LIFE-STATE")),
            ]
            for decorator in node.decorator_list:
                for part in ast.walk(decorator):
                    parts: list[ast.AST] = [part]
                    if isinstance(part, ast.Name) and part.id in lists:
                        parts = list(ast.walk(lists[part.id]))
                    said += [
                        each.value
                        for each in parts
                        if isinstance(each, ast.Constant) and isinstance(each.value, str)
                    ]
            yield f"{path.relative_to(ROOT)}::{node.name}", "\n".join(said)


def covered() -> dict[str, list[str]]:
    """Rule -> the tests that name it."""
    found: dict[str, list[str]] = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / "tests" / folder).rglob("test_*.py")):
            for test, text in texts(path):
                for rule in ids(text):
                    found.setdefault(rule, []).append(test)
    return found


RULES = [
    f"{name}-{number:02}" for name, count in SECTIONS.items() for number in range(1, count + 1)
]
COVERED = covered()


@pytest.mark.parametrize("name", list(SECTIONS))
def test_every_rule_is_tried_or_has_a_reason(name: str) -> None:
    """None of the section is missing."""
    missing = [
        rule
        for rule in RULES
        if rule.rpartition("-")[0] == name and rule not in COVERED and rule not in OUT_OF_SCOPE
    ]
    assert missing == []


def test_what_is_out_of_scope_is_a_rule_and_is_not_tried() -> None:
    """A reason that no longer holds is struck."""
    assert set(OUT_OF_SCOPE) <= set(RULES)
    assert {rule: COVERED[rule] for rule in OUT_OF_SCOPE if rule in COVERED} == {}


def test_no_test_names_a_rule_that_does_not_exist() -> None:
    """A slip of the pen covers nothing."""
    known = set(RULES)
    wrong = {
        rule: tests
        for rule, tests in COVERED.items()
        if rule.rpartition("-")[0] in SECTIONS and rule not in known
    }
    assert wrong == {}


THREATS = [
    f"{letter}{number:02}"
    for letter, count in (("A", 16), ("S", 13), ("Z", 8))
    for number in range(1, count + 1)
]


def test_every_threat_to_application_time_amount_and_tls_is_tried() -> None:
    """A01 to A16, S01 to S13 and Z01 to Z08, by the same way of naming."""
    named = set()
    for folder in FOLDERS:
        for path in sorted((ROOT / "tests" / folder).rglob("test_*.py")):
            for _, text in texts(path):
                for match in re.finditer(
                    r"(?<![A-Z0-9])([ASZ]\d\d)(?: to [ASZ](\d\d))?(?![A-Z0-9])", text
                ):
                    last = int(match[2] or match[1][1:])
                    named |= {f"{match[1][0]}{n:02}" for n in range(int(match[1][1:]), last + 1)}
    assert sorted(set(THREATS) - named) == []
