"""From a request's path to names below a folder, or to a refusal; pure (A12).

Decoded once, and never normalised: a path that would have to be is refused. Clients resolve `..`
themselves, so an honest one never sends it.
"""

from __future__ import annotations

import os

WINDOWS = os.name == "nt"
_HEX = frozenset(b"0123456789abcdefABCDEF")
_SLASH = 0x2F
# Names of devices in every folder of Windows, whatever their ending.
_DEVICES = frozenset(("con", "prn", "aux", "nul", "conin$", "conout$", "clock$")).union(
    f"{name}{number}" for name in ("com", "lpt") for number in "0123456789\xb9\xb2\xb3"
)
# RFC 8615: the one hidden folder that is meant for everybody.
_WELL_KNOWN = ".well-known"


def decode(raw_path: bytes) -> tuple[str, bool]:
    """The path as people read it, and whether a file may have it. None has a path with a broken
    escape, bytes that are no (shortest) UTF-8, a control character, a backslash, or an encoded slash;
    the text shows then only which route is meant.
    """
    clean = True
    if b"%" in raw_path:
        pieces = raw_path.split(b"%")
        decoded = [pieces[0]]
        for piece in pieces[1:]:
            if _HEX.issuperset(piece[:2]) and len(piece) > 1:
                octet = int(piece[:2], 16)
                # Encoded, it is part of a name, and no name has one (RFC 3986 section 2.2)
                clean = clean and octet != _SLASH
                decoded.append(bytes((octet,)) + piece[2:])
            else:
                clean = False
                decoded.append(b"%" + piece)
        raw_path = b"".join(decoded)
    try:
        path = raw_path.decode("utf-8")
    except UnicodeDecodeError:
        return raw_path.decode("utf-8", "replace"), False
    return path, clean and "\\" not in path and _no_controls(path)


def _no_controls(path: str) -> bool:
    return path.isprintable() or all(char >= " " and not "\x7f" <= char <= "\x9f" for char in path)


def segments(rest: str, *, hidden: bool, windows: bool = WINDOWS) -> list[str] | None:
    """The names in a path below a folder: `rest` begins with a slash. None where one of them is refused.

    A last name of "" says that the path ends with a slash. Refused are empty names, `.` and `..`;
    without `hidden`, names that begin with a dot (but not /.well-known); and with `windows` whatever
    would mean something else there: drives and streams (`:`), devices, dots and blanks at the end.
    """
    names = rest.split("/")[1:]
    last = len(names) - 1
    for place, name in enumerate(names):
        if not name:
            if place != last:
                return None
        elif name[0] == "." and (
            name in {".", ".."} or not (hidden or (name == _WELL_KNOWN and place == 0))
        ):
            return None
        if windows and name and not _safe_on_windows(name):
            return None
    return names


def _safe_on_windows(name: str) -> bool:
    stem = name.partition(".")[0].rstrip(" ").lower()
    return not (set(name) & set('<>:"|?*') or name[-1] in ". " or stem in _DEVICES)


def below(path: str, route: str) -> str | None:
    """What of `path` is below `route` ("" for all), from its slash on; "" for the route itself; None
    where it is not below: `/static../x` and `/staticx` are not below `/static`."""
    if not route:
        return path
    if not path.startswith(route):
        return None
    rest = path[len(route) :]
    return rest if not rest or rest[0] == "/" else None
