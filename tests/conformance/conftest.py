"""The crooked server, for the tests of all areas."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.crooked import Crooked, crooked_server


@pytest.fixture
def crooked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crooked]:
    """A crooked server in this process. What its application does wrong on purpose is not logged."""
    logger = logging.getLogger("penstock")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    folder: Path = tmp_path_factory.mktemp("crooked")
    with crooked_server(folder) as server:
        yield server
    logger.setLevel(level)
