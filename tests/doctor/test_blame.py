"""What was seen, as findings: one a line, confirmed, with a cure."""

import ast
from typing import Any

from penstock.doctor.blame import confirmed, findings, first_time_only
from penstock.doctor.findings import HINT, WRONG
from penstock.doctor.source import Own
from penstock.doctor.watch import Held
from penstock.transport.stall import Call


def held(line: int = 1, seconds: float = 0.3, **more: Any) -> Held:
    plain = Held(
        Call("/srv/app.py", line, "view"), "load()", "cure", seconds, False, "", "GET /", False
    )
    return plain._replace(**more)


def test_what_held_the_loop_once_only_is_not_blamed() -> None:
    other = held(call=Call("/srv/b.py", 1, "view"))
    known = held(seconds=0.0, what="os.system()")
    assert confirmed([held(1), other, known], [held(2)]) == [held(1), known]


def test_a_line_is_told_once_with_its_worst_time_and_its_requests() -> None:
    found = findings(
        [
            held(),
            held(seconds=0.5, request="GET /b"),
            held(seconds=0.0, what="time.sleep(1)"),
            held(7, seconds=0.0, what="os.system()", source=""),
        ],
        [],
    )
    assert [(each.level, each.place, each.text) for each in found] == [
        (
            WRONG, "/srv/app.py:1 view",
            "holds the event loop for 0.50 s: time.sleep(1) · load() (GET /, GET /b)",
        ),
        (WRONG, "/srv/app.py:7 view", "blocks the event loop: os.system() (GET /)"),
    ]  # fmt: skip


def test_a_computing_function_is_told_once_for_a_request() -> None:
    found = findings([held(4, computed=True), held(5, 0.4, computed=True)], [])
    assert [(each.place, each.text) for each in found] == [
        ("/srv/app.py:5 view", "computes on the event loop for 0.40 s · load() (GET /)")
    ]


def test_a_route_that_awaits_nothing_may_be_plain() -> None:
    text = "from fastapi import FastAPI\n@app.get('/')\nasync def view():\n    load()"
    (finding,) = findings([held(4)], [Own("/srv/app.py", ast.parse(text))])
    assert finding.cure == "cure; or write def view without async, so that it gets a thread"


def test_an_import_that_the_first_request_pays_for_is_a_hint() -> None:
    pays = held(importing=True, source="import pandas")
    found = first_time_only([pays, held(source="import pandas"), pays._replace(seconds=0.0)])
    assert [(each.level, each.place) for each in found] == [(HINT, "/srv/app.py:1 view")]


def test_an_import_within_a_library_is_not_the_applications() -> None:
    library = Call("/x/site-packages/lib.py", 1, "f")
    assert first_time_only([held(importing=True, source="import x", call=library)]) == []
    assert first_time_only([held(importing=True, source="client = httpx.AsyncClient()")]) == []
