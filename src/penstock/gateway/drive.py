"""The application's call as a task runs it: from its start to its end, whatever it raises.

This is the pure twin of `_drive.pyx`, and the contract of both.
"""

from typing import Any


async def drive(exchange: Any, app: Any, scope: Any) -> None:
    """Await `app(scope, exchange.receive, exchange.send)`, then call `exchange.app_ended(exc)`.

    `exc` is what escaped the application, also a `SystemExit` or a `CancelledError` (ERR-12, A16):
    nothing that an application raises may end the loop; None if it returned. Only a GeneratorExit
    passes, since it comes from whoever throws the task away.
    """
    try:
        await app(scope, exchange.receive, exchange.send)
    except GeneratorExit:
        raise
    except BaseException as exc:
        exchange.app_ended(exc)
    else:
        exchange.app_ended(None)
