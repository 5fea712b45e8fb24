"""Command lines and their placeholders."""

import sys

import pytest

from penstock.conformance.server_presets import KINDS, PRESETS, command_of, custom, filled
from penstock.conformance.server_trial import Unusable


@pytest.mark.parametrize("name", PRESETS)
def test_presets_say_where_the_application_and_the_port_stand(name: str) -> None:
    for kind in KINDS:
        words = command_of(PRESETS[name], kind)
        if words is not None:
            mark = "{socket}" if kind == "unix" else "{port}"
            assert "{app}" in words and any(mark in word for word in words)


def test_a_command_of_ones_own() -> None:
    preset = custom(["/opt/bin/serve", "{app}", "--port={port}"])
    assert preset.name == "serve" and command_of(preset, "tls") is None
    words = filled(command_of(preset, "plain") or (), {"app": "a:b", "port": "1"})
    assert words == ["/opt/bin/serve", "a:b", "--port=1"]
    assert filled(("{python}",), {}) == [sys.executable]


@pytest.mark.parametrize("words", [["serve", "{app}"], ["serve", "--port", "{port}"]])
def test_a_command_without_a_placeholder_is_refused(words: list[str]) -> None:
    with pytest.raises(Unusable, match="the command lacks"):
        custom(words)
