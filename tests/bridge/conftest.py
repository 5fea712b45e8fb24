"""The threads that the bridges keep for later end with each test."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _threads_end() -> Iterator[None]:
    yield
    to_async: Any = sys.modules.get("penstock.bridge.to_async")
    to_sync: Any = sys.modules.get("penstock.bridge.to_sync")
    kept = [to_async.SINGLE] if to_async else []
    if to_sync:
        kept += to_sync.SPARE
        to_sync.SPARE.clear()
    for threads in kept:
        for thread in threads.stop():
            thread.join()
