"""What a worker counts, as plain numbers: for the status page, and for metrics.

Nothing here is counted per request that is simply served: what is counted is rare, or costs its own
connection anyway.
"""

from typing import Any

# Upper ends of the histogram of stalls of the event loop, in seconds; one more bucket has no end.
STALL_BUCKETS_S = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Counters:
    """The numbers of one worker since its start; each is written by one thread only.

    - `refused_clients`: connections over --limit-connections-per-client.
    - `queued`: requests that waited for a free place. `refused_full`: 503 because the queue was
      full; `refused_late`: because no place came free in time; `refused_websockets`: because of
      --limit-websockets. `refused_bad`: requests that were refused for what they are (400, 431 ...).
    - `cut_readers`: clients that were cut because they did not read.
    - `stalls`: times that something blocked the event loop; `stall_s`: how long in all;
      `stall_longest_s`; `stall_buckets`: how many lasted up to each of STALL_BUCKETS_S, and longer.
    - `starved`: times that the loop could not run for want of CPU; `starved_s`: how long in all.
    """

    __slots__ = (
        "cut_readers",
        "queued",
        "refused_bad",
        "refused_clients",
        "refused_full",
        "refused_late",
        "refused_websockets",
        "stall_buckets",
        "stall_longest_s",
        "stall_s",
        "stalls",
        "starved",
        "starved_s",
    )

    def __init__(self) -> None:
        self.cut_readers = 0
        self.queued = 0
        self.refused_bad = 0
        self.refused_clients = 0
        self.refused_full = 0
        self.refused_late = 0
        self.refused_websockets = 0
        self.stalls = 0
        self.stall_s = 0.0
        self.stall_longest_s = 0.0
        self.stall_buckets = [0] * (len(STALL_BUCKETS_S) + 1)
        self.starved = 0
        self.starved_s = 0.0

    def stalled(self, seconds: float) -> None:
        """The loop was blocked for so long."""
        self.stalls += 1
        self.stall_s += seconds
        self.stall_longest_s = max(self.stall_longest_s, seconds)
        bucket = 0
        while bucket < len(STALL_BUCKETS_S) and seconds > STALL_BUCKETS_S[bucket]:
            bucket += 1
        self.stall_buckets[bucket] += 1

    def as_dict(self) -> dict[str, Any]:
        """All of them by name."""
        numbers: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        numbers["stall_buckets"] = list(self.stall_buckets)
        return numbers
