"""The public surface is small, pinned, and cheap to import."""

import json

import pytest

import penstock
from tests.command import python


def test_the_public_names_are_these() -> None:
    assert penstock.__all__ == [
        "Config", "Server", "__version__", "compiled_modules", "run", "serve",
    ]  # fmt: skip
    for name in penstock.__all__:
        assert getattr(penstock, name) is not None
        assert name in dir(penstock)
    with pytest.raises(AttributeError, match="no attribute 'Sever'"):
        penstock.Sever


def test_importing_it_imports_nothing_else() -> None:
    done = python("import json, sys, penstock; print(json.dumps(sorted(sys.modules)))")
    modules = json.loads(done.stdout)
    assert [name for name in modules if name.startswith("penstock")] == ["penstock"]
    assert "asyncio" not in modules
    assert "socket" not in modules
