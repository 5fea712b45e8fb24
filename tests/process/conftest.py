"""The command, started in a folder that has an application to serve."""

import stat
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


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """The test's folder, where other users can reach it: pytest keeps its folders to itself."""
    for folder in (tmp_path, *tmp_path.parents):
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode & 0o005 == 0o005:
            break
        folder.chmod(mode | 0o055)
    return tmp_path
