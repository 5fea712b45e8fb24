"""Cases: what the scope of an HTTP request says (sections 6 and 7)."""

from typing import Any

from penstock.conformance.client_http1 import Wrong
from penstock.conformance.server_probe import Call
from penstock.conformance.server_report import Other
from penstock.conformance.server_trial import MAY, MUST, SHOULD, Skip, Trial, case


def _scope(t: Trial, target: str = "/", **more: Any) -> dict[str, Any]:
    """The scope of one request."""
    t.ask(target, **more)
    return dict(t.call(0).scope)


def _strange(value: Any, place: str) -> list[str]:
    """Where in `value` something has a type that ASGI does not have."""
    if isinstance(value, Other):
        return [f"{place} is a {value.bases[0]}"]
    if isinstance(value, dict):
        found = [f"the key {key!r} of {place}" for key in value if type(key) is not str]
        for key, each in value.items():
            found += _strange(each, f"{place}[{key!r}]")
        return found
    if isinstance(value, (list, tuple)):
        return [x for n, each in enumerate(value) for x in _strange(each, f"{place}[{n}]")]
    return []


@case("SCOPE-01", MUST, "scope is a dict")
def scope_is_a_dict(t: Trial) -> None:
    t.ask()
    scope = t.call().scope
    bases = scope.bases if isinstance(scope, Other) else ("dict",)
    t.check("dict" in bases, "a dict", bases)


@case("SCOPE-02", MUST, "`type` is the str http for a request")
def type_is_http(t: Trial) -> None:
    t.equal(_scope(t).get("type"), "http")


@case("SCOPE-03", MUST, "`asgi` is a dict whose `version` is a str: 3.0 for an ASGI 3 application")
def asgi_version(t: Trial) -> None:
    t.equal((_scope(t).get("asgi") or {}).get("version"), "3.0", "asgi.version")


@case(
    "SCOPE-05",
    MUST,
    "`asgi.spec_version`, if given, is a version that the HTTP specification has had",
)
def spec_version(t: Trial) -> None:
    version = _scope(t)["asgi"].get("spec_version", "2.0")
    known = {"2.0", "2.1", "2.2", "2.3", "2.4", "2.5"}
    t.check(type(version) is str and version in known, "2.0 to 2.5 as a str", repr(version))


@case("MSG-03", MUST, "All keys of the scope and its nested dicts are str")
def keys_are_str(t: Trial) -> None:
    strange = [x for x in _strange(_scope(t), "scope") if x.startswith("the key")]
    t.check(not strange, "str keys only", strange)


@case("MSG-04", MUST, "Scope values are of ASGI's types", derived=True)
def values_are_of_asgis_types(t: Trial) -> None:
    scope = {k: v for k, v in _scope(t).items() if k not in {"state", "extensions"}}
    strange = _strange(scope, "scope")
    t.check(not strange, "bytes, str, int, float, list, tuple, dict, bool, None", strange)


async def _spoils(call: Call) -> None:
    scope = call.scope
    before = repr([scope.get("asgi"), scope.get("extensions"), list(scope["headers"])])
    call.note("before", before)
    scope["spoilt"] = True
    for key in ("asgi", "extensions", "state"):
        if isinstance(scope.get(key), dict):
            scope[key]["spoilt"] = True
            for inner in scope[key].values():
                if isinstance(inner, dict):
                    inner["spoilt"] = True
    if isinstance(scope["headers"], list):
        scope["headers"].append((b"spoilt", b"1"))
    await call.answer()


@case(
    "SCOPE-08",
    MUST,
    "Each request has a scope of its own, nested containers included",
    app=_spoils,
    derived=True,
)
def scopes_are_not_shared(t: Trial) -> None:
    with t.connect() as wire:
        for _ in range(2):
            wire.send(t.request())
            wire.response()
    second = t.call(1)
    spoilt = "spoilt" in repr(second.scope)
    t.check(not spoilt, "nothing of what the first call changed", second.scope)


@case("SCOPE-10", MUST, "`extensions`, if given, maps str names to dicts")
def extensions_are_dicts(t: Trial) -> None:
    extensions = _scope(t).get("extensions")
    right = extensions is None or (
        isinstance(extensions, dict)
        and all(type(k) is str and isinstance(v, dict) for k, v in extensions.items())
    )
    t.check(right, "a dict of dicts", extensions)


@case("SCOPE-17", SHOULD, "`headers` can be read twice, and has a length", derived=True)
def headers_are_read_twice(t: Trial) -> None:
    t.ask(headers=[("X-A", "1")])
    seen = t.call()
    headers = seen.scope["headers"]
    t.check(isinstance(headers, (list, tuple)), "a list or tuple", headers)
    t.equal(list(map(tuple, seen.again)), list(map(tuple, headers)), "a second time")


