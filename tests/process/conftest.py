"""The command, started in a folder that has an application to serve."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command import APPLICATION, Process


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Process]:
    (tmp_path / "trial.py").write_text(APPLICATION)

    def started(*arguments: str, **environ: str) -> Process:
        return Process(tmp_path, *arguments, **environ)

    return started
