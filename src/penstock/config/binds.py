"""Which binds a server has: what `--bind`, `--uds`, `--fd`, `--host` and `--port` say together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock.config.addresses import Bind, FdAddress, TcpAddress, UnixAddress, parse_bind
from penstock.errors import UsageError

if TYPE_CHECKING:
    from penstock.config.config import Source


def binds_of(values: Mapping[str, Any], sources: Mapping[str, Source]) -> tuple[Bind, ...]:
    """Addresses of the highest source that names any; lower sources do not add to them.

    So `--bind` overrides the `$PORT` of the environment. What one source says twice in two
    ways, as `--bind` and `--port` on one command line do, is refused. With a certificate every
    bind but the Unix sockets speaks TLS, unless some are marked with `?tls`: then those that are.
    """
    found = _said(values, sources)
    _refuse_repeated(found)
    if values.get("proxy_protocol"):
        found = [bind._replace(proxy_protocol=True) for bind in found]
    with_certificate = bool(
        values["ssl_certfile"] or values["ssl_cert_dir"] is not None or values["dev_cert"]
    )
    return tuple(secured(found, with_certificate))


def has_certificate(settings: Any) -> bool:
    """Whether a Config names a certificate, so that TLS can be spoken."""
    return bool(settings.ssl_certfile or settings.ssl_cert_dir is not None or settings.dev_cert)


def _said(values: Mapping[str, Any], sources: Mapping[str, Source]) -> list[Bind]:
    places = ("bind", "uds", "fd")
    rank = max(sources[name].rank for name in (*places, "host", "port"))
    said = [
        name for name in places if sources[name].rank == rank and sources[name].place != "default"
    ]
    said = [name for name in said if values[name] not in {None, ()}]
    if not said:
        return [Bind(TcpAddress(values["host"], values["port"]))]
    for name in ("host", "port"):
        if sources[name].rank == rank:
            raise UsageError(
                f"{sources[name].place} and {sources[said[0]].place} both say where to listen",
                f"write --bind {TcpAddress(values['host'], values['port'])} to have it as well",
            )
    found: list[Bind] = []
    if "bind" in said:
        found += [parse_bind(text) for text in values["bind"]]
    if "uds" in said:
        found.append(Bind(UnixAddress(values["uds"])))
    if "fd" in said:
        found.append(Bind(FdAddress(values["fd"])))
    return found


def _refuse_repeated(found: list[Bind]) -> None:
    addresses = [bind.address for bind in found]
    for address in addresses:
        chosen_by_system = isinstance(address, TcpAddress) and address.port == 0
        if addresses.count(address) > 1 and not chosen_by_system:
            raise UsageError(f"{address} is given twice as an address to listen on", "remove one")


def secured(found: list[Bind], with_certificate: bool) -> list[Bind]:
    """The binds, those that speak TLS marked. UsageError for TLS without a certificate, and for
    redirects that lead nowhere."""
    if not with_certificate:
        for bind in found:
            if bind.tls or bind.redirect:
                raise UsageError(
                    f"--bind {bind} needs a certificate",
                    "give --ssl-certfile FILE and --ssl-keyfile FILE, or --dev-cert",
                )
        return found
    if not any(bind.tls for bind in found):
        found = [
            bind
            if bind.redirect or isinstance(bind.address, UnixAddress)
            else bind._replace(tls=True)
            for bind in found
        ]
    redirects = [bind for bind in found if bind.redirect]
    if redirects and not any(bind.tls for bind in found):
        raise UsageError(
            f"--bind {redirects[0]} redirects to https, and no other bind speaks it",
            "add one that does, as in --bind '0.0.0.0:443?tls'",
        )
    return found
