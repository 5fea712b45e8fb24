"""Lines of gunicorn's atoms: each shows what it says, and nothing breaks a line."""

import base64
import os
import time
from typing import Any

import pytest

from penstock.config.log_format import ATOMS, parse
from penstock.gateway.endings import CLIENT_GONE, WEBSOCKET_CLOSE
from penstock.observe.access_atoms import AtomShape
from tests.observe.entries import ODD, entry


def shown(written: str, fields: dict[str, str] | None = None, **changes: Any) -> str:
    """The line of one request with these header fields."""
    shape = AtomShape(parse(written))
    picked = [(fields or {}).get(name.decode(), "") for name in shape.wanted]
    line = shape.render([entry(picked=picked, **changes)], False)
    assert line.endswith("\n")
    assert line.count("\n") == 1
    return line[:-1]


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TZ", "CET-1")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    "atom, value",
    [
        ("%(h)s", "127.0.0.1"),
        ("%(port)s", "54321"),
        ("%(l)s", "-"),
        ("%(u)s", "-"),
        ("%(r)s", "GET /a%20b?q=1 HTTP/1.1"),
        ("%(m)s", "GET"),
        ("%(U)s", "/a%20b"),
        ("%(q)s", "q=1"),
        ("%(H)s", "HTTP/1.1"),
        ("%(s)s", "200"),
        ("%(B)s", "1234"),
        ("%(b)s", "1234"),
        ("%(f)s", "-"),
        ("%(a)s", "-"),
        ("%(T)s", "2"),
        ("%(M)s", "2001"),
        ("%(D)s", "2001234"),
        ("%(L)s", "2.001234"),
        pytest.param("%(p)s", f"<{os.getpid()}>", id="the process, gunicorn's way"),
        pytest.param("%(worker)s", str(os.getpid()), id="the process"),
        ("%(time)s", "2026-11-22T11:16:02.123Z"),
        ("%(event)s", "request"),
        ("%(ended)s", "complete"),
        ("%(bytes_in)s", "5"),
        ("%(first_byte)s", "567"),
        ("%(request_id)s", "abc-7"),
        ("%(traceparent)s", "-"),
        ("%({REMOTE_ADDR}e)s %({REMOTE_PORT}e)s", "127.0.0.1 54321"),
        ("%({REQUEST_METHOD}e)s %({PATH_INFO}e)s %({QUERY_STRING}e)s", "GET /a%20b q=1"),
        ("%({RAW_URI}e)s %({REQUEST_URI}e)s", "/a%20b?q=1 /a%20b?q=1"),
        ("%({SERVER_PROTOCOL}e)s", "HTTP/1.1"),
        ("%({NO_SUCH_THING}e)s", "-"),
        ("[%(s)6s|%(s)-6s]", "[   200|200   ]"),
        ("100%% %(s)s", "100% 200"),
    ],
)
def test_an_atom_shows_what_it_says(atom: str, value: str) -> None:
    """Gunicorn's one-letter atoms, the words, and variables."""
    assert shown(atom) == value


def test_every_atom_can_be_shown() -> None:
    for name in ATOMS:
        assert shown(f"%({name})s")


@pytest.mark.usefixtures("in_berlin")
def test_the_time_has_the_offset_of_the_place() -> None:
    """As Apache writes it, whatever the locale."""
    assert shown("%(t)s") == "[22/Nov/2026:12:16:02 +0100]"


def test_header_fields_of_the_request() -> None:
    """By atom, by name, and as variables of CGI."""
    fields = {"referer": "http://x/", "user-agent": "curl/8", "x-a": "b", "content-type": "t"}
    written = "%(f)s %(a)s %({X-A}i)s %({HTTP_X_A}e)s %({CONTENT_TYPE}e)s %({x-b}i)s"
    assert shown(written, fields) == "http://x/ curl/8 b b t -"


def test_header_fields_of_the_response() -> None:
    """The first of that name; the server's own too; content-length also where it was ours to count."""
    lines = b"X-A: b\r\nx-a: c\r\nserver: penstock\r\n"
    assert shown("%({x-a}o)s %({Server}o)s %({x}o)s", lines=lines) == "b penstock -"
    assert shown("%({Content-Length}o)s") == "1234"
    assert shown("%({Content-Length}o)s", lines=b"content-length: 9\r\n") == "9"
    assert shown("%({Content-Length}o)s", bytes_out=0) == "-"


def test_a_variable_of_the_process_is_what_it_was_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RELEASE", "v7")
    assert shown("%({RELEASE}e)s") == "v7"


def test_of_basic_authorization_only_the_name_is_shown_x07() -> None:
    """X07: never the password, nor what is no Basic at all."""
    both = base64.b64encode(b"alice:secret").decode()
    assert shown("%(u)s", {"authorization": f"Basic {both}"}) == "alice"
    for odd in ("Bearer abc", "Basic ???", "Basic", f"Basic {base64.b64encode(b'alice').decode()}"):
        assert shown("%(u)s", {"authorization": odd}) == "-"


def test_what_is_not_there_is_a_dash() -> None:
    """As Apache has it: no body, no status, no address."""
    assert shown("%(b)s %(B)s", bytes_out=0) == "- 0"
    assert shown("%(s)s %(ended)s", status=0, ended=CLIENT_GONE) == "- client-gone"
    assert shown("%(h)s %(port)s", client=None) == "- -"
    assert shown("%(r)s", query="") == "GET /a%20b HTTP/1.1"


def test_a_websocket_s_end_shows_its_close_code_as_status() -> None:
    assert shown("%(event)s %(s)s", event=WEBSOCKET_CLOSE, status=101, close_code=1001) == (
        "websocket-close 1001"
    )


@pytest.mark.parametrize("odd", ODD)
def test_nothing_that_a_peer_sends_breaks_a_line_x06(odd: str) -> None:
    """X06: controls, other scripts, quotes and backslashes are escaped in every atom, and the lines
    before and behind are as they would be without."""
    shape = AtomShape(parse('%(h)s "%(r)s" %(s)s "%({x}i)s" "%({y}o)s" \u2192'))
    odd_one = entry(
        client=(odd, 1), path=odd, picked=[odd], lines=b"y: " + odd.encode("latin-1") + b"\r\n"
    )
    fine = entry(picked=["fine"], lines=b"y: z\r\n")
    lines = shape.render([fine, odd_one, fine], False).split("\n")
    assert len(lines) == 4
    assert lines[0] == lines[2] == '127.0.0.1 "GET /a%20b?q=1 HTTP/1.1" 200 "fine" "z" \u2192'
    assert lines[1].removesuffix(" \u2192").isascii()
    assert lines[1].isprintable()
    assert lines[1].count('"') == 6


def test_a_percent_sign_from_outside_is_no_template_x06() -> None:
    """X06: what was filled in is not filled in again."""
    assert shown("%(U)s %(s)s", path="/%(s)s%d%%") == "/%(s)s%d%% 200"