@case("HTTP-SCOPE-01", MUST, "A connection's requests have a scope and a call each; each call ends")
def one_scope_per_request(t: Trial) -> None:
    with t.connect() as wire:
        for _ in range(3):
            wire.send(t.request())
            wire.response()
        t.ended(2)
        t.check(len(t.calls()) == 3, "3 calls for 3 requests", len(t.calls()))
        paths = [seen.scope["path"] for seen in t.calls()]
        t.equal(paths, ["/", "/", "/"])


@case("HTTP-SCOPE-03", MUST, "`http_version` is 1.1 for an HTTP/1.1 request")
def http_version_11(t: Trial) -> None:
    t.equal(_scope(t).get("http_version"), "1.1")


@case("HTTP-SCOPE-03", MUST, "`http_version` is 1.0 for an HTTP/1.0 request")
def http_version_10(t: Trial) -> None:
    t.equal(_scope(t, version="1.0").get("http_version"), "1.0")


@case("HTTP-SCOPE-04", MUST, "`method` is an upper-case str, unknown methods too")
def methods(t: Trial) -> None:
    for number, method in enumerate(("PATCH", "PURGE")):
        t.ask(method=method)
        t.equal(t.call(number).scope.get("method"), method)


@case("HTTP-SCOPE-04", MUST, "A method in lower case is upper case in the scope, or refused")
def lower_case_method(t: Trial) -> None:
    answer = t.ask(method="get")
    if answer.status < 400:
        method = t.call().scope.get("method")
        t.check(method == "GET", "GET, or a 4xx answer", repr(method))


@case("HTTP-SCOPE-05", MUST, "`scheme`, if given, is http on a plain connection")
def scheme(t: Trial) -> None:
    t.equal(_scope(t).get("scheme", "http"), "http")


@case("HTTP-SCOPE-05", MUST, "`scheme` is https over TLS", on="tls")
def scheme_over_tls(t: Trial) -> None:
    t.equal(_scope(t).get("scheme", "http"), "https")


_PATHS = {
    "/caf%C3%A9%20x": "/café x",
    "/a+b": "/a+b",
    "/a%2Fb": "/a/b",
    "/%2541": "/%41",
    "/x?y=1": "/x",
}


@case("HTTP-SCOPE-06", MUST, "`path` is decoded once, as UTF-8, without the query")
def path_is_decoded(t: Trial) -> None:
    for number, (target, path) in enumerate(_PATHS.items()):
        t.ask(target)
        t.equal(t.call(number).scope.get("path"), path, f"for {target}")


@case("HTTP-SCOPE-07", SHOULD, "A path that is not UTF-8 does not break the request", derived=True)
def path_that_is_no_utf8(t: Trial) -> None:
    answer = t.ask("/%ff")
    t.check(answer.status < 500, "no 5xx", answer)


@case("HTTP-SCOPE-08", MUST, "`path` is not normalised", derived=True)
def path_is_not_normalised(t: Trial) -> None:
    t.equal(_scope(t, "/a//b/../c/;x=1").get("path"), "/a//b/../c/;x=1")


@case("HTTP-SCOPE-09", MUST, "`raw_path`, if given, is the path as received")
def raw_path(t: Trial) -> None:
    raw = _scope(t, "/a%2Fb%c3%a9").get("raw_path")
    if raw is None:
        raise Skip("there is no raw_path")
    t.equal(raw, b"/a%2Fb%c3%a9")


@case("HTTP-SCOPE-10", MUST, "`raw_path`, if given, has no query")
def raw_path_without_query(t: Trial) -> None:
    raw = _scope(t, "/x?y=1").get("raw_path")
    if raw is None:
        raise Skip("there is no raw_path")
    t.equal(raw, b"/x")


@case("HTTP-SCOPE-11", MUST, "`query_string` is bytes, still encoded, all behind the first `?`")
def query_string(t: Trial) -> None:
    for number, (target, query) in enumerate(
        {"/x?a=%20b&c=?d": b"a=%20b&c=?d", "/x?": b"", "/x": b""}.items()
    ):
        t.ask(target)
        t.equal(t.call(number).scope.get("query_string"), query, f"for {target}")


@case("HTTP-SCOPE-12", MUST, "`query_string` is there without a query too", derived=True)
def query_string_is_there(t: Trial) -> None:
    t.check("query_string" in _scope(t), "the key", "no such key")


@case("HTTP-SCOPE-13", MUST, "`root_path`, if given, is a str, empty where nothing is mounted")
def root_path(t: Trial) -> None:
    t.equal(_scope(t).get("root_path", ""), "")


@case("HTTP-SCOPE-13", MUST, "`root_path` is the configured one", on="root")
def root_path_configured(t: Trial) -> None:
    t.equal(_scope(t, "/mnt/x").get("root_path"), "/mnt")


@case(
    "HTTP-SCOPE-14",
    SHOULD,
    "`path` begins with `root_path`: taken off, the rest remains",
    on="root",
)
def path_has_the_root_path(t: Trial) -> None:
    # A proxy may have taken the prefix off, or not: servers are made for one or the other
    t.ask("/mnt/x")
    t.ask("/x")
    found = [(seen.scope.get("root_path"), seen.scope.get("path")) for seen in t.calls()]
    t.check(("/mnt", "/mnt/x") in found, "/mnt and /mnt/x for /mnt/x or for /x", found)


