"""How many CPUs this process may really use: affinity, and the limit of its control group.

A container's limit is a share of time, not a set of CPUs, and `os.cpu_count()` does not know it: on a
machine with 64 of them a container that may use two would get 64 workers.

    cgroup v2   cpu.max                                       "max 100000", or microseconds per period
    cgroup v1   cpu.cfs_quota_us, cpu.cfs_period_us           -1, or microseconds per period

Limits count in every group from the process's own up to the root; the lowest one holds.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator


def usable(root: str = "/") -> int:
    """The number, at least 1. A part of a CPU counts as a whole one: half of it still serves.

    `root`: where `proc` and `sys` are, for tests.
    """
    found = [float(_affinity()), *_quotas(root)]
    return max(math.ceil(min(found)), 1)


def _affinity() -> int:
    ask = getattr(os, "sched_getaffinity", None)
    return len(ask(0)) if ask is not None else (os.cpu_count() or 1)


def _quotas(root: str) -> Iterator[float]:
    """CPUs that the limits allow."""
    for line in _read(os.path.join(root, "proc/self/cgroup")).splitlines():
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        if number == "0" and not controllers:
            yield from _up(os.path.join(root, "sys/fs/cgroup"), path, _v2)
        elif "cpu" in controllers.split(","):
            for name in dict.fromkeys((controllers, "cpu,cpuacct", "cpu")):
                yield from _up(os.path.join(root, "sys/fs/cgroup", name), path, _v1)


def _up(mount: str, path: str, limit: Callable[[str], float | None]) -> Iterator[float]:
    """What the group at `path` and those above it allow. In a container the path may be the host's
    and not be there; the container's own group is then the root of what is mounted."""
    parts = [part for part in path.split("/") if part not in {"", ".."}]
    for count in range(len(parts), -1, -1):
        allowed = limit(os.path.join(mount, *parts[:count]))
        if allowed is not None:
            yield allowed


def _v2(folder: str) -> float | None:
    quota, _, period = _read(os.path.join(folder, "cpu.max")).strip().partition(" ")
    return _ratio(quota, period or "100000")


def _v1(folder: str) -> float | None:
    quota = _read(os.path.join(folder, "cpu.cfs_quota_us")).strip()
    return _ratio(quota, _read(os.path.join(folder, "cpu.cfs_period_us")).strip())


def _ratio(quota: str, period: str) -> float | None:
    if not (quota.isdigit() and period.isdigit()) or int(period) == 0 or int(quota) == 0:
        return None
    return int(quota) / int(period)


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
