"""What a terminal shows."""

import io

from rich.console import Console

from penstock.conformance.server_terminal import Progressing, show
from tests.conformance.test_server_output import one_run, results


def shown(*, warnings: bool) -> str:
    console = Console(file=io.StringIO(), width=100)
    show(console, one_run(), warnings=warnings)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_failures_are_shown_with_both_sides_and_warnings_on_demand() -> None:
    text = shown(warnings=False)
    assert "some 1.0: ASGI conformance" in text
    assert text.count("expected  this") == 2 and text.count("call 1") == 2
    assert shown(warnings=True).count("expected  this") == 3
    assert "2 of them fail, 1 warn (--warnings shows them), 1 do not apply" in text.replace(
        "\n", " "
    )


def test_one_case_is_not_cases() -> None:
    console = Console(file=io.StringIO(), width=100)
    found = one_run()
    show(console, found._replace(results=found.results[:1]))
    assert isinstance(console.file, io.StringIO)
    assert "\n1 case in " in console.file.getvalue()


def test_the_bar_counts_on_terminals_only() -> None:
    for terminal in (True, False):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
        with Progressing(console, "some", 5) as bar:
            for result in results():
                bar.told(result)
        assert isinstance(console.file, io.StringIO)
        assert bool(console.file.getvalue()) is terminal
