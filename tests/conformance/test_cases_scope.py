"""Each case about scopes fails on a server that is wrong in just that."""

from collections import UserDict, UserList
from typing import Any

import pytest

from tests.conformance.crooked import (
    App,
    Crooked,
    Fault,
    rescope,
    scope,
    unseen,
)

pytestmark = pytest.mark.slow


def _keyed(value: Any) -> Any:
    value[b"bytes"] = 1
    return value


_shared: dict[str, Any] = {}


def _one_asgi(value: Any) -> Any:
    value["asgi"] = _shared.setdefault("asgi", value["asgi"])
    return value


async def _double(app: App, scope: Any, receive: Any, send: Any) -> None:
    await app(dict(scope), receive, send)

    async def nothing(_: Any = None) -> Any:
        return {"type": "http.disconnect"}

    await app(dict(scope), nothing, nothing)


def _lenient_server(data: bytes) -> bytes:
    """Whatever is wrong in a request is mended."""
    name = data.partition(b"X-Probe: ")[2].partition(b"\r\n")[0]
    return b"GET / HTTP/1.1\r\nHost: a\r\nX-Probe: %s\r\n\r\n" % name


async def _breaks(app: App, scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 500})
    await send({"type": "http.response.body"})


FAULTS = {
    "scope_is_a_dict": rescope(UserDict),
    "type_is_http": scope(type="HTTP"),
    "asgi_version": scope(asgi={"version": 3}),
    "spec_version": scope(asgi={"version": "3.0", "spec_version": "1.9"}),
    "keys_are_str": rescope(_keyed),
    "values_are_of_asgis_types": scope(extra=object()),
    "scopes_are_not_shared": rescope(_one_asgi),
    "extensions_are_dicts": scope(extensions={"x": None}),
    "headers_are_read_twice": rescope(lambda s: {**s, "headers": UserList(s["headers"])}),
    "one_scope_per_request": Fault(_double),
    "http_version_11": scope(http_version="1"),
    "http_version_10": scope(http_version="1"),
    "methods": rescope(lambda s: {**s, "method": s["method"].lower()}),
    "lower_case_method": rescope(lambda s: {**s, "method": s["method"].lower()}),
    "scheme": scope(scheme=""),
    "scheme_over_tls": scope(scheme="http"),
    "path_is_decoded": rescope(lambda s: {**s, "path": s["raw_path"].decode()}),
    "path_that_is_no_utf8": Fault(_breaks),
    "path_is_not_normalised": rescope(lambda s: {**s, "path": s["path"].replace("//", "/")}),
    "raw_path": rescope(lambda s: {**s, "raw_path": s["path"].encode()}),
    "raw_path_without_query": rescope(
        lambda s: {**s, "raw_path": s["raw_path"] + b"?" + s["query_string"]}
    ),
    "query_string": rescope(lambda s: {**s, "query_string": s["query_string"].decode()}),
    "query_string_is_there": rescope(lambda s: {k: v for k, v in s.items() if k != "query_string"}),
    "root_path": scope(root_path=None),
    "root_path_configured": scope(root_path=""),
    "path_has_the_root_path": rescope(lambda s: {**s, "path": s["path"].removeprefix("/mnt")}),
    "headers_are_pairs_of_bytes": rescope(
        lambda s: {
            **s,
            "headers": [(k, v) if k == b"x-probe" else (k, bytearray(v)) for k, v in s["headers"]],
        }
    ),
    "headers_without_header_lines": scope(headers=[(b"x-invented", b"1")]),
    "client_host": rescope(lambda s: {**s, "client": ("::1", s["client"][1])}),
    "client_port": rescope(lambda s: {**s, "client": (s["client"][0], str(s["client"][1]))}),
    "server_host": rescope(lambda s: {**s, "server": ("localhost", s["server"][1])}),
    "server_port": rescope(lambda s: {**s, "server": (s["server"][0], str(s["server"][1]))}),
    "server_on_a_unix_socket": rescope(lambda s: {**s, "server": (s["server"][0], "0")}),
    "client_on_a_unix_socket": scope(client=("", 0)),
    "state_as_in_the_lifespan": rescope(lambda s: {k: v for k, v in s.items() if k != "state"}),
    "absolute_target": rescope(lambda s: {**s, "path": "http://other.test/p"}),
    "options_of_all": Fault(_breaks),
    "malformed_requests": Fault(to_server=_lenient_server),
}


def test_each_case_passes_and_sees_its_fault(crooked: Crooked) -> None:
    assert unseen(crooked, "scope", FAULTS) == {}
