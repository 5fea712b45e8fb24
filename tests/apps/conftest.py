"""Fixtures of the trials with real frameworks and real clients."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def served_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the applications serve as a file: random, so that nothing compresses or repeats it."""
    path = tmp_path_factory.mktemp("served") / "file.bin"
    path.write_bytes(os.urandom(300_000))
    return path


@pytest.fixture(scope="session", autouse=True)
def _no_proxy() -> Iterator[None]:
    """A proxy that the environment names must not stand between client and server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "*")
        patch.setenv("no_proxy", "*")
        yield