@case("HTTP-SCOPE-15", MUST, "`headers` holds pairs of bytes")
def headers_are_pairs_of_bytes(t: Trial) -> None:
    headers = _scope(t, headers=[("X-A", "1")]).get("headers")
    items = headers.items if isinstance(headers, Other) else headers
    right = isinstance(items, (list, tuple)) and all(
        isinstance(pair, (list, tuple)) and [type(x) for x in pair] == [bytes, bytes]
        for pair in items
    )
    t.check(right, "pairs of bytes", headers)


@case("HTTP-SCOPE-15", MUST, "`headers` is there for a request without header lines")
def headers_without_header_lines(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(f"GET /?probe={t.name} HTTP/1.0\r\n\r\n".encode())
        wire.response()
    headers = t.call().scope.get("headers")
    names = {bytes(pair[0]) for pair in headers} if isinstance(headers, (list, tuple)) else None
    t.check(names is not None and names <= {b"host"}, "an empty list", headers)


def _address(t: Trial, key: str, index: int) -> None:
    with t.connect() as wire:
        ours = wire.sock.getsockname() if key == "client" else wire.sock.getpeername()
        wire.send(t.request())
        wire.response()
    value = t.call().scope.get(key)
    if value is None:
        raise Skip(f"the scope has no {key}")
    right = isinstance(value, (list, tuple)) and len(value) == 2
    t.check(right, "a pair", value)
    t.equal(value[index], ours[index], "host" if index == 0 else "port, an int,")


@case("HTTP-SCOPE-16", MUST, "The host of `client`, if given, is the client's address, a str")
def client_host(t: Trial) -> None:
    _address(t, "client", 0)


@case("HTTP-SCOPE-16", MUST, "The port of `client`, if given, is the client's, an int")
def client_port(t: Trial) -> None:
    _address(t, "client", 1)


@case("HTTP-SCOPE-17", MUST, "The host of `server`, if given, is the address that was asked, a str")
def server_host(t: Trial) -> None:
    _address(t, "server", 0)


@case("HTTP-SCOPE-17", MUST, "The port of `server`, if given, is the port that was asked, an int")
def server_port(t: Trial) -> None:
    _address(t, "server", 1)


@case("HTTP-SCOPE-18", MUST, "On a Unix socket `server`, if given, is its path and None", on="unix")
def server_on_a_unix_socket(t: Trial) -> None:
    t.at_least("http", 2, 2)
    server = _scope(t).get("server")
    if server is not None:
        t.equal(list(server), [t.server.address, None])


@case(
    "HTTP-SCOPE-19", SHOULD, "On a Unix socket `client` is absent or None", on="unix", derived=True
)
def client_on_a_unix_socket(t: Trial) -> None:
    t.equal(_scope(t).get("client"), None)


@case(
    "HTTP-SCOPE-20",
    MUST,
    "`state` is in the request's scope just where the lifespan's has it",
    derived=True,
)
def state_as_in_the_lifespan(t: Trial) -> None:
    lifespan = t.server.live("lifespan")
    if not lifespan:
        raise Skip("the server has no lifespan")
    t.equal("state" in _scope(t), "state" in lifespan, "state in the scope:")


@case("HTTP-SCOPE-21", SHOULD, "An absolute target gives the path alone", derived=True)
def absolute_target(t: Trial) -> None:
    scope = _scope(t, "http://other.test/p?q")
    t.equal(scope.get("path"), "/p")
    t.equal(scope.get("query_string"), b"q")


@case("HTTP-SCOPE-22", MAY, "OPTIONS * is no error of the server", derived=True)
def options_of_all(t: Trial) -> None:
    answer = t.ask("*", method="OPTIONS")
    t.check(answer.status < 500, "no 5xx", answer)


_MALFORMED = (
    b"GET\r\nHost: a\r\n%s\r\n",
    b"GET / HTTP/1.1 extra\r\nHost: a\r\n%s\r\n",
    b"GET / HTTX/1.1\r\nHost: a\r\n%s\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n%s\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nbad name: 1\r\n%s\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n%s\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\n%sContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\n%sContent-Length: 1x\r\n\r\n",
)


@case("HTTP-SCOPE-24", MUST, "A malformed request is refused, and the application is not called")
def malformed_requests(t: Trial) -> None:
    mark = f"X-Probe: {t.name}\r\n".encode()
    for raw in _MALFORMED:
        before = len(t.calls())
        with t.connect() as wire:
            wire.send(raw % mark)
            try:
                answer = wire.response()
            except Wrong:
                t.check(wire.closed, f"a 4xx answer or the end, for {raw!r}", "neither")
            else:
                t.check(400 <= answer.status < 600, f"4xx for {raw!r}", answer)
        t.check(len(t.calls()) == before, f"no call for {raw!r}", "the application was called")
