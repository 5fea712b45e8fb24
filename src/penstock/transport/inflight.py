"""The requests under way: which, for how long, and where each stands; for the log.

For whoever has to end them by force, or to explain why nothing goes on: the shutdown, the watchdog,
and the supervisor before it kills a worker. All of it only looks, from any thread, at whatever
state there is, and raises nothing.
"""

from typing import Any

from penstock.gateway.driving import exchange_of
from penstock.transport.worker import request_line

# Described one by one, the oldest first; beyond them a count. A worker may have 10,000.
LINES_MAX = 20


def in_flight(worker: Any, now: float, lines_max: int = LINES_MAX) -> list[str]:
    """A line for each request of `worker` under way, the oldest first, then how many more there are:
    "GET /path, 3.2 s, waits at file:line function". `now`: the loop's clock, in seconds.
    """
    try:
        found = _exchanges(worker)
        found.sort(key=lambda each: _age(each[0], now), reverse=True)
    except Exception as error:
        return [f"the requests under way cannot be listed: {error!r}"]
    lines = [describe(exchange, now, note) for exchange, note in found[:lines_max]]
    if len(found) > lines_max:
        lines.append(f"and {len(found) - lines_max} more")
    return lines


def describe(exchange: Any, now: float, note: str = "") -> str:
    """One line about an exchange: request, age, and where the application's call stands."""
    try:
        return f"{name(exchange)}{note}, {_age(exchange, now):.1f} s, waits at {exchange.where()}"
    except Exception as error:
        return f"a request that cannot be described: {error!r}"


def name(exchange: Any) -> str:
    """Method and path of an exchange, `WebSocket` for the method where that is what it is."""
    line = request_line(exchange)
    if hasattr(exchange, "close_code"):
        return f"WebSocket {line.partition(' ')[2]}"
    return line


def _exchanges(worker: Any) -> list[tuple[Any, str]]:
    """Every exchange under way, with a note where its client is not there any more."""
    found = {}
    for connection in list(worker.connections):
        for exchange in connection.exchanges():
            found[id(exchange)] = (exchange, "")
    # Applications whose clients have left run on without a connection.
    alone = [exchange_of(task.get_coro()) for task in list(worker.service.runtime.tasks)]
    if worker.pool is not None:
        alone += worker.pool.running()
    for exchange in alone:
        if exchange is not None:
            found.setdefault(id(exchange), (exchange, " (its client has left)"))
    return list(found.values())


def _age(exchange: Any, now: float) -> float:
    return max(now - getattr(exchange, "began", now), 0.0)
