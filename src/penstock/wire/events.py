"""What a request's head says, the same for every HTTP version."""


class Head:
    """A request's head after all checks of its protocol.

    - `method`: token in upper case (HTTP-SCOPE-04). `raw_path`: the path as received, without query; `query`: what
      follows the first `?`, without it; both printable ASCII (RFC 9112 section 3.2).
    - `headers`: list of (lower-case name, value without surrounding white space), as received;
      the authority of an absolute target has replaced `host`.
    - `http_version`: `"1.0"`, `"1.1"`, `"2"`, `"3"`.
    - `content_length`: bytes of body that follow, 0 for none, -1 for a length not known yet.
    - `keep_alive`: the client lets the connection be used again (RFC 9112 section 9.3).
    - `expect_continue`: the client waits for `100 Continue` (RFC 9110 section 10.1.1).
    - `forwarded`: a field is there in which a proxy may say who the client is.
    - `line_bytes`, `bits`: what `scan.parse_head` found, for the codec of HTTP/1.
    - `upgrade`: lower-case `upgrade` value where `connection` names it, else `b""`.
    """

    __slots__ = (
        "bits",
        "content_length",
        "expect_continue",
        "forwarded",
        "headers",
        "http_version",
        "keep_alive",
        "line_bytes",
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
        self.forwarded = False
        self.line_bytes = 0
        self.bits = 0
