"""A request's head as a WSGI environ (PEP 3333), with no ASGI scope in between.

Text in an environ is `str` of latin-1 code points, each standing for one byte (WSGI-04, PEP-02).
"""

import sys
from typing import Any
from urllib.parse import unquote_to_bytes

from penstock.errors import HttpError
from penstock.gateway.scope import ROOT_PATH_KEPT, ROOT_PATH_STRIPPED, is_under
from penstock.gateway.wsgi_input import EMPTY, ErrorStream, FileWrapper

# Names of header fields that were translated before. Clients choose them, so the table is emptied
# when full instead of growing.
_NAMES_MAX = 1024
# More values of one field are nobody's need, and joining them is work that clients could order
# (WSGI-14).
VALUES_MAX = 100

_WITHOUT_PREFIX = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}
_PROTOCOLS = {"1.1": "HTTP/1.1", "1.0": "HTTP/1.0", "2": "HTTP/2", "3": "HTTP/3"}


class Environs:
    """Builds the environs of one worker. `build` may be called by any thread.

    `multithread` says whether another thread may run the application at the same time. Fields with
    `_` in their name are dropped (option `drop_underscore_headers`: they could stand for those with
    `-`, T09), and so is `proxy` (option `wsgi_drop_proxy_header`: R21, httpoxy). `values_max`: how many
    fields of one name a request may have, None for any number.
    """

    __slots__ = (
        "_base",
        "_drop_proxy",
        "_drop_underscore",
        "_local",
        "_mode",
        "_mount",
        "_names",
        "_root_path",
        "_values_max",
        "errors",
    )

    def __init__(
        self, service: Any, multithread: bool, values_max: int | None = VALUES_MAX
    ) -> None:
        self._values_max = sys.maxsize if values_max is None else values_max
        settings = service.settings
        self._drop_underscore: bool = settings.drop_underscore_headers
        self._drop_proxy: bool = settings.wsgi_drop_proxy_header
        self._root_path: str = service.root_path
        self._mount = _as_latin1(service.root_path)
        self._mode: int = service.root_path_mode
        self._names: dict[bytes, str] = {}
        self.errors = ErrorStream(service)
        self._base: dict[str, Any] = {
            "SCRIPT_NAME": self._mount,
            "SERVER_SOFTWARE": "penstock",
            "wsgi.version": (1, 0),
            "wsgi.input": EMPTY,
            "wsgi.input_terminated": True,
            "wsgi.errors": self.errors,
            "wsgi.file_wrapper": FileWrapper,
            "wsgi.multithread": multithread,
            "wsgi.multiprocess": (settings.workers or 1) > 1,
            "wsgi.run_once": False,
        }
        # What depends on the listening socket, kept for the next request: almost always the same.
        self._local: tuple[Any, str, dict[str, Any]] = (self, "", self._base)

    def build(self, head: Any, stream: Any, body: Any) -> dict[str, Any]:
        """The environ of a request, a new dict that the application may change (PEP-01).

        `body` becomes `wsgi.input`, None for a request without one. Raises HttpError (400) for more
        than `values_max` fields of one name.
        """
        server = stream.server
        scheme = stream.scheme
        local = self._local
        if local[0] != server or local[1] != scheme:
            local = self._local = (server, scheme, self._on(server, scheme))
        base: dict[str, Any] = local[2]
        environ = base.copy()
        environ["REQUEST_METHOD"] = head.method
        raw_path: bytes = head.raw_path
        target = raw_path.decode("latin-1")
        path = unquote_to_bytes(raw_path).decode("latin-1") if "%" in target else target
        mount = self._mount
        if stream.root_path != self._root_path:
            # A proxy says where it is mounted, for this request
            mount = environ["SCRIPT_NAME"] = _as_latin1(stream.root_path)
        if mount and self._mode != ROOT_PATH_STRIPPED:
            if is_under(path, mount):
                path = path[len(mount) :]
            elif self._mode == ROOT_PATH_KEPT:
                # Beside the mount point: its URL is the path alone (PEP 3333, URL reconstruction)
                environ["SCRIPT_NAME"] = ""
        if path[:1] != "/" and not (path == "" and mount):
            # `OPTIONS *`: a PATH_INFO must start with a slash (PEP-03), and `/*` is no one's page.
            path = "/" + path
        environ["PATH_INFO"] = path
        query: bytes = head.query
        if query:
            text = query.decode("latin-1")
            environ["QUERY_STRING"] = text
            target = f"{target}?{text}"
        else:
            environ["QUERY_STRING"] = ""
        # The path before its escapes were decoded: Apache's and gunicorn's names for it.
        environ["REQUEST_URI"] = environ["RAW_URI"] = target
        version: str = head.http_version
        environ["SERVER_PROTOCOL"] = _PROTOCOLS.get(version) or "HTTP/" + version
        client = stream.client
        if client is not None:
            environ["REMOTE_ADDR"] = client[0]
            if client[1]:
                environ["REMOTE_PORT"] = str(client[1])
        else:
            # A unix socket. RFC 3875 section 4.1.8 wants the key; no address can be named.
            environ["REMOTE_ADDR"] = ""
        headers = head.headers
        if len(headers) > self._values_max:
            self._bound(headers)
        names = self._names
        for name, value in headers:
            key = names.get(name)
            if key is None:
                key = self._translate(name)
            if key:
                text = value.decode("latin-1")
                if key in environ:
                    self._repeated(environ, key, text)
                else:
                    environ[key] = text
        if body is not None:
            environ["wsgi.input"] = body
        return environ

    def _on(self, server: Any, scheme: str) -> dict[str, Any]:
        """The base of environs for requests to the local address `server`; a unix socket has a path
        and no port, so both are made up there (PEP-02 wants them non-empty, WSGI-09)."""
        base = self._base.copy()
        base["wsgi.url_scheme"] = scheme
        if scheme == "https":
            base["HTTPS"] = "on"
        named = server is not None and server[1] is not None
        base["SERVER_NAME"] = server[0] if named and server[0] else "localhost"
        base["SERVER_PORT"] = str(server[1]) if named else "443" if scheme == "https" else "80"
        return base

    def _translate(self, name: bytes) -> str:
        """The environ key of a header field, "" for one that is dropped; remembered."""
        key = _WITHOUT_PREFIX.get(name)
        if key is None:
            if (self._drop_underscore and b"_" in name) or (self._drop_proxy and name == b"proxy"):
                key = ""
            else:
                key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        if len(self._names) >= _NAMES_MAX:
            self._names.clear()
        self._names[name] = key
        return key

    def _repeated(self, environ: dict[str, Any], key: str, value: str) -> None:
        """A further value of a field: cookies joined by "; ", others by "," (WSGI-10, RFC 9110
        section 5.3). Equal lengths are one length; the codec has refused different ones."""
        if key == "CONTENT_LENGTH":
            return
        environ[key] += ("; " if key == "HTTP_COOKIE" else ",") + value

    def _bound(self, headers: Any) -> None:
        counts: dict[bytes, int] = {}
        for name, _ in headers:
            count = counts[name] = counts.get(name, 0) + 1
            if count > self._values_max:
                raise HttpError(
                    400,
                    f"header {name!r:.80} is there more than {self._values_max} times",
                    "RFC 9110 5.3",
                )


def _as_latin1(text: str) -> str:
    """Text as WSGI wants it: a character for each byte of its UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")
