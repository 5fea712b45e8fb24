"""`Config`: the values of all options, immutable and checked, and where each came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from penstock.config.addresses import Bind
from penstock.config.binds import binds_of
from penstock.config.kinds import Option
from penstock.config.nearest import nearest
from penstock.config.options import BY_NAME, OPTIONS
from penstock.config.typed import Values
from penstock.errors import UsageError

if TYPE_CHECKING:
    from typing import Self, Unpack

    from penstock.config.typed import Keywords

# Where a value came from; a higher rank wins.
DEFAULT, FILE, ENVIRONMENT, GIVEN = range(4)


class Source(NamedTuple):
    """Where a value came from: `rank` orders sources, `place` names it for a person."""

    rank: int
    place: str  # "default", "penstock.toml: port", "$PORT", "--port", "port=" (a Python keyword)


class Setting(NamedTuple):
    """One raw value from one source."""

    option: Option
    raw: object
    source: Source


_BY_DEFAULT = Source(DEFAULT, "default")


class Config(Values):
    """The options of one server.

    `Config(app, port=0, timeout_keep_alive="75s")` takes each option of docs/options.md by keyword,
    as number or text, and reads no file and no environment (`sources.load` does). Durations are held
    in seconds, sizes in bytes, None means no limit. UsageError says what is wrong with a value.

    Attributes besides the options:
        sources    option's name → Source of its value
        listeners  the binds: where to listen and how, from bind, uds, fd, host and port
    """

    __slots__ = ("listeners", "sources")

    listeners: tuple[Bind, ...]
    sources: Mapping[str, Source]

    def __init__(self, app: Any = None, **options: Unpack[Keywords]) -> None:
        given: dict[str, object] = dict(options)
        if app is not None:
            given["app"] = app
        self._settle(
            Setting(_known(name), raw, Source(GIVEN, f"{name}=")) for name, raw in given.items()
        )

    @classmethod
    def of(cls, settings: Iterable[Setting]) -> Self:
        """Return the Config of `settings`; of several for one option the highest rank counts,
        among equals the last.
        """
        config = cls.__new__(cls)
        config._settle(settings)
        return config

    @classmethod
    def problems(cls, settings: Iterable[Setting]) -> list[UsageError]:
        """All that `of` would refuse: each wrong value, or what is wrong between values."""
        found: list[UsageError] = []
        counting = chosen(settings)
        for setting in counting.values():
            try:
                _read(setting)
            except UsageError as error:
                found.append(error)
        if not found:
            try:
                cls.of(counting.values())
            except UsageError as error:
                found.append(error)
        return found

    def replace(self, **options: Unpack[Keywords]) -> Self:
        """Return a copy with `options` changed, checked as in the constructor."""
        kept = [
            Setting(option, getattr(self, name), self.sources[name])
            for name, option in BY_NAME.items()
            if self.sources[name].rank != DEFAULT
        ]
        given: dict[str, object] = dict(options)
        kept += [
            Setting(_known(name), raw, Source(GIVEN, f"{name}=")) for name, raw in given.items()
        ]
        return self.of(kept)

    def _settle(self, settings: Iterable[Setting]) -> None:
        counting = chosen(settings)
        values: dict[str, Any] = {}
        sources: dict[str, Source] = {}
        for option in OPTIONS:
            given = counting.get(option.name)
            values[option.name] = option.parse(option.default) if given is None else _read(given)
            sources[option.name] = _BY_DEFAULT if given is None else given.source
        _derive(values, sources)
        _check(values, sources)
        for name, value in values.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "sources", MappingProxyType(sources))
        object.__setattr__(self, "listeners", binds_of(values, sources))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"Config does not change: use config.replace({name}={value!r})")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"Config does not change: {name} stays")

    def __repr__(self) -> str:
        changed = (name for name, source in self.sources.items() if source.rank != DEFAULT)
        shown = (
            f"{name}={BY_NAME[name].show(getattr(self, name))}"
            if BY_NAME[name].kind == "secret"
            else f"{name}={getattr(self, name)!r}"
            for name in changed
        )
        return f"Config({', '.join(shown)})"


def chosen(settings: Iterable[Setting]) -> dict[str, Setting]:
    """Of several settings for one option the one that counts."""
    counting: dict[str, Setting] = {}
    for setting in settings:
        before = counting.get(setting.option.name)
        if before is None or setting.source.rank >= before.source.rank:
            counting[setting.option.name] = setting
    return counting


def _known(name: str) -> Option:
    option = BY_NAME.get(name)
    if option is None:
        close = nearest(name, BY_NAME)
        raise UsageError(
            f"there is no option {name!r}",
            f"did you mean {close}?" if close else "docs/options.md lists all of them",
        )
    return option


def _read(setting: Setting) -> Any:
    option, raw, source = setting
    try:
        return option.parse(raw)
    except ValueError as error:
        raise UsageError(f"{source.place}: {error}", _kubernetes(source, raw)) from None


def _kubernetes(source: Source, raw: object) -> str:
    """A service named penstock makes Kubernetes set PENSTOCK_PORT=tcp://10.0.0.1:80 in every pod."""
    if source.place == "$PENSTOCK_PORT" and isinstance(raw, str) and raw.startswith("tcp://"):
        return (
            "Kubernetes sets it for a service named penstock:"
            " set enableServiceLinks: false in the pod, or give --port"
        )
    return ""


def _derive(values: dict[str, Any], sources: dict[str, Source]) -> None:
    """Fill in the defaults that depend on other values."""
    if sources["port"].place == "$PORT" and sources["host"].rank == DEFAULT:
        # Platforms that set $PORT reach the server from outside its container
        values["host"] = "0.0.0.0"
    shutdown_s = values["timeout_graceful_shutdown"]
    for name, share in (("timeout_disconnect_grace", 3), ("timeout_lifespan_shutdown", 6)):
        if sources[name].rank == DEFAULT:
            values[name] = min(values[name], shutdown_s / share)
    named, switch = sources["forwarded_headers"], sources["proxy_headers"]
    if not values["proxy_headers"] and switch.rank >= named.rank:
        if named.rank == switch.rank and values["forwarded_headers"]:
            raise UsageError(
                f"{switch.place} and {named.place} contradict each other", "remove one of them"
            )
        values["forwarded_headers"] = ()
    # A header that the user writes himself would otherwise go out twice
    names = {name for name, _ in values["header"]}
    values["server_header"] = values["server_header"] and b"server" not in names
    values["date_header"] = values["date_header"] and b"date" not in names


# What a single process cannot do to itself.
_OF_WORKERS = ("limit_max_requests", "limit_max_age", "limit_max_rss", "preload")


def _check(values: Mapping[str, Any], sources: Mapping[str, Source]) -> None:
    """Refuse values that contradict each other."""
    shutdown_s = values["timeout_graceful_shutdown"]
    for name in ("timeout_disconnect_grace", "timeout_lifespan_shutdown"):
        if values[name] > shutdown_s:
            raise UsageError(
                f"{sources[name].place}: {values[name]:g} s is more than the whole shutdown of"
                f" {shutdown_s:g} s, of which it is a part",
                "raise --timeout-graceful-shutdown, or lower it",
            )
    if values["workers"] is None and not values["reload"]:
        for name in _OF_WORKERS:
            if values[name]:
                raise UsageError(
                    f"{sources[name].place} is about worker processes, and this is one process"
                    " without a supervisor",
                    "add --workers N; 1 is enough for it",
                )
