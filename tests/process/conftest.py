"""The command, started in a folder that has an application to serve."""

import tempfile
from collections.abc import Callable, Iterator
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
def open_folder() -> Iterator[Path]:
    """A folder that other users can reach: pytest keeps its own to itself, time and again."""
    with tempfile.TemporaryDirectory(prefix="penstock-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
