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
    Option(
        "proxy_protocol", "flag", False, PROXY,
        help="each connection begins with a PROXY protocol header (version 1 or 2), on every bind;"
        " --bind 'ADDRESS?proxy': on this one",
        reason="a server cannot tell whether a proxy sends it, and who is believed can claim any address",
    ),
    Option(
        "timeout_proxy_protocol", "duration", 5, PROXY,
        help="time for the PROXY header of a connection; then it is closed",
        reason="the proxy sends it at once; its protocol's text asks for 3 s or more, for a lost packet",
    ),
)  # fmt: skip
