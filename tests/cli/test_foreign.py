"""Flags of other servers: each has its line."""

from collections import Counter

import pytest

from penstock.cli.command import known_flags
from penstock.cli.foreign import BARE, BY_FLAG, FOREIGN, Foreign


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda foreign: foreign.flags[-1])
def test_every_foreign_flag_says_whose_it_is_and_what_replaces_it(foreign: Foreign) -> None:
    assert foreign.server
    assert foreign.instead
    assert foreign.parameter.isidentifier()
    assert all(flag.startswith("-") for flag in foreign.flags)
    assert BARE not in foreign.harmless or not foreign.takes_value


def test_no_flag_is_foreign_and_ours_or_foreign_twice() -> None:
    count = Counter(flag for foreign in FOREIGN for flag in foreign.flags)
    assert [flag for flag in count if count[flag] > 1] == []
    assert known_flags() & set(BY_FLAG) == set()


def test_no_two_share_a_parameter() -> None:
    assert len({foreign.parameter for foreign in FOREIGN}) == len(FOREIGN)


def test_what_is_named_as_a_replacement_exists() -> None:
    """Words with two dashes in the advice are flags of ours."""
    named = {
        word.strip(".,;:()")
        for foreign in FOREIGN
        for word in foreign.instead.split()
        if word.startswith("--")
    }
    assert named - known_flags() == set()


@pytest.mark.parametrize(
    "flag",
    [
        "--http",
        "--ws",
        "--h11-max-incomplete-event-size",
        "--reset-contextvars",
        "--ssl-version",
        "-k",
        "--worker-class",
        "--worker-connections",
        "--limit-request-field_size",
        "--chdir",
        "--pythonpath",
        "-D",
        "--daemon",
        "-e",
        "--env",
        "--access-log-fmt",
        "--log-syslog",
        "--capture-output",
        "--statsd-host",
        "--paste",
        "--quic-bind",
        "--insecure-bind",
        "--backpressure",
        "--runtime-mode",
        "--http1-keep-alive",
        "--url-path-prefix",
        "--endpoint",
        "--unix-socket",
        "--verbosity",
        "--http-timeout",
    ],
)
def test_the_flags_that_people_bring_along_are_there(flag: str) -> None:
    assert flag in BY_FLAG
