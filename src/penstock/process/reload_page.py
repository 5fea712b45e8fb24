"""What a browser sees while the application cannot be started, under `--reload` only.

A page with the reason and the traceback for whoever asks for HTML, the same as plain text for
everybody else, both with status 500. The traceback goes to the network, so this is for development:
nothing but `--reload` makes such a page.
"""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

# The end of a traceback is what says where it went wrong.
TRACEBACK_CHARS_MAX = 100_000

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 3rem auto; padding: 0 1rem }}
h1 {{ font-size: 1.4rem }}
pre {{ font: 14px/1.45 ui-monospace, monospace; overflow-x: auto; padding: 1rem;
      border-left: .3rem solid #c33; background: #8881 }}
</style>
<h1>{title}</h1>
{hint}<pre>{detail}</pre>
<p>Penstock starts the application again when a file changes.</p>
</html>
"""
_POLICY = b"default-src 'none'; style-src 'unsafe-inline'"

Message = MutableMapping[str, Any]


class Problem(NamedTuple):
    """Why there is no application: one sentence, what to do about it or "", a traceback or ""."""

    title: str
    hint: str = ""
    detail: str = ""

    @property
    def text(self) -> str:
        """All of it, as for a terminal."""
        parts = (self.detail[-TRACEBACK_CHARS_MAX:].rstrip(), self.title, self.hint)
        return "\n".join(part for part in parts if part)


def as_html(problem: Problem) -> str:
    """The page. Everything that comes from the application is escaped."""
    return _PAGE.format(
        title=html.escape(problem.title),
        hint=f"<p>{html.escape(problem.hint)}</p>\n" if problem.hint else "",
        detail=html.escape(problem.detail[-TRACEBACK_CHARS_MAX:].rstrip() or problem.title),
    )


def as_text(problem: Problem) -> str:
    """The same for whoever does not ask for HTML."""
    return f"{problem.text}\nPenstock starts the application again when a file changes.\n"


def application(
    problem: Problem,
) -> Callable[[Any, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Any]:
    """An ASGI application that answers everything with `problem`; WebSockets are refused."""

    async def app(
        scope: Any,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1011})
            return
        if wants_html(scope["headers"]):
            kind, body = b"text/html; charset=utf-8", as_html(problem)
        else:
            kind, body = b"text/plain; charset=utf-8", as_text(problem)
        data = body.encode("utf-8", "replace")
        headers = [
            (b"content-type", kind),
            (b"content-length", b"%d" % len(data)),
            (b"cache-control", b"no-store"),
            (b"content-security-policy", _POLICY),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": 500, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    return app


def wants_html(headers: Any) -> bool:
    """Whether the client asks for HTML by name, as browsers do for a page (RFC 9110 section 12.5.1)."""
    return any(name == b"accept" and b"text/html" in value.lower() for name, value in headers)
