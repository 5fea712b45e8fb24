"""What a request's head says, the same for every HTTP version."""


class Head:
    """A request's head after all checks of its protocol.

    - `method`: token as received. `raw_path`: the path as received, without query; `query`: what
      follows the first `?`, without it; both printable ASCII (RFC 9112 section 3.2).
    - `headers`: list of (lower-case name, value without surrounding white space), as received;
      the authority of an absolute target has replaced `host`.
    - `http_version`: `"1.0"`, `"1.1"`, `"2"`, `"3"`.
    - `content_length`: bytes of body that follow, 0 for none, -1 for a length not known yet.
    - `keep_alive`: the client lets the connection be used again (RFC 9112 section 9.3).
    - `expect_continue`: the client waits for `100 Continue` (RFC 9110 section 10.1.1).
    - `upgrade`: lower-case `upgrade` value where `connection` names it, else `b""`.
    """

    __slots__ = (
        "content_length",
        "expect_continue",
        "headers",
        "http_version",
        "keep_alive",
        "method",
        "query",
        "raw_path",
        "upgrade",
    )

    def __init__(
        self,
        method: str,
        raw_path: bytes,
        query: bytes,
        headers: list[tuple[bytes, bytes]],
        http_version: str,
        content_length: int = 0,
        keep_alive: bool = True,
        expect_continue: bool = False,
        upgrade: bytes = b"",
    ) -> None:
        self.method = method
        self.raw_path = raw_path
        self.query = query
        self.headers = headers
        self.http_version = http_version
        self.content_length = content_length
        self.keep_alive = keep_alive
        self.expect_continue = expect_continue
        self.upgrade = upgrade
