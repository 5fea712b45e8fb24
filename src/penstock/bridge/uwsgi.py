"""uWSGI's settings, of its INI files and its command line: those that people use for Python.

uWSGI has over a thousand; the others are told as they stand.
"""

from __future__ import annotations

import os
import re
from typing import Any

from penstock.bridge import rules
from penstock.bridge.draft import Draft, NoCounterpart, Said
from penstock.bridge.rules import Rule, Server, Setting, by, hidden, moot, no, to

_PLACEHOLDER = re.compile(r"%\(([\w.-]+)\)")
_GREEN = no("nothing is patched to be cooperative: WSGI runs in threads, ASGI on the event loop")
_QUEUES = no("run long jobs and schedules in a task queue of their own, or by systemd timers")
_CHEAPER = no("the number of workers is fixed; signals TTIN and TTOU change it")
_HOOK = no("run it before or after, as ExecStartPre, ExecStopPost or in the entrypoint")
_ROUTING = no("the application or the proxy routes")
_STAYS = no("it stays in the foreground: start it from systemd or a container")
_VENV = no("start the penstock of that environment: its bin/penstock")
_ANYWAY = moot("it is what happens anyway")
_SLOW = "for the event loop: a slow request in a thread of WSGI is not cut"


def parse(text: str) -> list[tuple[str, str]]:
    """Key and value of each line of the section [uwsgi], placeholders filled in; ValueError if there
    is no such section."""
    pairs: list[tuple[str, str]] = []
    inside = seen = False
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped[0] in ";#":
            continue
        if stripped.startswith("["):
            inside = stripped.lower() == "[uwsgi]"
            seen = seen or inside
        elif inside:
            key, _, value = stripped.partition("=")
            pairs.append((key.strip(), value.strip()))
    if not seen:
        raise ValueError("it has no section [uwsgi]")
    return _filled(pairs)


