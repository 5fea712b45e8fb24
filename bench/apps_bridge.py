"""One WSGI application behind three adapters, each made when a server asks for it."""

from __future__ import annotations

from typing import Any

from bench.apps import wsgi_hello


def __getattr__(name: str) -> Any:
    if name == "penstock":
        from penstock.bridge import WsgiToAsgi

        return WsgiToAsgi(wsgi_hello)
    if name == "asgiref":
        import asgiref.wsgi

        adapter: Any = asgiref.wsgi.WsgiToAsgi
        return adapter(wsgi_hello)
    if name == "a2wsgi":
        from a2wsgi import WSGIMiddleware

        application: Any = wsgi_hello
        return WSGIMiddleware(application)
    raise AttributeError(name)
