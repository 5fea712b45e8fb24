"""What is not built is refused, whatever source it comes from, and never ignored."""

import pytest

from penstock.config import Config, Source
from penstock.config import unbuilt as module
from penstock.config.config import ENVIRONMENT, GIVEN, Setting
from penstock.config.options import BY_NAME
from penstock.errors import UsageError

WAITING = BY_NAME["preload"]._replace(room="tomorrow")


@pytest.fixture(autouse=True)
def a_room_that_is_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.ROOMS, "tomorrow", "it comes tomorrow")


@pytest.mark.parametrize(
    "source", [Source(GIVEN, "--preload"), Source(ENVIRONMENT, "$PENSTOCK_PRELOAD")]
)
def test_an_option_without_its_room_is_refused_with_the_reason(source: Source) -> None:
    with pytest.raises(UsageError) as seen:
        Config.of([Setting(WAITING, "true", source)])
    assert str(seen.value) == f"{source.place} cannot be used yet: it comes tomorrow"
    assert seen.value.exit_code == 2


def test_a_value_that_asks_for_nothing_is_no_use_of_it() -> None:
    """`preload = false` in a file says what happens anyway."""
    assert not Config.of([Setting(WAITING, "false", Source(GIVEN, "--preload"))]).preload
