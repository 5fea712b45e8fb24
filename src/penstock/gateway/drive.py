"""The application's call as a task runs it: from its start to its end, whatever it raises.

This is the pure twin of `_drive.pyx`, and the contract of both.
"""

from typing import Any


async def drive(exchange: Any, app: Any, scope: Any) -> None:
    """Await `app(scope, exchange.receive, exchange.send)`, then call `exchange.app_ended(exc)`.

    `exc` is what escaped the application, also a `SystemExit`, a `CancelledError` or a
    `GeneratorExit` (ERR-12, A16): nothing that an application raises may end the loop or leave its
    client without an answer; None if it returned.
    """
    try:
        await app(scope, exchange.receive, exchange.send)
    except BaseException as exc:
        exchange.app_ended(exc)
    else:
        exchange.app_ended(None)
