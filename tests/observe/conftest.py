"""Loggers belong to the process: every test here leaves Penstock's as it found them, untouched."""

import logging
from collections.abc import Iterator

import pytest

LOGGERS = ("penstock", "penstock.error", "penstock.access")


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
