"""Options of TLS; a part of the table in `options`."""

from __future__ import annotations

from penstock.config.kinds import Option

TLS = "TLS"

TLS_OPTIONS: tuple[Option, ...] = (
    Option(
        "ssl_certfile", "paths", (), TLS, aliases=("--certfile", "--ssl-certificate"),
        help="certificate chain, PEM; may be repeated: clients choose by name, the first is the default",
        reason="without a certificate there is no TLS",
    ),
    Option(
        "ssl_keyfile", "paths", (), TLS, aliases=("--keyfile",),
        help="private key, PEM; repeated in the order of the certificates",
        reason="it may stand in the certificate's file",
    ),
    Option(
        "ssl_keyfile_password", "secret", None, TLS, optional=True,
        aliases=("--keyfile-password",),
        help="password of the private keys",
        reason="keys of servers mostly have none",
    ),
    Option(
        "ssl_cert_dir", "path", None, TLS, optional=True,
        help="folder of certificates with their keys, chosen by name",
        reason="most servers have one certificate",
    ),
    Option(
        "ssl_ca_certs", "path", None, TLS, optional=True, aliases=("--ca-certs", "--ssl-ca"),
        help="certificates that client certificates are checked against: a PEM file, or OpenSSL's"
        " folder of them",
        reason="client certificates are rare",
    ),
    Option(
        "ssl_cert_reqs", "choice", "none", TLS, choices=("none", "optional", "required"),
        synonyms={"0": "none", "1": "optional", "2": "required", "cert_none": "none",
                  "cert_optional": "optional", "cert_required": "required"},
        aliases=("--cert-reqs", "--verify-mode"),
        help="whether clients show a certificate; the ssl module's 0, 1 and 2 are understood",
        reason="client certificates are rare",
    ),
    Option(
        "ssl_crl", "path", None, TLS, optional=True,
        help="revoked client certificates: the CRL of their issuer, PEM",
        reason="most authorities for clients publish none",
    ),
    Option(
        "ssl_min_version", "choice", "1.2", TLS, choices=("1.2", "1.3"),
        synonyms={"tls1.2": "1.2", "tlsv1.2": "1.2", "tlsv1_2": "1.2", "tls1.3": "1.3",
                  "tlsv1.3": "1.3", "tlsv1_3": "1.3"},
        aliases=("--ssl-protocol-min",),
        help="oldest version of TLS that is spoken",
        reason="older ones are out of use (RFC 8996); 1.3 alone locks out clients from before 2018",
    ),
    Option(
        "ssl_ciphers", "text", None, TLS, optional=True, aliases=("--ciphers",),
        help="cipher suites of TLS 1.2, in OpenSSL's form",
        reason="those with forward secrecy and authenticated encryption; TLS 1.3 has no others",
    ),
    Option(
        "dev_cert", "flag", False, TLS,
        help="serve https with a certificate for localhost, made once and kept",
        reason="it is for development: browsers trust it only when told to",
    ),
    Option(
        "redirect_port", "count", None, TLS, unit="port number", low=1, high=65535, optional=True,
        help="port in the address that ?redirect binds send to, none: the port of the TLS bind",
        reason="it differs only behind a port forwarding",
    ),
    Option(
        "limit_tls_handshakes", "count", 1000, TLS, unit="handshakes", low=1,
        help="TLS handshakes under way at once; beyond them new connections wait to be accepted",
        reason="many times what is under way on a busy server, and bounded memory for stalled ones",
    ),
    Option(
        "timeout_tls_handshake", "duration", 15, TLS,
        help="time for the TLS handshake",
        reason="several round trips over a poor link, and an end for those who never finish",
    ),
)  # fmt: skip
