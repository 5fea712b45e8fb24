"""A session and the `h2` library as its client: whatever happens in whatever order, both see the same."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.http2_pairs import run


@pytest.mark.parametrize("seed", range(8))
def test_both_sides_see_the_same(seed: int) -> None:
    """Long runs: requests, bodies both ways, resets, settings, windows of all sizes, reads of any cut."""
    run(Random(seed), 150)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_both_sides_see_the_same_in_short(seed: int, steps: int) -> None:
    """Short runs, which shrink."""
    run(Random(seed), steps)
