"""`penstock check server`: its arguments."""

import pytest

from penstock.cli.main import main


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "server", "--help"]) == 0
    out = capsys.readouterr().out
    for option in (
        "--only",
        "--level",
        "--json",
        "--junit",
        "--html",
        "--list",
        "--warnings",
        "--name",
    ):
        assert option in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which server?"),
        (["apache"], "apache is no preset"),
        (["--level", "most"], "most"),
        (["--only", "X-99", "penstock"], "no requirement is called X-99"),
        (["--", "serve", "{app}"], "the command lacks {port}"),
        (["--"], "there is no command behind --"),
    ],
)
def test_what_makes_no_sense_ends_with_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "server", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_the_list_needs_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "server", "--list", "--only", "LIFE-*"]) == 0
    assert capsys.readouterr().out.count("LIFE-") >= 23