def _filled(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs with `%(name)` filled in by what stands above; without names that are only that."""
    known: dict[str, str] = {}
    used: set[str] = set()

    def stands_for(match: re.Match[str]) -> str:
        used.add(match[1])
        return known.get(match[1], match[0])

    found = []
    for key, value in pairs:
        known[key] = _PLACEHOLDER.sub(stands_for, value)
        found.append((key, known[key]))
    settings = {setting.name for setting in SETTINGS} | set(ALIASES)
    return [(key, value) for key, value in found if key not in used or key in settings]


def given_of(pairs: list[tuple[str, str]], origin: str) -> dict[str, Said]:
    """Settings by name, from keys as they are written; those that may be repeated as lists."""
    many = {setting.name for setting in SETTINGS if setting.many}
    found: dict[str, Said] = {}
    for key, value in pairs:
        written = key.replace("_", "-")
        name = ALIASES.get(written, written)
        if name in many:
            before = found[name].value if name in found else []
            found[name] = Said([*before, value], f"{origin}: {key}")
        else:
            found[name] = Said(value or "true", f"{origin}: {key}")
    return found


def command(words: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Keys and values of a command line, and the configuration files that it names."""
    pairs: list[tuple[str, str]] = []
    files: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            files.append(word)
            continue
        key, equals, value = word.lstrip("-").partition("=")
        if not equals and rest and not rest[0].startswith("-"):
            value = rest.pop(0)
        if key in {"ini", "i"}:
            files.append(value)
        else:
            pairs.append((SHORT.get(key, key), value))
    return pairs, files


def _address(value: str) -> str:
    if value.isdigit():
        return f":{value}"
    if "/" in value:
        return f"unix:{value.removeprefix('unix:')}"
    if value.startswith("@"):
        return f"unix:{value}"
    return rules.bind(value, 80)


def _bind(draft: Draft, setting: str, said: Said) -> None:
    before = draft.lines["bind"].value if "bind" in draft.lines else []
    found = [_address(each.split(",")[0]) for each in rules.texts(said.value) or ()]
    draft.put("bind", [*before, *found], f"{setting} = {rules.shown(said.value)}")


def _socket(draft: Draft, setting: str, said: Said) -> None:
    _bind(draft, setting, said)
    if draft.value("protocol", "uwsgi") != "http":
        draft.remarks.append(
            f"{setting}: uWSGI's own protocol was spoken there, now it is HTTP. In nginx, write"
            " proxy_pass http://unix:/path; or http://host:port; in place of uwsgi_pass."
        )


def _https(draft: Draft, setting: str, said: Said) -> None:
    for each in rules.texts(said.value) or ():
        address, *files = each.split(",")
        before = draft.lines["bind"].value if "bind" in draft.lines else []
        draft.put("bind", [*before, f"{_address(address)}?tls"], f"{setting} = {each}")
        for option, file in zip(("ssl_certfile", "ssl_keyfile"), files, strict=False):
            draft.put(option, [file], f"{setting} = {each}")
        if len(files) > 2:
            draft.leave(
                f"{setting} = {each}", "ssl-ciphers, ssl-ca-certs: only two files are taken over"
            )


def _module(draft: Draft, setting: str, said: Said) -> None:
    name = str(said.value)
    attribute = draft.value("callable")
    if ":" not in name:
        name = f"{name}:{attribute or 'application'}"
    draft.put("app", name, f"{setting} = {said.value}")


def _wsgi_file(draft: Draft, setting: str, said: Said) -> None:
    path = str(said.value)
    attribute = draft.value("callable") or "application"
    if not path.endswith(".py"):
        draft.leave(f"{setting} = {path}", "an application's file ends with .py")
        return
    draft.put("app", f"{path}:{attribute}", f"{setting} = {path}")


def _beside(_draft: Draft, _setting: str, _said: Said) -> None:
    """Read with the setting that it belongs to."""


def _mode(value: Any) -> str:
    return "666" if value == "true" else rules.octal(value) or "666"


def _static(draft: Draft, setting: str, said: Said) -> None:
    index = (rules.texts(draft.value("static-index")) or [""])[0]
    before = list(draft.lines["static"].value) if "static" in draft.lines else []
    for each in rules.texts(said.value) or ():
        route, found, folder = each.partition("=")
        if setting == "check-static":
            route, found, folder = "/", "=", each
        if not found or not route.startswith("/"):
            draft.leave(f"{setting} = {each}", "written as /route=folder")
            continue
        if setting == "static-map2":
            folder = os.path.join(folder, route.strip("/"))
        before.append(f"{route}={folder}" + (f"?index={index}" if index else ""))
    draft.put("static", before, f"{setting} = {rules.shown(said.value)}")


def _headers(value: Any) -> list[str]:
    return [
        ": ".join(part.strip() for part in each.split(":", 1)) for each in rules.texts(value) or ()
    ]


def _paths(draft: Draft, setting: str, said: Said) -> None:
    first, *more = rules.texts(said.value) or [""]
    draft.put("app_dir", first, f"{setting} = {first}",
              "relative paths are still seen from where the server is started")  # fmt: skip
    if more:
        draft.leave(
            f"{setting} = {', '.join(more)}", "one folder is added: set PYTHONPATH for more"
        )


def _disable_logging(value: Any) -> bool | None:
    return False if rules.flag(value) else None


def _mebibytes(value: Any) -> str | None:
    return rules.mebibytes(value) if int(value) else None


def _autoreload(draft: Draft, setting: str, said: Said) -> None:
    if str(said.value) not in {"0", "false"}:
        draft.put("reload", True, f"{setting} = {said.value}")


def _environment(draft: Draft, setting: str, said: Said) -> None:
    names = [each.partition("=")[0] for each in rules.texts(said.value) or ()]
    draft.leave(
        f"{setting}: {', '.join(names)}", 'write them into a file, and env-file = "that file"'
    )


def _protocol(draft: Draft, setting: str, said: Said) -> None:
    if said.value != "http":
        draft.leave(f"{setting} = {said.value}", "HTTP is spoken")


def _plugins(draft: Draft, setting: str, said: Said) -> None:
    if "python" in str(said.value):
        draft.spare(setting, "Python is what runs here")
    else:
        draft.leave(f"{setting} = {rules.shown(said.value)}", "there are no plugins")


def _seconds(value: Any) -> Any:
    if str(value) == "0":
        raise NoCounterpart("0 switches it off there; here it is always on")
    return rules.duration(value)


_BIND = by(_bind, "`bind`")
_STATIC = by(_static, "`static`")
_LOG_FILE: Rule = to("log_file", rules.text)

SETTINGS: tuple[Setting, ...] = (
    Setting("http", _BIND, many=True),
    Setting("http-socket", _BIND, many=True),
    Setting("https", by(_https, "`bind` with ?tls, `ssl-certfile`, `ssl-keyfile`"), many=True),
    Setting("socket", by(_socket, "`bind`; HTTP is spoken there: proxy_pass in place of uwsgi_pass"),
            many=True),
    Setting("fastcgi-socket", no("HTTP is spoken"), many=True),
    Setting("scgi-socket", no("HTTP is spoken"), many=True),
    Setting("protocol", by(_protocol, "not needed for http; none for others")),
    Setting("module", by(_module, "`app`")),
    Setting("callable", by(_beside, "`app`")),
    Setting("wsgi-file", by(_wsgi_file, "`app`")),
    Setting("mount", no("name one application; a framework mounts several"), many=True),
    Setting("manage-script-name", no("root-path says where the application is")),
    Setting("ini-paste", no("load it in a module: app = paste.deploy.loadapp('config:FILE')")),
    Setting("processes", to("workers", rules.count)),
    Setting("threads", to("threads", rules.number)),
    Setting("master", moot("workers are always supervised")),
    Setting("enable-threads", _ANYWAY),
    Setting("single-interpreter", _ANYWAY),
    Setting("need-app", _ANYWAY),
    Setting("lazy-apps", moot("each worker imports the application, unless preload is set")),
    Setting("lazy", moot("each worker imports the application, unless preload is set")),
    Setting("harakiri", to("timeout_worker", _seconds, _SLOW)),
    Setting("harakiri-verbose", moot("the stacks are always logged")),
    Setting("max-requests", to("limit_max_requests", rules.count)),
    Setting("max-requests-delta", to("limit_max_requests_jitter", rules.count)),
    Setting("max-worker-lifetime", to("limit_max_age", rules.duration)),
    Setting("max-worker-lifetime-delta", to("limit_max_age_jitter", rules.duration)),
    Setting("min-worker-lifetime", moot("a new worker is ready before the old one goes")),
    Setting("reload-on-rss", to("limit_max_rss", _mebibytes)),
    Setting("evil-reload-on-rss", to("limit_max_rss", _mebibytes)),
    Setting("reload-on-as", no("limit-max-rss looks at the memory that is really used")),
    Setting("worker-reload-mercy", to("timeout_graceful_shutdown", rules.duration)),
    Setting("reload-mercy", to("timeout_graceful_shutdown", rules.duration)),
    Setting("chdir", by(_paths, "`app-dir`")),
    Setting("pythonpath", by(_paths, "`app-dir`"), many=True),
    Setting("virtualenv", _VENV),
    Setting("uid", to("user", rules.text)),
    Setting("gid", to("group", rules.text)),
    Setting("umask", to("umask", rules.octal)),
    Setting("chmod-socket", to("uds_mode", _mode)),
    Setting("chown-socket", to("uds_owner", rules.text)),
    Setting("pidfile", to("pid", rules.text)),
    Setting("daemonize", _STAYS),
    Setting("daemonize2", _STAYS),
    Setting("logto", _LOG_FILE),
    Setting("logto2", _LOG_FILE),
    Setting("log-reopen", moot("SIGUSR1 reopens the files")),
    Setting("log-master", _ANYWAY),
    Setting("log-date", _ANYWAY),
    Setting("log-maxsize", no("rotate with logrotate and SIGUSR1")),
    Setting("disable-logging", to("access_log", _disable_logging)),
    Setting("log-format", no("its atoms are its own: see access-log-format")),
    Setting("req-logger", no("access-log-file, or log-config"), many=True),
    Setting("logger", no("log-file, or log-config"), many=True),
    Setting("log-x-forwarded-for", moot("forwarded-allow-ips says whose word counts")),
    Setting("memory-report", moot("limit-max-rss looks at it")),
    Setting("static-map", _STATIC, many=True),
    Setting("static-map2", _STATIC, many=True),
    Setting("check-static", _STATIC, many=True),
    Setting("static-index", by(_beside, "`static`"), many=True),
    Setting("static-gzip", moot("siblings .gz, .br and .zst are served"), many=True),
    Setting("static-gzip-all", moot("siblings .gz, .br and .zst are served")),
    Setting("static-expires", no("?cache=TIME behind the folder, as in /static=dir?cache=1h"),
            many=True),
    Setting("offload-threads", _ANYWAY),
    Setting("listen", to("backlog", rules.number)),
    Setting("buffer-size", to("limit_request_head", rules.size)),
    Setting("post-buffering", moot("read-buffer bounds what is held")),
    Setting("limit-post", to("limit_request_body", rules.count)),
    Setting("http-keepalive", to("timeout_keep_alive", lambda value: None if value in
            {"true", "1"} else rules.duration(value))),
    Setting("so-keepalive", _ANYWAY),
    Setting("http-timeout", no("min-rate bounds slow clients; a response may take its time")),
    Setting("socket-timeout", no("min-rate bounds slow clients")),
    Setting("http-websockets", moot("an ASGI application has WebSockets")),
    Setting("add-header", to("header", _headers), many=True),
    Setting("procname", to("name", rules.text)),
    Setting("procname-prefix", to("name", rules.text)),
    Setting("procname-prefix-spaced", to("name", rules.text)),
    Setting("auto-procname", _ANYWAY),
    Setting("py-autoreload", by(_autoreload, "`reload`")),
    Setting("touch-reload", no("systemctl reload, or kill -HUP"), many=True),
    Setting("stats", no("/status of --health-bind has counts")),
    Setting("env", by(_environment, "`env-file` names a file with them"), many=True),
    Setting("vacuum", moot("sockets and pid files are removed")),
    Setting("die-on-term", moot("SIGTERM ends it")),
    Setting("no-orphans", moot("workers never outlive their supervisor")),
    Setting("strict", moot("unknown options are always refused")),
    Setting("thunder-lock", moot("the supervisor shares connections evenly")),
    Setting("reuse-port", moot("the supervisor shares connections evenly")),
    Setting("ignore-sigpipe", _ANYWAY),
    Setting("ignore-write-errors", _ANYWAY),
    Setting("disable-write-exception", no("a send to a client that is gone raises OSError")),
    Setting("plugins", by(_plugins, "not needed for python; none for others"), many=True),
    Setting("gevent", _GREEN),
    Setting("gevent-monkey-patch", _GREEN),
    Setting("async", _GREEN),
    Setting("asyncio", _GREEN),
    Setting("ugreen", _GREEN),
    Setting("cheaper", _CHEAPER),
    Setting("cheaper-initial", _CHEAPER),
    Setting("cheaper-step", _CHEAPER),
    Setting("cheaper-algo", _CHEAPER),
    Setting("idle", _CHEAPER),
    Setting("emperor", no("systemd or a container runs several applications")),
    Setting("spooler", _QUEUES, many=True),
    Setting("mule", _QUEUES, many=True),
    Setting("mules", _QUEUES),
    Setting("cron", _QUEUES, many=True),
    Setting("attach-daemon", _QUEUES, many=True),
    Setting("cache2", no("use a cache of its own, such as Redis"), many=True),
    Setting("route", _ROUTING, many=True),
    Setting("http-auto-chunked", _ANYWAY),
    Setting("exec-pre-app", _HOOK, many=True),
    Setting("exec-as-user", _HOOK, many=True),
    Setting("hook-post-app", _HOOK, many=True),
    Setting("ssl-keyfile-password", hidden("set it in the environment, as"
            " PENSTOCK_SSL_KEYFILE_PASSWORD")),
)  # fmt: skip

ALIASES = {
    "wsgi": "module", "file": "wsgi-file", "workers": "processes", "uwsgi-socket": "socket",
    "s": "socket", "python-path": "pythonpath", "pp": "pythonpath", "venv": "virtualenv",
    "home": "virtualenv", "pyhome": "virtualenv", "chmod": "chmod-socket", "logformat": "log-format",
    "plugin": "plugins", "python-autoreload": "py-autoreload", "logto-file": "logto",
    "static-check": "check-static", "pidfile2": "pidfile", "safe-pidfile": "pidfile",
    "processname": "procname", "python-auto-reload": "py-autoreload", "https-socket": "https",
}  # fmt: skip
# Short flags of the command line
SHORT = {
    "s": "socket", "w": "module", "p": "processes", "M": "master", "d": "daemonize", "H": "virtualenv",
    "t": "harakiri", "l": "listen", "b": "buffer-size", "R": "max-requests", "T": "enable-threads",
    "L": "disable-logging", "z": "socket-timeout", "C": "chmod-socket",
}  # fmt: skip


def finish(draft: Draft) -> None:
    """What uWSGI does unless told otherwise, and Penstock does not."""
    if "processes" not in draft.given:
        draft.put("workers", 1, "processes", "uWSGI's default")
    if "threads" not in draft.given:
        draft.put("threads", 1, "threads",
                  "uWSGI's default: one request at a time; more if the application is thread-safe")  # fmt: skip
    draft.trust_unix("client and scheme come in headers now, of whoever may use the Unix socket")
    draft.put("interface", "wsgi", "uWSGI speaks WSGI")


SERVER = Server("uwsgi", SETTINGS, finish, programs=("uwsgi",))
