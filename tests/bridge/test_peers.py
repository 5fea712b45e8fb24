"""Every setting of the servers as they are installed is known here: a new one is noticed."""

import argparse
import importlib
import inspect
from typing import Any

import pytest

from penstock.bridge import granian, gunicorn, hypercorn, uvicorn
from penstock.bridge.arguments import flags_of
from penstock.bridge.rules import Server

pytestmark = pytest.mark.real


def known(server: Server) -> set[str]:
    return {setting.name for setting in server.settings}


def click_flags(command: Any) -> dict[str, tuple[str, bool]]:
    """Spelling → parameter and whether it takes a value, of a click command without --help."""
    return {
        spelling: (parameter.name, not parameter.is_flag)
        for parameter in command.params
        if parameter.param_type_name == "option"
        for spelling in (*parameter.opts, *parameter.secondary_opts)
        if spelling != "--help"
    }


def ours(server: Server) -> dict[str, bool]:
    return {spelling: flag.takes != "nothing" for spelling, flag in flags_of(server).items()}


def test_gunicorn() -> None:
    """Its table of settings, with their flags."""
    config = pytest.importorskip("gunicorn.config")
    settings = config.KNOWN_SETTINGS
    assert {setting.name for setting in settings} - known(gunicorn.SERVER) == set()
    theirs = {
        flag: setting.action in {None, "append", "store"}
        for setting in settings
        for flag in setting.cli or ()
    }
    assert theirs == {
        flag: takes for flag, takes in ours(gunicorn.SERVER).items() if flag in theirs
    }
    assert set(ours(gunicorn.SERVER)) - set(theirs) == set()


def test_gunicorns_flags_lead_to_its_own_names() -> None:
    config = pytest.importorskip("gunicorn.config")
    flags = flags_of(gunicorn.SERVER)
    for setting in config.KNOWN_SETTINGS:
        for flag in setting.cli or ():
            assert flags[flag].name == setting.name
            assert flags[flag].many == (setting.action == "append")


def test_uvicorn() -> None:
    """Its Config's arguments, and its command's flags."""
    config = pytest.importorskip("uvicorn.config")
    arguments = set(inspect.signature(config.Config.__init__).parameters) - {"self"}
    assert arguments - known(uvicorn.SERVER) == set()
    command = importlib.import_module("uvicorn.main").main
    theirs = {flag: takes for flag, (_, takes) in click_flags(command).items()}
    assert theirs.items() - ours(uvicorn.SERVER).items() == set()


def test_granian() -> None:
    """Its command's parameters and flags."""
    command = pytest.importorskip("granian.cli").cli
    theirs = click_flags(command)
    assert {name for name, _ in theirs.values()} - known(granian.SERVER) == set()
    taken = {flag: takes for flag, (_, takes) in theirs.items()}
    assert taken.items() - ours(granian.SERVER).items() == set()
    flags = flags_of(granian.SERVER)
    assert {flag: name for flag, (name, _) in theirs.items()} == {
        flag: flags[flag].name for flag in theirs
    }


def test_hypercorn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its Config's attributes, and its command's flags."""
    config = pytest.importorskip("hypercorn.config").Config
    attributes = {
        name
        for name in dir(config)
        if not name.startswith("_")
        and (isinstance(getattr(config, name), property) or not callable(getattr(config, name)))
    } - {"log", "ssl_enabled"}
    assert attributes - known(hypercorn.SERVER) == set()
    seen: dict[str, bool] = {}

    def note(parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        for action in parser._actions:
            for flag in action.option_strings:
                seen[flag] = action.nargs != 0
        raise SystemExit

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", note)
    with pytest.raises(SystemExit):
        importlib.import_module("hypercorn.__main__").main([])
    theirs = {flag: takes for flag, takes in seen.items() if flag not in {"-h", "--help"}}
    assert theirs.items() - ours(hypercorn.SERVER).items() == set()


@pytest.mark.parametrize("server", [gunicorn, uvicorn, granian, hypercorn])
def test_each_of_their_flags_is_ours_or_has_an_answer(server: Any) -> None:
    """What `penstock` itself says to a flag, without a migration."""
    from penstock.cli.command import known_flags
    from penstock.cli.foreign import BY_FLAG

    assert set(flags_of(server.SERVER)) - known_flags() - set(BY_FLAG) == set()
