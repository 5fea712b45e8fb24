"""What cases of the checks of applications have at hand."""

import asyncio
from typing import Any

import pytest

from penstock.conformance.app_lab import Case, Lab, Request, Settings, with_body
from tests.conformance.zoo import END, START, http

QUICK = Settings(patience_s=0.08, silence_s=0.01)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("/x?y=1", Request("GET", "/x?y=1")),
        ("delete /x", Request("DELETE", "/x")),
        ('POST /x {"a": 1}', Request("POST", "/x", (), b'{"a": 1}')),
        ("/x a=1&b=2 3", Request("GET", "/x", (), b"a=1&b=2 3")),
    ],
)
def test_a_request_is_a_line(text: str, expected: Request) -> None:
    assert Request.parse(text) == expected


@pytest.mark.parametrize("text", ["", "GET", "GET x", "x"])
def test_what_is_no_request_says_how_one_is_written(text: str) -> None:
    with pytest.raises(ValueError, match=r"write \[METHOD\] /path"):
        Request.parse(text)


def test_a_request_without_a_body_gets_one_by_post() -> None:
    assert with_body(Request("GET", "/x")).method == "POST"
    assert with_body(Request("PUT", "/x")).method == "PUT"
    given = Request("PUT", "/x", (), b"1")
    assert with_body(given) is given


def test_the_type_of_a_body_is_json_if_it_can_be() -> None:
    lab = Lab(http(), QUICK, "", Request("POST", "/", (), b"[1]"))
    assert (b"content-type", b"application/json") in lab.scope()["headers"]
    form = lab.scope(Request("POST", "/", (), b"a=1"))
    assert (b"content-type", b"application/x-www-form-urlencoded") in form["headers"]
    own = lab.scope(Request("POST", "/", (("Content-Type", "x/y"),), b"a=1"))
    assert [value for name, value in own["headers"] if name == b"content-type"] == [b"x/y"]


def test_an_outcome_tells_a_response_from_none_and_from_half_of_one() -> None:
    async def asked(*messages: Any) -> str:
        lab = Lab(http(*messages), QUICK, "", Request())
        outcome, _ = await lab.ask()
        await lab.clear()
        return str(outcome)

    assert asyncio.run(asked(START, END)) == "200 with 2 bytes"
    assert asyncio.run(asked()) == "no response"
    assert asyncio.run(asked(START)) == "200 with 0 bytes, not complete"


def test_findings_have_the_conversation_that_showed_them() -> None:
    async def found() -> Any:
        lab = Lab(http(START, END, END), QUICK, "GET /", Request())
        await lab.ask()
        await lab.clear()
        return lab.findings(Case("X-01", "a case", lambda _: asyncio.sleep(0)))

    [finding] = asyncio.run(found())
    assert finding[:3] == ("HTTP-RESP-31", "must", "GET /")
    assert [line[0] for line in finding.events] == [">", "<", "<", "<"]
    assert str(finding) == "GET /: HTTP-RESP-31 (must): a message after the end of the response"
