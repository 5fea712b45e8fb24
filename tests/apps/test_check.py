"""`penstock check app` finds no fault in right examples of real frameworks, and what is known of some."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.apps.server import DEADLINE_S, ENVIRON, ROOT

pytestmark = pytest.mark.real

APPS = ("starlette_app", "fastapi_app", "django_asgi", "litestar_app", "quart_app", "falcon_app")
REQUESTS = ("/stream", "/cookies", 'POST /json {"a": 1}', "/events?token=t")
WEBSOCKETS = ("-w", "/ws/echo")


def findings(name: str, file: Path, *arguments: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "penstock", "check", "app", f"tests.apps.{name}", "--json", "--patience", "1.5", *arguments],
        env={**ENVIRON, "TRIAL_FILE": str(file)},
        cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    return [finding for finding in found if finding["level"] != "note"]


@pytest.mark.parametrize("name", APPS)
def test_nothing_is_found_in_examples_that_are_right(name: str, served_file: Path) -> None:
    """But for several cookie fields, as HTTP/2 has them (RFC 9113 section 8.2.3): two read one of them."""
    arguments = [part for request in REQUESTS for part in ("-r", request)]
    if name != "django_asgi":
        arguments += WEBSOCKETS
    found = {
        (finding["target"], finding["rule"]) for finding in findings(name, served_file, *arguments)
    }
    known = name in {"litestar_app", "falcon_app"}
    assert found == ({("GET /cookies", "HTTP-HDR-09")} if known else set())
