"""Folders of static files and the routes they are served under: the value of the option `static`.

Written as `/route=folder`, with settings behind a question mark (`/=dist?spa&except=/api`), or in TOML
and Python as a mapping of routes to folders, or to tables with a `folder` and the same settings.
Parsers raise ValueError with what was seen and what would be understood.
"""

from __future__ import annotations

# ruff: noqa: TRY004 - ValueError is the one error of parsers, for wrong types too
import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from penstock.config import units
from penstock.config.nearest import nearest

CACHE_WORDS = ("revalidate", "off", "hashed", "immutable")
_ON = frozenset({"", "1", "true", "yes", "on"})
_OFF = frozenset({"0", "false", "no", "off"})


class Mount(NamedTuple):
    """One folder under one route.

    - `route`: as in `/assets`, "" for all paths. `folder`: absolute path.
    - `missing`: who answers for what is not in the folder: `"404"`, or `"app"`.
    - `cache`: one of `CACHE_WORDS`, or seconds as text.
    - `index_file`: the file that stands for its folder, "" for none. `spa`: the file of the folder that
      answers page loads for which there is no file, "" for none.
    - `precompressed`: siblings `.br`, `.zst`, `.gz` are served. `symlinks`: those that stay inside are
      followed. `hidden`: names that begin with a dot are served.
    - `besides`: routes within this one that are the application's.
    """

    route: str
    folder: str
    missing: str = "404"
    cache: str = "revalidate"
    index_file: str = "index.html"
    spa: str = ""
    precompressed: bool = True
    symlinks: bool = True
    hidden: bool = False
    besides: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The flag's form, without what is by default."""
        said = []
        if self.missing != _missing(self.route):
            said.append(f"missing={self.missing}")
        if self.cache != "revalidate":
            said.append(f"cache={self.cache}")
        if self.index_file != "index.html":
            said.append(f"index={self.index_file or 'off'}")
        if self.spa:
            said.append("spa" if self.spa == "index.html" else f"spa={self.spa}")
        for name, value in (("precompressed", self.precompressed), ("symlinks", self.symlinks)):
            if not value:
                said.append(f"{name}=off")
        if self.hidden:
            said.append("hidden")
        said += [f"except={route}" for route in self.besides]
        settings = "?" + "&".join(said) if said else ""
        return f"{self.route or '/'}={self.folder}{settings}"


def _missing(route: str) -> str:
    # Who mounts a folder on all paths still has an application to be reached.
    return "404" if route else "app"


def parse_mounts(raw: object) -> tuple[Mount, ...]:
    """All mounts of one source: a list of texts, one text with spaces or commas between, or a mapping."""
    if isinstance(raw, str):
        mounts = [_of_text(text) for text in raw.replace(",", " ").split()]
    elif isinstance(raw, Mapping):
        mounts = [_of_entry(str(route), value) for route, value in raw.items()]
    elif isinstance(raw, list | tuple):
        mounts = [_of_item(item) for item in raw]
    else:
        raise ValueError(f"{raw!r} is no list of '/route=folder'")
    routes = [mount.route for mount in mounts]
    for route in routes:
        if routes.count(route) > 1:
            raise ValueError(f"{route or '/'} is there twice: a route has one folder")
    return tuple(mounts)


def _of_item(item: object) -> Mount:
    if isinstance(item, Mount):
        return item
    if isinstance(item, tuple) and len(item) == len(Mount._fields):
        # As one process hands it to another
        return Mount(*item)
    if isinstance(item, str):
        return _of_text(item)
    if isinstance(item, Mapping):
        return _of_entry("", item)
    raise ValueError(f"{item!r} is no '/route=folder'")


def _of_text(text: str) -> Mount:
    route, found, rest = text.partition("=")
    if not found:
        raise ValueError(
            f"{text!r} names no folder: write /route=folder, as in /assets=dist/assets"
        )
    folder, _, settings = rest.partition("?")
    pairs = []
    for setting in filter(None, settings.split("&")):
        key, _, value = setting.partition("=")
        pairs.append((key, value))
    return _mount(route, folder, pairs)


