"""When a worker has had its time: by requests, by age, by memory; each with a spread of its own.

The spread keeps workers that started together from being replaced together. It is thrown once for each
worker, so that what is said about one stays true.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from penstock.config import Config


class Recycling:
    """The limits of `config`. `chance()` is from 0 up to 1."""

    __slots__ = ("_chance", "_config", "_shares")

    def __init__(self, config: Config, chance: Callable[[], float] = random.random) -> None:
        self._config = config
        self._chance = chance
        self._shares: dict[int, float] = {}

    def reason(self, worker: int, requests: int, age_s: float, rss_bytes: int) -> str:
        """Why `worker` is to be replaced by a fresh one, "" if it is not."""
        config = self._config
        share = self._shares.get(worker)
        if share is None:
            # Workers that are gone never come back
            self._shares = {
                number: old for number, old in self._shares.items() if number > worker - 256
            }
            share = self._shares[worker] = self._chance()
        if config.limit_max_requests is not None:
            limit = config.limit_max_requests + int(share * (config.limit_max_requests_jitter + 1))
            if requests >= limit:
                return f"it has served {requests} requests (--limit-max-requests, {limit} with its jitter)"
        if config.limit_max_age is not None:
            limit_s = config.limit_max_age + share * config.limit_max_age_jitter
            if age_s >= limit_s:
                return f"it is {age_s:.0f} s old (--limit-max-age, {limit_s:.0f} s with its jitter)"
        if config.limit_max_rss is not None:
            limit_bytes = config.limit_max_rss + int(share * config.limit_max_rss_jitter)
            if rss_bytes >= limit_bytes:
                return (
                    f"it holds {rss_bytes >> 20} MiB of memory (--limit-max-rss,"
                    f" {limit_bytes >> 20} MiB with its jitter)"
                )
        return ""
