"""Servers as processes: what does not start says why, and nothing stays behind."""

import sys
from pathlib import Path

import pytest

from penstock.conformance.server_presets import PRESETS, custom
from penstock.conformance.server_process import Servers, StartFailed, version_of
from penstock.conformance.server_trial import Skip

DIES = "import sys; print('no such luck'); sys.exit(3)"


def test_a_server_that_ends_at_once_is_told_with_its_last_words() -> None:
    servers = Servers(custom([sys.executable, "-c", DIES, "{app}", "{port}"], "dying"))
    try:
        with pytest.raises(StartFailed, match="ended with 3") as failed:
            servers.shared("plain")
        assert "no such luck" in failed.value.hint
    finally:
        servers.close()


def test_a_command_that_does_not_exist_is_told() -> None:
    servers = Servers(custom(["/no/such/program", "{app}", "{port}"]))
    with pytest.raises(StartFailed, match="cannot be started"):
        servers.start()


def test_what_a_command_does_not_say_is_skipped() -> None:
    servers = Servers(custom(["serve", "{app}", "{port}"]))
    with pytest.raises(Skip):
        servers.shared("tls")


def test_versions_are_those_of_the_packages() -> None:
    assert version_of("click") and not version_of("no-such-package")


@pytest.mark.slow
def test_a_server_answers_tells_its_scopes_and_is_gone_afterwards() -> None:
    servers = Servers(PRESETS["penstock"])
    try:
        server = servers.shared("plain")
        assert servers.shared("plain") is server
        for kind, wanted in (
            ("http", "http"),
            ("websocket", "websocket"),
            ("lifespan", "lifespan"),
        ):
            assert server.live(kind)["type"] == wanted
        folder = Path(server.folder)
        assert server.stop() == 0
    finally:
        servers.close()
    assert not folder.exists()
