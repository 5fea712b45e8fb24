"""What the tests of `penstock.testing` share."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.testing import apps

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture
def run() -> Run:
    """Run a coroutine in a loop of its own."""
    return asyncio.run


@pytest.fixture(autouse=True)
def _nothing_noted() -> None:
    apps.ended.clear()
