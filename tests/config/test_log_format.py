"""Formats of the access log: parsed when the options are read, refused with what is near."""

import pytest

from penstock.config import Config
from penstock.config.log_format import ATOMS, NAMED, Piece, check, parse
from penstock.errors import UsageError


def test_a_format_becomes_its_pieces() -> None:
    """Literals are joined, %% is a percent sign, a width may be negative."""
    assert parse('%(h)s 100%% "%(D)-12s" %({X-Foo}i)s') == (
        Piece("atom", "h"),
        Piece("literal", ' 100% "'),
        Piece("atom", "D", -12),
        Piece("literal", '" '),
        Piece("i", "x-foo"),
    )


def test_gunicorn_s_atoms_are_all_there() -> None:
    """A format of its settings file works as it stands."""
    assert set("hlutrmUqHsBbfaTDMLp") <= set(ATOMS)
    default = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'
    assert parse("combined") == parse(default)
    assert parse("%({server}o)s")[0] == Piece("o", "server")
    assert parse("%({REMOTE_ADDR}e)s")[0] == Piece("e", "REMOTE_ADDR")
    assert parse("%(D)d") == parse("%(D)s")


def test_the_names_are_formats_too() -> None:
    for name in (*NAMED, "text", "json"):
        assert check(name) == name


@pytest.mark.parametrize(
    "written, said",
    [
        ("jsn", "did you mean json?"),
        ("combind", "did you mean combined?"),
        ("%h %t", r"write %\(h\)s"),
        ("%>s", r"write %\(s\)s"),
        ("%(duration)s", r"there are h, l, u"),
        ("%(request-id)s", r"did you mean %\(request_id\)s"),
        ("%(h)", "is no"),
        ("%(h)f", "is s"),
        ("%(h)05s", "width"),
        ("%({a}x)s", "i .*o .*e"),
        ("%({a b}i)s", "no name of a request header"),
        ("%(h)s\n", "control"),
        ("%(h)s \x1b[31m", "control"),
        ("100%", "is no"),
    ],
)
def test_a_mistake_is_told_with_what_to_write(written: str, said: str) -> None:
    """Exit code 2, one line, no traceback."""
    with pytest.raises(ValueError, match=said):
        check(written)
    with pytest.raises(UsageError, match="access_log_format"):
        Config("a:b", access_log_format=written)


@pytest.mark.parametrize(
    "secret",
    [
        "%({Authorization}i)s",
        "%({cookie}i)s",
        "%({Proxy-Authorization}i)s",
        "%({set-cookie}o)s",
        "%({HTTP_COOKIE}e)s",
        "%({HTTP_AUTHORIZATION}e)s",
    ],
)
def test_no_format_can_ask_for_a_secret_x07(secret: str) -> None:
    """X07: not by any of its names."""
    with pytest.raises(ValueError, match="secret"):
        parse(secret)
