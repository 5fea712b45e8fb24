"""Options of the health endpoints, and of the watchdog of the event loop; see `options`."""

from __future__ import annotations

from penstock.config.kinds import Option

HEALTH = "Health"

HEALTH_OPTIONS: tuple[Option, ...] = (
    Option(
        "health_bind", "bind", (), HEALTH,
        help="address of the server's own health endpoints /livez, /readyz and /status, as in"
        " 127.0.0.1:9000 or unix:/run/penstock-health.sock; may be repeated",
        reason="most are asked through the application; an address of its own answers also when the"
        " application is full, and stays out of the public's reach",
    ),
    Option(
        "health_path", "texts", (), HEALTH,
        help="path of the application that health checks ask, as in /health; such requests need no free"
        " place under --limit-concurrency; may be repeated",
        reason="only the application knows its paths",
    ),
    Option(
        "drain_delay", "duration", 0, HEALTH,
        help="time from the signal to the begin of the shutdown, in which /readyz says 503 and"
        " everything is served as before; a second signal ends it",
        reason="only load balancers that ask /readyz need it; in Kubernetes two periods of the probe",
    ),
    Option(
        "warn_blocked_loop", "duration", 1, HEALTH,
        help="time the event loop may stand still before a line says what blocks it; 0: nobody watches",
        reason="nobody else is served meanwhile; a loop that does its work stands still for milliseconds",
    ),
)  # fmt: skip
