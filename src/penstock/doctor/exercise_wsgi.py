"""Asks a WSGI application in this process, and notes what it uses of PEP 3333 that ASGI has not."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from typing import Any

from penstock.doctor.answers import ANSWERED, EMPTY, RAISED, STREAMS, STUCK, Answer, told
from penstock.doctor.asking import Request
from penstock.doctor.watch import Overdue, Watch

# A body that is still coming after this is a stream: the client leaves.
STREAM_S = 1.0
KEPT_BYTES_MAX = 16 * 1024 * 1024


class WsgiExercise:
    """Asks `app` one request after the other on this thread.

    `used` has the names of what it used that no ASGI application can. `waited_s` and `computed_s` is
    what all requests took together.
    """

    def __init__(self, app: Any, watch: Watch, root_path: str) -> None:
        self._app = app
        self._watch = watch
        self._root_path = root_path
        self.used: set[str] = set()
        self.waited_s = 0.0
        self.computed_s = 0.0

    def ask(self, request: Request) -> tuple[Answer, bytes]:
        """The answer to `request`, and its body."""
        watch = self._watch
        watch.request = str(request)
        call = _Call(self.used)
        environ = self.environ(request)
        before = watch.sample()
        ending, text, place = ANSWERED, "", ""
        body = bytearray()
        result: Any = None
        watch.begin()
        try:
            result = self._app(environ, call.start_response)
            for part in result:
                if len(body) < KEPT_BYTES_MAX:
                    body += part
                if time.monotonic() - before.at > STREAM_S:
                    ending = STREAMS
                    break
        except Overdue as overdue:
            ending, text = STUCK, str(overdue)
        except (Exception, SystemExit) as error:
            ending = RAISED
            text, place = told(error)
        finally:
            _close(result)
            watch.end()
            watch.request = ""
        after = watch.sample()
        seconds, computed_s = after.at - before.at, after.cpu - before.cpu
        # What it waited for a processor is the machine's
        self.waited_s += max(seconds - (after.waited - before.waited) - computed_s, 0)
        self.computed_s += computed_s
        if ending == ANSWERED and not call.status:
            ending = EMPTY
        if ending == ANSWERED and call.status >= 500:
            # What it wrote to wsgi.errors ends with what it raised
            text = environ["wsgi.errors"].getvalue().strip().rpartition("\n")[2][:200]
        return Answer(request, ending, call.status, seconds, text, place), bytes(
            call.written + body
        )

    def environ(self, request: Request) -> dict[str, Any]:
        """The environ of `request` (PEP 3333), as of a client on this machine."""
        name, _, port = request.host.partition(":")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": self._root_path,
            "PATH_INFO": request.path.encode().decode("latin-1"),
            "QUERY_STRING": request.query.decode("ascii"),
            "SERVER_NAME": name,
            "SERVER_PORT": port or "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": request.host,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": request.scheme,
            "wsgi.input": io.BytesIO(request.body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": self._file_wrapper,
        }
        for raw_name, raw_value in request.headers:
            key = raw_name.decode("latin-1").upper().replace("-", "_")
            if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
                key = f"HTTP_{key}"
            value = raw_value.decode("latin-1")
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ

    def _file_wrapper(self, file: Any, size: int = 65536) -> Iterator[bytes]:
        self.used.add("wsgi.file_wrapper")
        return iter(lambda: file.read(size), b"")


class _Call:
    """One call of the application: what it started its answer with."""

    def __init__(self, used: set[str]) -> None:
        self.status = 0
        self.written = b""
        self._used = used

    def start_response(
        self, status: str, _headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """PEP 3333's start_response."""
        if exc_info is not None:
            self._used.add("exc_info")
        self.status = int(status[:3])
        return self._write

    def _write(self, part: bytes) -> None:
        self._used.add("write()")
        self.written += part


def _close(result: Any) -> None:
    close = getattr(result, "close", None)
    if close is not None:
        try:
            close()
        except Exception:
            return  # it has its answer; the validator of PEP 3333 is the tool for the rest
