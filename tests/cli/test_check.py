"""`penstock check`: which of its commands is meant."""

from penstock.cli.main import main


def test_a_kind_that_there_is_not_is_refused(capsys) -> None:  # type: ignore[no-untyped-def]
    assert main(["check", "nothing"]) == 2
    assert "check nothing?" in capsys.readouterr().err
