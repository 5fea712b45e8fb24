"""Which files make the certificates of a server, and whether they have changed."""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from penstock.errors import UsageError

# Pairs of certificate and key as certbot and Kubernetes name them, in a folder of their own.
_KNOWN_PAIRS = (("fullchain.pem", "privkey.pem"), ("tls.crt", "tls.key"))
_CERTIFICATE_SUFFIXES = (".pem", ".crt", ".cer")
# A folder with more is not one of certificates, and each is looked at every second.
FOLDER_MAX = 1000


class Pair(NamedTuple):
    """A certificate chain and its private key; `keyfile` is the same file where both stand in one."""

    certfile: str
    keyfile: str


def pairs(settings: Any) -> list[Pair]:
    """The certificates that the options name, the default one first. UsageError says what is wrong."""
    certfiles, keyfiles = settings.ssl_certfile, settings.ssl_keyfile
    if keyfiles and len(keyfiles) != len(certfiles):
        raise UsageError(
            f"--ssl-keyfile is given {len(keyfiles)} times and --ssl-certfile {len(certfiles)} times",
            "give each certificate its key, in the same order, or all keys in the files of the"
            " certificates",
        )
    found = [Pair(*each) for each in zip(certfiles, keyfiles or certfiles, strict=True)]
    if settings.ssl_cert_dir is not None:
        found += _in_folder(settings.ssl_cert_dir)
        if not found:
            raise UsageError(
                f"--ssl-cert-dir {settings.ssl_cert_dir}: there is no certificate with its key",
                "it takes NAME.pem with NAME.key beside it or the key in it, and folders with"
                " fullchain.pem and privkey.pem, or tls.crt and tls.key",
            )
    return found


def _in_folder(folder: str) -> list[Pair]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise UsageError(f"--ssl-cert-dir {folder}: {error.strerror or error}") from None
    if len(names) > FOLDER_MAX:
        raise UsageError(f"--ssl-cert-dir {folder} holds more than {FOLDER_MAX} files")
    found = list(_known_pairs(folder))
    for name in names:
        path = os.path.join(folder, name)
        # Hidden ones are Kubernetes' own: links to them are what is meant
        if name.startswith(".") or path in {part for pair in found for part in pair}:
            continue
        if os.path.isdir(path):
            found += _known_pairs(path)
            continue
        stem, suffix = os.path.splitext(path)
        if suffix in _CERTIFICATE_SUFFIXES:
            keyfile = stem + ".key"
            if os.path.exists(keyfile):
                found.append(Pair(path, keyfile))
            elif _holds_key(path):
                found.append(Pair(path, path))
    return found


def _known_pairs(folder: str) -> Iterator[Pair]:
    for names in _KNOWN_PAIRS:
        certfile, keyfile = (os.path.join(folder, name) for name in names)
        if os.path.exists(certfile) and os.path.exists(keyfile):
            yield Pair(certfile, keyfile)


def _holds_key(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return b"PRIVATE KEY-----" in file.read(1 << 20)
    except OSError:
        return False


def signature(settings: Any) -> tuple[Any, ...]:
    """What changes when one of the files does: for each its path, inode, size and time of change.

    Looks at the file system, and never raises: a file that is gone is a change, too.
    """
    paths = [*settings.ssl_certfile, *settings.ssl_keyfile]
    paths += [path for path in (settings.ssl_ca_certs, settings.ssl_crl) if path is not None]
    if settings.ssl_cert_dir is not None:
        try:
            paths += [part for pair in _in_folder(settings.ssl_cert_dir) for part in pair]
        except UsageError:
            paths.append(settings.ssl_cert_dir)
    found: list[Any] = []
    for path in paths:
        try:
            seen = os.stat(path)
        except OSError as error:
            found.append((path, error.errno))
        else:
            found.append((path, seen.st_ino, seen.st_size, seen.st_mtime_ns))
    return tuple(found)