def _of_entry(route: str, value: object) -> Mount:
    if isinstance(value, str | os.PathLike):
        return _mount(route, os.fspath(value), ())
    if not isinstance(value, Mapping):
        raise ValueError(
            f"{value!r} is no folder: write {route} = 'folder', or a table with a folder"
        )
    table = dict(value)
    route = table.pop("route", route)
    folder = table.pop("folder", None)
    if not isinstance(folder, str | os.PathLike):
        raise ValueError(f"{value!r} names no folder: add folder = 'path'")
    pairs: list[tuple[str, object]] = []
    for key, setting in table.items():
        each = setting if isinstance(setting, list | tuple) else [setting]
        pairs += [(key.replace("_", "-"), one) for one in each]
    return _mount(route, os.fspath(folder), pairs)


def _mount(route: object, folder: object, pairs: Iterable[tuple[str, object]]) -> Mount:
    checked = _route(route)
    if not isinstance(folder, str) or not folder or "\0" in folder:
        raise ValueError(f"{folder!r} is no folder: write /route=folder")
    if not os.path.isdir(folder):
        raise ValueError(f"{folder!r} is no folder, seen from {os.getcwd()}")
    values: dict[str, Any] = {"missing": _missing(checked)}
    besides: list[str] = []
    for key, value in pairs:
        reader = _SETTINGS.get(key)
        if key == "except":
            besides.append(_besides(value, checked))
        elif reader is None:
            close = nearest(key, [*_SETTINGS, "except"])
            raise ValueError(
                f"{key!r} is no setting of a folder"
                + (f"; did you mean {close}?" if close else f": {', '.join(_SETTINGS)}, except")
            )
        else:
            values["index_file" if key == "index" else key] = reader(key, value)
    return Mount(checked, os.path.abspath(folder), besides=tuple(besides), **values)


def _route(raw: object) -> str:
    if not isinstance(raw, str) or not raw.startswith("/"):
        raise ValueError(f"{raw!r} is no route: it starts with a slash, as in /assets")
    route = raw.rstrip("/")
    segments = route.split("/")[1:]
    if not all(segments) or {".", ".."} & set(segments):
        raise ValueError(f"{raw!r} is no route: it has an empty, '.' or '..' part")
    if any(mark in route for mark in "?#%\\") or not route.isprintable():
        raise ValueError(
            f"{raw!r} is no route: write the path as people read it, without query, % or backslash"
        )
    return route


def _besides(raw: object, route: str) -> str:
    inner = _route(raw)
    if not inner.startswith(route + "/"):
        raise ValueError(f"except={raw!r} is not within the route {route or '/'}")
    return inner


def _on_off(key: str, raw: object) -> bool:
    word = raw.strip().lower() if isinstance(raw, str) else raw
    if raw is True or word in _ON:
        return True
    if raw is False or word in _OFF:
        return False
    raise ValueError(f"{key}={raw!r} is neither on nor off")


def _word(key: str, raw: object) -> str:
    words = ("404", "app")
    if str(raw) in words:
        return str(raw)
    raise ValueError(f"{key}={raw!r} is not one of {', '.join(words)}")


def _cache(key: str, raw: object) -> str:
    if isinstance(raw, str) and raw in CACHE_WORDS:
        return raw
    try:
        return str(int(units.parse_duration(raw)))
    except ValueError:
        raise ValueError(
            f"{key}={raw!r} is none of {', '.join(CACHE_WORDS)}, nor a time like 1h"
        ) from None


def _file(key: str, raw: object, usual: str) -> str:
    """The name of a file of the folder; on and off are understood as well."""
    if raw is True or raw == "":
        return usual
    if raw is False or (isinstance(raw, str) and raw in _OFF):
        return ""
    if not isinstance(raw, str) or raw in {".", ".."} or any(mark in raw for mark in "/\\\0"):
        raise ValueError(f"{key}={raw!r} is no name of a file of the folder")
    return raw


_SETTINGS: dict[str, Any] = {
    "missing": _word,
    "cache": _cache,
    "index": lambda key, raw: _file(key, raw, "index.html"),
    "spa": lambda key, raw: _file(key, raw, "index.html"),
    "precompressed": _on_off,
    "symlinks": _on_off,
    "hidden": _on_off,
}
