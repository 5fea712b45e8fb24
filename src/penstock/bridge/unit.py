"""NGINX Unit's configuration, as its control API and its state hold it in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.bridge import rules
from penstock.bridge.draft import Draft, Said
from penstock.bridge.rules import Server, Setting, by, moot, no, to

_ISOLATION = no("isolate it where it is started: systemd, a container")
_ONE = "one server serves one application"


def given_of(document: Mapping[str, Any], origin: str) -> dict[str, Said]:
    """Settings by name: `listeners`, `routes`, `access_log`, those of its Python application as
    `application.x`, those of `settings.http` as `http.x`. ValueError if there is no such application.
    """
    found = {
        name: Said(document[name], f"{origin}: {name}")
        for name in ("listeners", "routes", "access_log", "upstreams", "certificates")
        if name in document
    }
    applications = {
        name: each
        for name, each in dict(document.get("applications", {})).items()
        if str(each.get("type", "")).startswith("python")
    }
    if not applications:
        raise ValueError("it has no application of type python")
    name = _first_passed(document, applications)
    for key, value in applications.pop(name).items():
        inner = value if key in {"limits", "options"} and isinstance(value, dict) else {"": value}
        for part, each in inner.items():
            full = f"application.{key}.{part}".rstrip(".")
            found[full] = Said(each, f"{origin}: applications/{name}/{key}")
    if applications:
        found["applications"] = Said(sorted(applications), f"{origin}: applications")
    settings = document.get("settings", {})
    for key, value in dict(settings.get("http", {})).items():
        found[f"http.{key}"] = Said(value, f"{origin}: settings/http/{key}")
    return found


def _first_passed(document: Mapping[str, Any], applications: Mapping[str, Any]) -> str:
    """The application that a listener passes to directly, else the first."""
    for listener in dict(document.get("listeners", {})).values():
        kind, _, name = str(listener.get("pass", "")).partition("/")
        if kind == "applications" and name.partition("/")[0] in applications:
            return name.partition("/")[0]
    return next(iter(applications))


def _listeners(draft: Draft, setting: str, said: Said) -> None:
    binds: list[str] = []
    trusted: list[str] = []
    for address, listener in dict(said.value).items():
        binds.append(rules.bind(address.replace("*", "0.0.0.0", 1), 80))
        if "tls" in listener:
            draft.leave(
                f"{setting}/{address}/tls",
                "certificates are kept inside Unit: export them, then ssl-certfile, ssl-keyfile",
            )
        forwarded = listener.get("forwarded") or listener.get("client_ip") or {}
        trusted += rules.texts(forwarded.get("source")) or []
    draft.put("bind", binds, setting)
    if trusted:
        draft.put("forwarded_allow_ips", ",".join(dict.fromkeys(trusted)), f"{setting}: forwarded")


def _routes(draft: Draft, setting: str, said: Said) -> None:
    """Static files of routes that match by one path; whatever else routes do is told."""
    lists = said.value if isinstance(said.value, dict) else {"": said.value}
    mounts: list[str] = []
    for steps in lists.values():
        for step in steps:
            action = step.get("action", {})
            mount = _mount(step.get("match", {}), action)
            if mount:
                mounts.append(mount)
            elif not str(action.get("pass", "")).startswith(("applications/", "routes/")):
                draft.leave(
                    f"{setting}: {rules.shown(step)}", "the application or the proxy routes"
                )
    if mounts:
        draft.put("static", mounts, setting)


def _mount(match: Mapping[str, Any], action: Mapping[str, Any]) -> str:
    """`/route=folder` of a step that shares files under one path, "" for others."""
    shares = rules.texts(action.get("share")) or []
    paths = rules.texts(match.get("uri")) or ["/*"]
    if len(shares) != 1 or len(paths) != 1 or not set(match) <= {"uri"}:
        return ""
    route = paths[0].removesuffix("*").rstrip("/")
    if "$uri" not in shares[0] or "*" in route or shares[0].count("$") > 1:
        return ""
    folder = shares[0].replace("$uri", route) or "/"
    settings = []
    if action.get("index"):
        settings.append(f"index={action['index']}")
    if "fallback" in action and route:
        settings.append("missing=app")
    return f"{route or '/'}={folder}" + (f"?{'&'.join(settings)}" if settings else "")


def _app(draft: Draft, setting: str, said: Said) -> None:
    name = draft.value("application.callable", "application")
    draft.put("app", f"{said.value}:{name}", f"{setting} = {said.value}")


def _beside(_draft: Draft, _setting: str, _said: Said) -> None:
    """Read with the setting that it belongs to."""


def _path(draft: Draft, setting: str, said: Said) -> None:
    first, *more = rules.texts(said.value) or [""]
    draft.put("app_dir", first, f"{setting} = {first}")
    if more:
        draft.leave(
            f"{setting} = {', '.join(more)}", "one folder is added: set PYTHONPATH for more"
        )


def _processes(draft: Draft, setting: str, said: Said) -> None:
    if isinstance(said.value, dict):
        draft.put("workers", int(said.value.get("max", 1)), setting)
        draft.leave(
            f"{setting} = {said.value}", "the number of workers is fixed: the most is taken"
        )
    else:
        draft.put("workers", int(said.value), f"{setting} = {said.value}")


def _access_log(draft: Draft, setting: str, said: Said) -> None:
    path = said.value.get("path") if isinstance(said.value, dict) else said.value
    draft.put("access_log", True, setting)
    draft.put("access_log_file", str(path), f"{setting} = {path}")
    if isinstance(said.value, dict) and "format" in said.value:
        draft.leave(f"{setting}/format", "its variables are its own: see access-log-format")


def _environment(draft: Draft, setting: str, said: Said) -> None:
    draft.leave(
        f"{setting}: {', '.join(said.value)}", 'write them into a file, and env-file = "that file"'
    )


SETTINGS: tuple[Setting, ...] = (
    Setting("listeners", by(_listeners, "`bind`; `forwarded-allow-ips` of `forwarded`; certificates"
            " have to be exported")),
    Setting("routes", by(_routes, "`static` for shares under one path; none for other steps")),
    Setting("upstreams", no("the proxy balances")),
    Setting("certificates", no("export them: ssl-certfile, ssl-keyfile")),
    Setting("access_log", by(_access_log, "`access-log`, `access-log-file`")),
    Setting("applications", no(_ONE)),
    Setting("application.type", moot("the penstock of that Python is what is started")),
    Setting("application.module", by(_app, "`app`")),
    Setting("application.callable", by(_beside, "`app`")),
    Setting("application.protocol", to("interface", lambda value:
            {"asgi": "asgi3", "wsgi": "wsgi"}[value])),
    Setting("application.factory", to("factory", rules.only_on)),
    Setting("application.path", by(_path, "`app-dir`")),
    Setting("application.home", no("start the penstock of that environment: its bin/penstock")),
    Setting("application.prefix", to("root_path", rules.text)),
    Setting("application.processes", by(_processes, "`workers`")),
    Setting("application.threads", to("threads", rules.number)),
    Setting("application.thread_stack_size", no("threading.stack_size in the application")),
    Setting("application.limits.timeout", no("min-rate and timeouts bound clients; a response may take"
            " its time")),
    Setting("application.limits.requests", to("limit_max_requests", rules.count)),
    Setting("application.user", to("user", rules.text)),
    Setting("application.group", to("group", rules.text)),
    Setting("application.working_directory", no("start it in that folder; app-dir makes modules of"
            " another importable")),
    Setting("application.environment", by(_environment, "`env-file` names a file with them")),
    Setting("application.stdout", no("> FILE in the shell, or systemd's StandardOutput")),
    Setting("application.stderr", to("log_file", rules.text)),
    Setting("application.isolation", _ISOLATION),
    Setting("application.targets", no(_ONE)),
    Setting("http.max_body_size", to("limit_request_body", rules.size)),
    Setting("http.header_read_timeout", to("timeout_request_head", rules.duration)),
    Setting("http.body_read_timeout", no("min-rate bounds slow clients")),
    Setting("http.send_timeout", no("min-rate bounds slow clients")),
    Setting("http.idle_timeout", to("timeout_keep_alive", rules.duration)),
    Setting("http.server_version", moot("the server header names no version")),
    Setting("http.discard_unsafe_fields", moot("what could be read in two ways is refused")),
    Setting("http.log_route", no("the proxy or the application routes")),
    Setting("http.static", moot("media types are Penstock's own")),
    Setting("http.chunked_transform", moot("chunked bodies are taken")),
)  # fmt: skip


def finish(draft: Draft) -> None:
    """What Unit does unless told otherwise, and Penstock does not."""
    if "application.processes" not in draft.given:
        draft.put("workers", 1, "processes", "Unit's default")
    if "application.threads" not in draft.given and draft.value("application.protocol") != "asgi":
        draft.put("threads", 1, "threads", "Unit's default: one request at a time")
    if "access_log" not in draft.given:
        draft.put("access_log", False, "access_log", "Unit's default")


SERVER = Server("unit", SETTINGS, finish)
