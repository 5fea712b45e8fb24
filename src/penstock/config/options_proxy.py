"""Options of a server behind a proxy; a part of the table in `options`."""

from __future__ import annotations

from penstock.config.kinds import Option

PROXY = "Behind a proxy"

PROXY_OPTIONS: tuple[Option, ...] = (
    Option(
        "proxy_headers", "flag", True, PROXY,
        help="believe X-Forwarded-For and X-Forwarded-Proto of a trusted proxy",
        reason="what uvicorn does; only peers of --forwarded-allow-ips are believed",
    ),
    Option(
        "forwarded_allow_ips", "trusted", "127.0.0.1", PROXY, env=("FORWARDED_ALLOW_IPS",),
        help="comma-separated addresses, networks or socket paths of trusted proxies; *: everyone",
        reason="a proxy on the same machine; whoever else is believed can claim any address",
    ),
)  # fmt: skip
