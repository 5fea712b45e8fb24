"""`penstock check`: which of its commands is meant."""

from penstock.cli.main import main


def test_a_kind_that_there_is_not_is_refused(capsys) -> None:  # type: ignore[no-untyped-def]
    assert main(["check", "nothing"]) == 2
    assert "check nothing?" in capsys.readouterr().err


def test_help_names_its_commands(capsys) -> None:  # type: ignore[no-untyped-def]
    assert main(["check", "--help"]) == 0
    out = capsys.readouterr().out
    assert "penstock check app main:app" in out
    assert "penstock check server uvicorn" in out
