"""Penstock: the gate between the network and a Python web application (ASGI and WSGI).

    penstock.run(app, port=8000)                          until a signal ends it, as the command line
    await penstock.serve(app, port=8000)                  in a running event loop, until cancelled
    async with penstock.Server(app, port=0) as server:    as long as the block runs, at server.url

Everything else is imported when it is first asked for, so that `import penstock` costs next to
nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock._leg import compiled_modules
    from penstock.config import Config
    from penstock.process.embed import Server, run, serve

__version__ = "0.1.0"

__all__ = ["Config", "Server", "__version__", "compiled_modules", "run", "serve"]

_HOMES = {
    "Config": "penstock.config",
    "Server": "penstock.process.embed",
    "compiled_modules": "penstock._leg",
    "run": "penstock.process.embed",
    "serve": "penstock.process.embed",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
