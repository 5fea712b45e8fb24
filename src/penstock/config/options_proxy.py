"""Options of a server behind a proxy; a part of the table in `options`."""

from __future__ import annotations

from penstock.config.kinds import Option

PROXY = "Behind a proxy"

PROXY_OPTIONS: tuple[Option, ...] = (
    Option(
        "proxy_headers", "flag", True, PROXY,
        help="believe the --forwarded-headers of a trusted proxy; off is --forwarded-headers none",
        reason="what uvicorn does; only peers of --forwarded-allow-ips are believed",
    ),
    Option(
        "forwarded_headers", "forwarded", "x-forwarded-for,x-forwarded-proto", PROXY,
        help="which headers of a trusted proxy are believed: any of x-forwarded-for, -proto, -host, -port,"
        " -prefix; x-forwarded for all five; forwarded (RFC 7239); none",
        reason="what nearly every proxy sets; it passes on what clients send in those that it does not set,"
        " so name only what yours sets",
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
