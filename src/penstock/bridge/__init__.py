"""Between sync and async, WSGI and ASGI, and between other servers and this one.

Applications and functions, under asgiref's names, each imported when it is first asked for:

sync             sync_to_async, async_to_sync: to_async, to_sync; what travels with a call: here, local
wsgi, asgi       WSGI applications as ASGI ones, ASGI applications as WSGI ones; mount puts either under the other
compatibility    ASGI 2 as ASGI 3            server    StatelessServer
outbox, threads, loop_thread, current_thread_executor   the ways between threads and event loops

Other servers' configuration, read and written as ours:

migration   tells what each source is, merges them, makes the text of penstock.toml
draft       what becomes of a configuration: options, and lines for what has none
rules       how one setting of another server becomes an option
gunicorn, uvicorn, hypercorn, granian, uwsgi, unit    one server each: its settings, its defaults
arguments, commands, pyfile                           command lines, and files that hold them; Python files
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.bridge.asgi import AsgiToWsgi
    from penstock.bridge.compatibility import (
        double_to_single_callable,
        guarantee_single_callable,
        is_double_callable,
    )
    from penstock.bridge.current_thread_executor import CurrentThreadExecutor
    from penstock.bridge.local import Local
    from penstock.bridge.mount import AsgiMounts, WsgiMounts
    from penstock.bridge.server import StatelessServer
    from penstock.bridge.sync import (
        AsyncSingleThreadContext,
        AsyncToSync,
        SyncToAsync,
        ThreadSensitiveContext,
        async_to_sync,
        iscoroutinefunction,
        markcoroutinefunction,
        sync_to_async,
    )
    from penstock.bridge.wsgi import WsgiToAsgi

__all__ = [
    "AsgiMounts",
    "AsgiToWsgi",
    "AsyncSingleThreadContext",
    "AsyncToSync",
    "CurrentThreadExecutor",
    "Local",
    "StatelessServer",
    "SyncToAsync",
    "ThreadSensitiveContext",
    "WsgiMounts",
    "WsgiToAsgi",
    "async_to_sync",
    "double_to_single_callable",
    "guarantee_single_callable",
    "is_double_callable",
    "iscoroutinefunction",
    "markcoroutinefunction",
    "sync_to_async",
]

_HOMES = {
    "AsgiMounts": "mount",
    "AsgiToWsgi": "asgi",
    "CurrentThreadExecutor": "current_thread_executor",
    "Local": "local",
    "StatelessServer": "server",
    "WsgiMounts": "mount",
    "WsgiToAsgi": "wsgi",
    "double_to_single_callable": "compatibility",
    "guarantee_single_callable": "compatibility",
    "is_double_callable": "compatibility",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'sync')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
