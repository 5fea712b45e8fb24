"""What the options make of a request behind a proxy: how the scope looks, and what to set."""

from __future__ import annotations

from typing import Any, NamedTuple

from penstock.doctor.findings import HINT, NOTE, WRONG, Finding
from penstock.gateway.forwarded import Forwarding

# Documentation addresses (RFC 5737): a client, and a stranger who claims to be one.
_CLIENT = "203.0.113.7"
_STRANGER = "198.51.100.66"
_SENT = (
    (b"x-forwarded-for", _CLIENT.encode()),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-host", b"shop.example"),
    (b"x-forwarded-prefix", b"/shop"),
)
_FORWARDED = ((b"forwarded", f"for={_CLIENT};proto=https;host=shop.example".encode()),)
# What does the same in the application: (module, class, whose)
_TWICE = {
    ("uvicorn.middleware.proxy_headers", "ProxyHeadersMiddleware"): "uvicorn",
    ("werkzeug.middleware.proxy_fix", "ProxyFix"): "werkzeug",
    ("hypercorn.middleware.proxy_fix", "ProxyFixMiddleware"): "hypercorn",
}
_DEPTH_MAX = 20


class Seen(NamedTuple):
    """What the application is told of one request; `who` sent it."""

    who: str
    client: str
    scheme: str
    host: str
    root_path: str


def table(config: Any) -> list[Seen]:
    """A request of a proxy on this machine, as nginx sends it, and of a stranger with the same
    headers: what the application gets to see of each."""
    family = _FORWARDED if "forwarded" in config.forwarded_headers else _SENT
    return [
        _seen(config, "a proxy on this machine", ("127.0.0.1", 40000), family),
        _seen(config, "a stranger who says the same", (_STRANGER, 40000), family),
    ]


def _seen(config: Any, who: str, client: tuple[str, int], fields: Any) -> Seen:
    forwarding = Forwarding(config, config.root_path, _unsaid, _no_time)
    host = b"10.0.0.5:8000"
    if not forwarding.trust.is_trusted(client, ("127.0.0.1", 8000)):
        return Seen(who, client[0], "http", host.decode(), config.root_path)
    seen, scheme, root_path, told = forwarding.read(client, "http", [(b"host", host), *fields])
    return Seen(who, seen[0] if seen else "-", scheme, (told or host).decode("latin-1"), root_path)


def findings(config: Any, app: Any) -> list[Finding]:
    """What is odd about the options of a proxy, and about an application that does the same again."""
    found: list[Finding] = []
    own, stranger = table(config)
    names = config.forwarded_headers
    if names and stranger.client == _CLIENT:
        found.append(
            Finding(
                WRONG, "everybody is believed: any client can claim any address", "",
                "set --forwarded-allow-ips to the addresses of your proxies, unless the network lets"
                " nobody else in", 100.0,
            )
        )  # fmt: skip
    if names and own.client == _CLIENT and own.host != "shop.example":
        found.append(
            Finding(
                NOTE, "X-Forwarded-Host is not believed: links are built from the host field, which"
                " proxies may replace by their own (proxy_set_header Host $host keeps it)", "",
                "if your proxy sets X-Forwarded-Host, add x-forwarded-host to --forwarded-headers",
            )
        )  # fmt: skip
    whose = doubled(app)
    if whose and names:
        found.append(
            Finding(
                HINT, f"the application reads the proxy's headers a second time ({whose}): a list of"
                " addresses is then walked twice", "",
                f"take {whose} out of the application, or serve it with --forwarded-headers none", 10.0,
            )
        )  # fmt: skip
    return found


def doubled(app: Any) -> str:
    """The name of a proxy middleware around the application, "" if there is none to be seen."""
    for _ in range(_DEPTH_MAX):
        kind = type(app)
        if (kind.__module__, kind.__qualname__) in _TWICE:
            return f"{_TWICE[kind.__module__, kind.__qualname__]}'s {kind.__qualname__}"
        for added in _list(getattr(app, "user_middleware", None)):
            each = getattr(added, "cls", None)
            place = (getattr(each, "__module__", ""), getattr(each, "__qualname__", ""))
            if place in _TWICE:
                return f"{_TWICE[place]}'s {place[1]}"
        inner = next(
            (held for name in ("wsgi_app", "app", "asgi_app")
             if callable(held := vars(app).get(name)) and held is not app),
            None,
        ) if hasattr(app, "__dict__") else None  # fmt: skip
        if inner is None:
            return ""
        app = inner
    return ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _unsaid(_level: str, _text: str) -> None:
    """There is no log here."""


def _no_time() -> float:
    return 0.0
