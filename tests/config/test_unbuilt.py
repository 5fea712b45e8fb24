"""What is not built is refused, from every source, and never ignored."""

from pathlib import Path

import pytest

from penstock.config import Config, sources
from penstock.config.kinds import Option
from penstock.config.options import OPTIONS
from penstock.config.unbuilt import ROOMS
from penstock.errors import UsageError

UNBUILT = [option for option in OPTIONS if option.room]
# A value that asks for something, for each kind
ASKED = {"flag": "true", "count": "2", "duration": "7s", "text": "x", "path": "x", "texts": "x"}


@pytest.mark.parametrize("option", UNBUILT, ids=lambda option: option.name)
def test_an_option_without_its_room_is_refused_with_the_reason(option: Option) -> None:
    raw = ASKED[option.kind]
    with pytest.raises(UsageError) as seen:
        sources.load({option.name: (raw, option.spelling)}, {}, Path("/nowhere"))
    assert str(seen.value) == f"{option.spelling} cannot be used yet: {ROOMS[option.room]}"
    assert seen.value.exit_code == 2
    with pytest.raises(UsageError, match=f"PENSTOCK_{option.name.upper()} cannot be used yet"):
        sources.load({}, {f"PENSTOCK_{option.name.upper()}": raw}, Path("/nowhere"))


@pytest.mark.parametrize("option", UNBUILT, ids=lambda option: option.name)
def test_a_value_that_asks_for_nothing_is_no_use_of_it(option: Option) -> None:
    """`reload = false` in a file says what happens anyway."""
    assert Config(None, **{option.name: option.default})  # type: ignore[arg-type]


def test_the_number_of_workers_that_platforms_set_is_refused_too() -> None:
    with pytest.raises(UsageError, match=r"\$WEB_CONCURRENCY cannot be used yet"):
        sources.load({}, {"WEB_CONCURRENCY": "2"}, Path("/nowhere"))
