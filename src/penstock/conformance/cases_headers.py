"""Cases: request headers in the scope (section 8)."""

from penstock.conformance.client_http1 import Wrong
from penstock.conformance.server_trial import MAY, MUST, SHOULD, Headers, Trial, case


def _values(t: Trial, name: bytes, index: int = 0) -> list[bytes]:
    """The values of a header in the scope, in order."""
    headers = t.call(index).scope["headers"]
    return [bytes(value) for key, value in headers if bytes(key).lower() == name]


def _sent(t: Trial, headers: Headers) -> None:
    t.ask(headers=headers)


@case("HTTP-HDR-01", SHOULD, "Header names are in lower case")
def names_are_lower_case(t: Trial) -> None:
    _sent(t, [("X-CaSe", "v")])
    names = [bytes(pair[0]) for pair in t.call().scope["headers"]]
    t.check(b"x-case" in names, "x-case", names)


@case("HTTP-HDR-03", MUST, "A repeated header stays several pairs")
def repeated_headers(t: Trial) -> None:
    _sent(t, [("X-A", "1"), ("X-A", "2")])
    t.equal(_values(t, b"x-a"), [b"1", b"2"])


@case("HTTP-HDR-04", MUST, "The values of one name keep their order")
def order_of_values(t: Trial) -> None:
    _sent(t, [("X-A", "3"), ("X-B", "2"), ("X-A", "1")])
    values = b", ".join(_values(t, b"x-a"))  # joined or not: only the order counts here
    t.check(values == b"3, 1", "3 before 1", values)


@case("HTTP-HDR-04", MAY, "The order between names is kept too")
def order_of_names(t: Trial) -> None:
    _sent(t, [("X-C", "1"), ("X-A", "2"), ("X-B", "3"), ("X-A", "4")])
    names = [bytes(k).lower() for k, _ in t.call().scope["headers"]]
    found = [name for name in names if name in {b"x-a", b"x-b", b"x-c"}]
    t.equal(found, [b"x-c", b"x-a", b"x-b", b"x-a"])


@case("HTTP-HDR-05", MUST, "A value is the bytes that came, without the white space around them")
def values_are_exact(t: Trial) -> None:
    _sent(t, [("X-A", "  two  words\t"), ("X-B", "é\x80\xff")])
    calls = t.calls()
    if not calls:
        return  # refused: the other way that is open
    t.equal(_values(t, b"x-a"), [b"two  words"])
    t.equal(_values(t, b"x-b"), [b"\xe9\x80\xff"])


@case("HTTP-HDR-08", SHOULD, "Without Host none is invented", derived=True)
def no_host_is_invented(t: Trial) -> None:
    with t.connect() as wire:
        wire.send(f"GET / HTTP/1.0\r\nX-Probe: {t.name}\r\n\r\n".encode())
        wire.response()
    t.equal(_values(t, b"host"), [])


@case("HTTP-HDR-09", MUST, "Cookies of HTTP/1.1 come as they were sent")
def cookies(t: Trial) -> None:
    _sent(t, [("Cookie", "a=1; b=2")])
    t.equal(_values(t, b"cookie"), [b"a=1; b=2"])


@case("HTTP-HDR-12", MAY, "Content-Length stays visible", derived=True)
def content_length_is_visible(t: Trial) -> None:
    t.ask(method="POST", body=b"abc")
    t.equal(_values(t, b"content-length"), [b"3"])


_BAD = (
    b"X A: 1",
    b"X-A : 1",
    b"X(A): 1",
    b"X-A: a\x00b",
    b"X-A: a\rb",
)


@case("HTTP-HDR-13", SHOULD, "Bad header names and values are refused")
def bad_headers(t: Trial) -> None:
    for line in _BAD:
        before = len(t.calls())
        with t.connect() as wire:
            name = t.name.encode()
            wire.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Probe: %s\r\n%s\r\n\r\n" % (name, line))
            try:
                answer = wire.response()
            except Wrong:
                t.check(wire.closed, f"400 or the end for {line!r}", "neither")
            else:
                t.check(400 <= answer.status < 500, f"400 for {line!r}", answer)
        t.check(len(t.calls()) == before, f"no call for {line!r}", "the application was called")


@case("HTTP-HDR-14", MAY, "A name with an underscore comes as it was sent", derived=True)
def underscores(t: Trial) -> None:
    _sent(t, [("x_a", "1")])
    t.equal(_values(t, b"x_a"), [b"1"])
