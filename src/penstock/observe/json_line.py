"""One line of the JSON access log, in pure Python: the contract of its native form, `json_line.pyx`.

A leaf, as `wire.scan`. `tests/observe/test_json_line.py` holds the two forms equal.
"""

_HARMLESS = bytes(b for b in range(0x20, 0x7F) if b not in b'"\\')


def json_line(
    second: str,
    millisecond: int,
    event: str,
    who: str,
    method: str,
    path: str,
    query: str,
    version: str,
    more: str,
    status: int,
    bytes_in: int,
    bytes_out: int,
    duration_us: int,
    first_byte_us: int,
    ended: str,
    id_head: str,
    id_tail: str,
    traceparent: str,
    user_agent: str,
    worker: str,
    escaped: bool,
) -> str:
    r"""The line, with its line feed; "" if what comes from outside has to be escaped first.

    From outside come `method`, `path`, `query`, `version`, `id_head`, `traceparent` and
    `user_agent`: only printable ASCII without `"` and `\` may stand in the line as it is (X06).
    `escaped` says that they have been looked at. `second` is the UTC time up to its second, `who`
    and `more` are ready members, `more` with its comma. Counts of bytes and microseconds are not
    negative. ValueError for a ready part, or an escaped one, that is not ASCII.
    """
    if not escaped:
        outside = f"{method}{path}{query}{version}{id_head}{traceparent}{user_agent}"
        if outside.encode("ascii", "backslashreplace").translate(None, _HARMLESS):
            return ""
    # A literal with its values, in this form: twice as fast as an f-string.
    line = (
        '{"time":"%s.%03dZ","event":"%s",%s,"method":"%s","path":"%s","query":"%s",'  # noqa: UP031
        '"protocol":"HTTP/%s",%s"status":%d,"bytes_in":%d,"bytes_out":%d,"duration_us":%d,'
        '"first_byte_us":%d,"ended":"%s","request_id":"%s%s","traceparent":"%s",'
        '"user_agent":"%s","worker":%s}\n'
    ) % (
        second, millisecond, event, who, method, path, query, version, more, status, bytes_in,
        bytes_out, duration_us, first_byte_us, ended, id_head, id_tail, traceparent, user_agent,
        worker,
    )  # fmt: skip
    if not line.isascii():
        raise ValueError("a part of the line is not ASCII")
    return line
