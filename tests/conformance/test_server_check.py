"""From the command to files and an exit status; the whole suite over Penstock itself."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from penstock.conformance.server_check import Asked, check
from penstock.conformance.server_output import as_json
from penstock.conformance.server_trial import Unusable
from tests.conformance.test_server_output import one_run

NOTHING = Asked([], [], "", [], "may", "", "", "", warnings=False, list=False)


def checked(asked: Asked) -> tuple[int, str]:
    output = io.StringIO()
    status = check(asked, Console(file=output, width=120), Console(file=io.StringIO()))
    return status, output.getvalue()


def test_cases_are_listed_in_a_line_each() -> None:
    output = io.StringIO()
    asked = NOTHING._replace(only=["HTTP-RESP-03"], list=True)
    assert check(asked, Console(file=output, width=40), Console(file=io.StringIO())) == 0
    text = output.getvalue()
    assert text.startswith("HTTP-RESP-03     MUST") and text.count("\n") == 1


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (NOTHING, r"which server\?"),
        (NOTHING._replace(names=["apache"]), "apache is no preset"),
        (NOTHING._replace(names=["none.json"]), "cannot be read"),
        (NOTHING._replace(command=["x"]), "the command lacks"),
    ],
)
def test_what_cannot_be_done_is_told(asked: Asked, message: str) -> None:
    with pytest.raises(Unusable, match=message):
        checked(asked)


def test_earlier_results_are_compared_and_failures_are_an_exit_status(tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    old.write_text(as_json([one_run()]))
    html, xml = tmp_path / "x.html", tmp_path / "x.xml"
    status, _ = checked(NOTHING._replace(names=[str(old)], html=str(html), junit=str(xml)))
    assert status == 1 and "some 1.0" in html.read_text() and xml.read_text().startswith("<?xml")


@pytest.mark.real
@pytest.mark.timeout(180)
def test_penstock_breaks_no_must_and_no_should(tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    status, text = checked(NOTHING._replace(names=["penstock"], json=str(path)))
    found = json.loads(path.read_text())["servers"][0]
    failed = {each["id"] for each in found["results"] if each["verdict"] in {"fail", "error"}}
    assert not failed and status == 0, text
    assert found["counts"]["pass"] > 300
