"""The start-up lines: short, true, and with addresses to click on."""

import logging
from typing import Any

import pytest

from penstock.observe import logs
from penstock.observe.startup import Startup, address_shown, announce


@pytest.mark.parametrize(
    "sockname, shown",
    [
        (("127.0.0.1", 8000), "http://127.0.0.1:8000"),
        (("::1", 8000, 0, 0), "http://[::1]:8000"),
        (("0.0.0.0", 80), "http://127.0.0.1:80 (and all other addresses, 0.0.0.0)"),
        (("::", 80, 0, 0), "http://[::1]:80 (and all other addresses, ::)"),
        ("/run/app.sock", "unix:/run/app.sock"),
        (b"\0name", "unix:@name"),
    ],
)
def test_an_address_can_be_clicked_on(sockname: Any, shown: str) -> None:
    """A browser opens what is shown; what has no URL is named."""
    assert address_shown(sockname) == shown


def test_an_address_that_speaks_tls_says_https() -> None:
    """The scheme is the listener's."""
    assert address_shown(("127.0.0.1", 8443), "https") == "https://127.0.0.1:8443"


def startup(**changes: Any) -> Startup:
    values: dict[str, Any] = {
        "version": "1.2.3",
        "addresses": ["http://127.0.0.1:8000"],
        "app": "main:app",
        "interface": "asgi3",
        "protocols": ["HTTP/1.1", "HTTP/2", "WebSocket"],
        "leg": "compiled",
        "loop": "uvloop",
        "python": "CPython 3.13.0",
        "pid": 77,
    }
    return Startup(**{**values, **changes})


def test_three_lines_tell_what_a_person_needs(capsys: pytest.CaptureFixture[str]) -> None:
    """Address, application and interface, protocols, leg, loop, Python, process, how to quit."""
    logs.configure()
    announce(logging.getLogger("penstock.error"), startup())
    assert capsys.readouterr().err.splitlines() == [
        "INFO:     Penstock 1.2.3 (compiled) on CPython 3.13.0 with uvloop, process 77",
        "INFO:     Serving main:app (ASGI 3) over HTTP/1.1, HTTP/2 and WebSocket",
        "INFO:     Running on http://127.0.0.1:8000 (Press CTRL+C to quit)",
    ]


def test_each_address_has_a_line_and_the_last_says_how_to_quit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The hint stands where the eye rests, and only where the key works."""
    logs.configure()
    announce(logging.getLogger("penstock.error"), startup(addresses=["http://a:1", "unix:/b"]))
    hints = ["CTRL+C" in line for line in capsys.readouterr().err.splitlines()]
    assert hints == [False, False, False, True]
    announce(logging.getLogger("penstock.error"), startup(quit_key=False))
    assert "CTRL+C" not in capsys.readouterr().err


def test_a_path_with_controls_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    """X06: file names are not trusted either, also where they are highlighted."""
    logs.configure(use_colors=True)
    announce(logging.getLogger("penstock.error"), startup(app="a\n\x1b[2J.py:app"))
    err = capsys.readouterr().err
    assert "\x1b[1ma\\n\\x1b[2J.py:app\x1b[0m" in err
    assert len(err.splitlines()) == 3
