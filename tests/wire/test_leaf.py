"""Callers of the leaf functions get the native ones where they were built, else the pure ones."""

import sys

import pytest

from penstock._leg import leg
from penstock.wire import leaf, scan
from tests.twins import pure


@pytest.mark.parametrize("name", leaf.__all__)
def test_the_leg_decides_which_twin_it_is(name: str) -> None:
    wanted = "penstock.wire.scan" if leg() == "pure" else "penstock.wire._scan"
    assert getattr(leaf, name) is getattr(sys.modules[wanted], name)


@pytest.mark.parametrize("name", leaf.__all__)
def test_without_the_native_ones_there_are_the_pure_ones(name: str) -> None:
    """The tree that is loaded from Python alone runs on the pure twins."""
    assert getattr(pure("penstock.wire.leaf"), name).__module__ == "penstock_pure.wire.scan"
    assert hasattr(scan, name)
