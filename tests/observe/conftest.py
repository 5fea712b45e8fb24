"""Loggers belong to the process: every test here leaves Penstock's as it found them, untouched."""

import logging
import os
import sys
from collections.abc import Iterator

import pytest

LOGGERS = ("penstock", "penstock.error", "penstock.access")


def environment() -> dict[str, str]:
    """For a Python that imports what this one imports, with the buffers that people's have."""
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    return {**inherited, "PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.fixture(autouse=True)
def loggers_as_before() -> Iterator[None]:
    """Take handlers, filters and levels off again after the test."""
    yield
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.filters.clear()
        logger.setLevel(logging.NOTSET)
        logger.propagate = True
        logger.disabled = False
