"""Which driver runs: the native one on the compiled leg, else its pure twin."""

from penstock import compiled_modules
from penstock.gateway import drive, driving


def test_the_driver_is_that_of_the_leg() -> None:
    """Both twins have one contract, tried in `test_drive`."""
    native = "penstock.gateway._drive" in compiled_modules()
    assert (driving.drive is not drive.drive) is native
