"""Runs trials for a time; each has a seed of its own, so that a find can be looked at alone."""

import argparse
import secrets
import time
from collections.abc import Callable
from random import Random


def run(about: str | None, trial: Callable[[Random], None]) -> None:
    """Read the command line and run. A failing trial says its seed; `--seed` runs just that one."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    if options.seed is not None:
        trial(Random(options.seed))
        return
    end = time.monotonic() + options.seconds
    first = seed = secrets.randbits(48)
    while time.monotonic() < end:
        try:
            trial(Random(seed))
        except BaseException:
            print(f"found with --seed {seed}")
            raise
        seed += 1
    print(f"{seed - first} trials, nothing found")
