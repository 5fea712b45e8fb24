"""Options of TLS; a part of the table in `options`."""

from __future__ import annotations

from penstock.config.kinds import Option

TLS = "TLS"

TLS_OPTIONS: tuple[Option, ...] = (
    Option(
        "ssl_certfile", "path", None, TLS, optional=True, room="tls",
        aliases=("--certfile", "--ssl-certificate"),
        help="certificate chain, PEM",
        reason="without a certificate there is no TLS",
    ),
    Option(
        "ssl_keyfile", "path", None, TLS, optional=True, room="tls", aliases=("--keyfile",),
        help="private key, PEM",
        reason="it may stand in the certificate's file",
    ),
    Option(
        "ssl_keyfile_password", "text", None, TLS, optional=True, room="tls",
        aliases=("--keyfile-password",),
        help="password of the private key",
        reason="keys of servers mostly have none",
    ),
    Option(
        "ssl_ca_certs", "path", None, TLS, optional=True, room="tls",
        aliases=("--ca-certs", "--ssl-ca"),
        help="certificates that client certificates are checked against",
        reason="client certificates are rare",
    ),
    Option(
        "ssl_cert_reqs", "count", 0, TLS, unit="level of the ssl module", high=2, room="tls",
        aliases=("--cert-reqs",),
        help="client certificates: 0 none, 1 optional, 2 required",
        reason="client certificates are rare",
    ),
    Option(
        "ssl_ciphers", "text", None, TLS, optional=True, room="tls", aliases=("--ciphers",),
        help="cipher suites, in OpenSSL's form",
        reason="OpenSSL's own choice ages better than a list",
    ),
    Option(
        "timeout_tls_handshake", "duration", 15, TLS, room="tls",
        help="time for the TLS handshake",
        reason="several round trips over a poor link, and an end for those who never finish",
    ),
)  # fmt: skip
