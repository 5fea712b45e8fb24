"""The response extensions: zero-copy send, path send, early hints, trailers; and those that are not offered."""

import asyncio
import io
import os
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import MessageError
from tests.asgi_app import Call, Probe
from tests.loops import NewLoop, each_loop
from tests.sockets import open_descriptors, serving

OFFERED = {
    "http.response.trailers",
    "http.response.early_hint",
    "http.response.pathsend",
    "http.response.zerocopysend",
}
CONTENT = bytes(range(256)) * 40


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    return path


def zero_copy(file: Any, **more: Any) -> dict[str, Any]:
    return {"type": "http.response.zerocopysend", "file": file, **more}


def path_send(path: Any) -> dict[str, Any]:
    return {"type": "http.response.pathsend", "path": path}


def served_file(
    tmp_path: Path,
    handler: Any,
    *headers: str,
    method: str = "GET",
    version: str = "1.1",
    **options: Any,
) -> Any:
    """The response to one request for a handler, and its call."""
    probe = Probe(handler)
    with serving(probe, **options) as served, served.client() as client:
        response = client.get("/", *headers, method=method, version=version)
    return response, probe.calls[0].wait()


def test_what_is_offered(file: Path) -> None:
    """Each extension is a dict under its name; push and debug are not offered (SCOPE-09, SCOPE-10, SCOPE-13, ZCS-01, PATH-01, HINT-01, TRAIL-01, DEBUG-01, PUSH-01)."""
    probe = Probe()
    with serving(probe) as served:
        for version in ("1.1", "1.0"):
            with served.client() as client:
                client.get(version=version)
    new, old = (call.scope["extensions"] for call in probe.calls)
    assert new == {name: {} for name in OFFERED}
    assert all(type(value) is dict for value in new.values())
    # An HTTP/1.0 client knows neither 1xx nor chunks.
    assert set(old) == {"http.response.pathsend", "http.response.zerocopysend"}


# ------------------------------------------------------------------------------------- zero-copy send


@each_loop
def test_files_mix_with_bodies(new_loop: NewLoop, file: Path) -> None:
    """Body, file, body, file come out as one body, chunked or with a length (ZCS-02, ZCS-06, ZCS-09)."""

    async def handler(call: Call) -> None:
        length = [(b"content-length", b"%d" % (6 + len(CONTENT) + 10))]
        await call.start(200, length if call.scope["path"] == "/length" else [])
        with file.open("rb") as content:
            await call.write(b"one")
            await call.send(zero_copy(content, more_body=True))
            await call.write(b"two")
            await call.send(zero_copy(content, offset=5, count=10))

    expected = b"one" + CONTENT + b"two" + CONTENT[5:15]
    with serving(Probe(handler), new_loop) as served, served.client() as client:
        for target in ("/", "/length", "/"):
            assert client.get(target).body == expected
        assert client.get("/length", method="HEAD").get("content-length") == str(len(expected))
        assert client.get("/").body == expected
    with serving(Probe(handler), new_loop) as served, served.client() as client:
        assert client.get("/", version="1.0").body == expected


@pytest.mark.usefixtures("each_protocol")
@pytest.mark.parametrize(
    "more, expected",
    [
        pytest.param({}, CONTENT[10:], id="from the position to the end"),
        pytest.param({"offset": 0}, CONTENT, id="from an offset to the end"),
        pytest.param({"count": 7}, CONTENT[10:17], id="from the position"),
        pytest.param({"offset": 3, "count": 7}, CONTENT[3:10], id="from an offset"),
        pytest.param({"offset": 3, "count": 10**9}, CONTENT[3:], id="more than there is"),
        pytest.param({"offset": len(CONTENT)}, b"", id="at the end"),
        pytest.param({"offset": 10**9}, b"", id="behind the end"),
        pytest.param({"count": 0}, b"", id="nothing"),
        pytest.param({"offset": None, "count": None}, CONTENT[10:], id="None stands for absent"),
    ],
)
def test_offset_and_count(file: Path, more: dict[str, Any], expected: bytes) -> None:
    """Absent offset means the current position, absent count the end of the file (ZCS-04, ZCS-05)."""

    async def handler(call: Call) -> None:
        await call.start()
        with file.open("rb") as content:
            content.seek(10)
            await call.send(zero_copy(content, **more))

    with serving(Probe(handler)) as served, served.client() as client:
        assert client.get().body == expected


@pytest.mark.usefixtures("each_protocol")
def test_the_position_moves_on_without_an_offset(file: Path) -> None:
    """Two sends without an offset continue each other, as with os.sendfile (ZCS-04)."""

    async def handler(call: Call) -> None:
        await call.start()
        with file.open("rb") as content:
            await call.send(zero_copy(content, count=100, more_body=True))
            await call.send(zero_copy(content, count=50, offset=0, more_body=True))
            await call.send(zero_copy(content))

    with serving(Probe(handler)) as served, served.client() as client:
        assert client.get().body == CONTENT[:100] + CONTENT[:50] + CONTENT[100:]


@pytest.mark.usefixtures("each_protocol")
@pytest.mark.parametrize(
    "message",
    [
        pytest.param({"file": io.BytesIO(b"x")}, id="ZCS-03 BytesIO"),
        pytest.param({"file": None}, id="ZCS-03 None"),
        pytest.param({}, id="ERR-02 no file"),
        pytest.param({"file": 10**6}, id="ZCS-03 no such descriptor"),
        pytest.param({"count": 2**63}, id="MSG-05 count beyond 64 bits"),
        pytest.param({"offset": 2**63}, id="MSG-05 offset beyond 64 bits"),
        pytest.param({"count": -1}, id="ERR-03 negative count"),
        pytest.param({"offset": -1}, id="ERR-03 negative offset"),
        pytest.param({"count": "1"}, id="ERR-03 str"),
        pytest.param({"count": True}, id="ERR-03 bool"),
        pytest.param({"file": "pipe"}, id="A12 a pipe"),
    ],
)
def test_what_is_no_file_raises_and_harms_nothing(file: Path, message: dict[str, Any]) -> None:
    """The application gets the exception and can still answer (ERR-04)."""
    ends = os.pipe()

    async def handler(call: Call) -> None:
        await call.start(200, [(b"content-length", b"2")])
        with file.open("rb") as content:
            more = {"file": content, **message}
            if more["file"] == "pipe":
                more["file"] = ends[0]
            if not message:
                del more["file"]
            error = await call.raised_by({"type": "http.response.zerocopysend", **more})
        assert isinstance(error, MessageError)
        await call.write(b"ok", more=False)

    try:
        with serving(Probe(handler)) as served, served.client() as client:
            assert client.get().body == b"ok"
            assert client.get().body == b"ok"
    finally:
        os.close(ends[0])
        os.close(ends[1])


@each_loop
def test_the_descriptor_stays_the_applications(new_loop: NewLoop, file: Path) -> None:
    """After send it is open and usable; closed right after it, a slow client still gets all (ZCS-07, ZCS-08)."""
    file.write_bytes(CONTENT * 800)

    async def handler(call: Call) -> None:
        await call.start()
        content = os.open(file, os.O_RDONLY)
        await call.send(zero_copy(content))
        os.fstat(content)
        os.close(content)
        call.note("closed")

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client(4096) as client:
        client.ask()
        size = int(client.head().get("content-length") or 0)
        assert not probe.call().notes
        client.widen()
        assert client.exactly(size) == CONTENT * 800
        probe.call().wait()
    assert probe.calls[0].notes == ["closed"]


@each_loop
def test_a_cancelled_file_goes_on_and_nothing_overtakes_it(new_loop: NewLoop, file: Path) -> None:
    """Its send was cancelled and its descriptor closed, yet the file and what follows come whole (ZCS-08, APP-18, A16)."""
    file.write_bytes(CONTENT * 800)
    other = file.with_name("other")
    other.write_bytes(b"secret" * 2_000_000)

    async def handler(call: Call) -> None:
        await call.start()
        content = os.open(file, os.O_RDONLY)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call.raw_send(zero_copy(content, more_body=True)), 0.02)
        os.close(content)
        reused = os.open(other, os.O_RDONLY)
        assert reused == content
        call.note("cancelled")
        try:
            sends = [asyncio.create_task(call.write(mark)) for mark in (b"<1>", b"<2>")]
            await asyncio.gather(*sends)
            await call.send(zero_copy(reused, count=6))
        finally:
            os.close(reused)

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client(4096) as client:
        client.ask()
        probe.call().noted("cancelled")
        client.widen()
        assert client.response().body == CONTENT * 800 + b"<1><2>secret"
        probe.call().wait()
    assert probe.calls[0].error is None


@each_loop
def test_a_client_that_leaves_during_a_file(new_loop: NewLoop, file: Path) -> None:
    """The send raises OSError, and no descriptor stays behind (HTTP-DISC-06, A11, A12)."""
    file.write_bytes(CONTENT * 800)

    async def handler(call: Call) -> None:
        await call.start()
        if call.scope["path"] == "/path":
            error = await call.raised_by(path_send(str(file)))
        else:
            with file.open("rb") as content:
                error = await call.raised_by(zero_copy(content, more_body=True))
        call.note(type(error).__name__)

    probe = Probe(handler)
    with serving(probe, new_loop) as served:
        for number, target in enumerate(("/zero", "/path", "/zero")):
            if number == 1:  # the loop has opened what it opens once
                served.until(lambda: not served.worker.connections)
                before = served.on_loop(open_descriptors)
            with served.client(4096) as client:
                client.ask(target)
                client.until(b"\r\n\r\n")
                client.reset()
            probe.call(number).wait()
        served.until(lambda: open_descriptors() == before)
    assert probe.calls[0].notes == ["ClientDisconnected"]
    # With pathsend the response is complete for the application; nothing is left to be raised.
    assert probe.calls[1].notes == ["NoneType"]


# -------------------------------------------------------------------------------------------- path send


@each_loop
@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("size", [0, 1, 300_000, 3_000_000])
def test_a_path_is_sent_whole(
    new_loop: NewLoop, file: Path, size: int, length: bool, version: str
) -> None:
    """Empty and large files arrive as they are and end the response, also for HEAD (PATH-02, PATH-04, PATH-07)."""
    content = (CONTENT * (size // len(CONTENT) + 1))[:size]
    file.write_bytes(content)

    async def handler(call: Call) -> None:
        await call.start(200, [(b"content-length", b"%d" % size)] if length else [])
        await call.send(path_send(str(file)))

    with serving(Probe(handler), new_loop) as served, served.client() as client:
        head = client.get("/", "Connection: keep-alive", method="HEAD", version=version)
        assert head.get("content-length") == (str(size) if length else None)
        response = client.get("/", "Connection: keep-alive", version=version)
        assert response.status == 200
        assert response.body == content
        assert response.get("content-type") is None


def test_a_file_larger_than_what_memory_may_grow(file: Path) -> None:
    """256 MiB go out while the process grows by less than 16 MiB (PATH-07)."""
    size = 256 << 20
    os.truncate(file, size)

    async def handler(call: Call) -> None:
        await call.start(200, [(b"content-length", b"%d" % size)])
        await call.send(path_send(str(file)))

    with serving(Probe(handler)) as served, served.client() as client:
        client.ask()
        client.until(b"\r\n\r\n")
        before = resident_bytes()
        left, most = size - len(client.buffer), 0
        client.buffer = b""
        piece = bytearray(1 << 20)
        while left:
            left -= client.sock.recv_into(piece, min(left, len(piece)))
            most = max(most, resident_bytes() - before) if left % 16 == 0 else most
        assert most < 16 << 20


def resident_bytes() -> int:
    """How much memory this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.usefixtures("each_protocol")
@pytest.mark.parametrize(
    "path, error",
    [
        pytest.param("missing", FileNotFoundError, id="PATH-05 missing"),
        pytest.param("x.txt", MessageError, id="PATH-06 relative"),
        pytest.param("../x", MessageError, id="PATH-06 relative up"),
        pytest.param(b"/etc/hostname", MessageError, id="ERR-03 bytes"),
        pytest.param(None, MessageError, id="ERR-02 absent"),
        pytest.param("/etc/host\0name", MessageError, id="A12 NUL"),
        pytest.param("folder", MessageError, id="A12 a folder"),
        pytest.param("fifo", MessageError, id="A12 a FIFO"),
        pytest.param("/dev/zero", MessageError, id="A12 a device"),
        pytest.param("unreadable", OSError, id="PATH-05 loop of links"),
    ],
)
def test_a_path_that_cannot_be_sent(file: Path, path: Any, error: type[BaseException]) -> None:
    """The application gets the error; unhandled, it is a 500 and never a cut 200 (PATH-05, HTTP-ERR-03)."""
    folder = file.parent
    os.mkfifo(folder / "fifo")
    (folder / "folder").mkdir()
    (folder / "unreadable").symlink_to("unreadable")
    if path in {"missing", "folder", "fifo", "unreadable"}:
        path = str(folder / path)

    async def handler(call: Call) -> None:
        await call.start(200, [(b"content-length", b"5")])
        message = path_send(path)
        if path is None:
            del message["path"]
        if call.scope["path"] == "/caught":
            assert isinstance(await call.raised_by(message), error)
            await call.write(b"later", more=False)
        else:
            await call.send(message)

    with serving(Probe(handler)) as served, served.client() as client:
        assert client.get("/caught").body == b"later"
        assert client.get("/").status == 500
        assert client.get("/caught").body == b"later"


@pytest.mark.usefixtures("each_protocol")
@pytest.mark.parametrize("declared", [len(CONTENT) - 1, len(CONTENT) + 1])
@pytest.mark.parametrize("how", ["path", "zero"])
def test_a_declared_length_that_the_file_has_not(file: Path, declared: int, how: str) -> None:
    """The send raises before anything leaves, so that it becomes a 500 (PATH-08, HTTP-RESP-24, HTTP-RESP-25)."""

    async def handler(call: Call) -> None:
        await call.start(200, [(b"content-length", b"%d" % declared)])
        with file.open("rb") as content:
            await call.send(path_send(str(file)) if how == "path" else zero_copy(content))

    probe = Probe(handler)
    with serving(probe) as served, served.client() as client:
        assert client.get().status == 500
        assert client.get().status == 500
    assert isinstance(probe.calls[0].error, MessageError)


def test_a_declared_length_missed_in_the_middle_is_a_cut(file: Path) -> None:
    """What has left cannot be taken back: the connection is cut (PATH-08, HTTP-RESP-25, A02)."""

    async def handler(call: Call) -> None:
        await call.start(200, [(b"content-length", b"10")])
        await call.write(b"abc")
        with file.open("rb") as content:
            await call.send(zero_copy(content))

    probe = Probe(handler)
    with serving(probe) as served, served.client() as client:
        client.ask()
        client.head()
        assert client.rest() == b"abc"
    assert isinstance(probe.calls[0].error, MessageError)


@each_loop
def test_a_file_that_shrinks_cuts_the_connection(
    new_loop: NewLoop, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The client can tell that it is not whole, and the log says why (A12)."""
    size = 8 << 20
    os.truncate(file, size)

    async def handler(call: Call) -> None:
        await call.start(200, [(b"content-length", b"%d" % size)])
        await call.send(path_send(str(file)))

    probe = Probe(handler)
    with serving(probe, new_loop) as served, served.client(4096) as client:
        client.ask()
        client.head()
        os.truncate(file, 100)
        assert len(client.rest()) < size
        served.until(lambda: not served.worker.connections)
    assert "the file ended after" in caplog.text


@pytest.mark.usefixtures("each_protocol")
def test_nothing_else_may_follow_or_precede_a_path(file: Path) -> None:
    """A body after it, or a second path, is ignored; after a part of a body it raises (PATH-03)."""

    async def handler(call: Call) -> None:
        await call.start()
        if call.scope["path"] == "/after":
            await call.write(b"part")
            assert isinstance(await call.raised_by(path_send(str(file))), MessageError)
            await call.write(b"", more=False)
            return
        await call.send(path_send(str(file)))
        await call.write(b"more")
        await call.send(path_send(str(file)))
        call.note("ignored")

    probe = Probe(handler)
    with serving(probe) as served, served.client() as client:
        assert client.get("/").body == CONTENT
        assert client.get("/after").body == b"part"
    assert probe.calls[0].notes == ["ignored"]


@pytest.mark.usefixtures("each_protocol")
def test_a_path_deleted_right_after_send_still_arrives(file: Path) -> None:
    """Once send has begun the file is open; its name is needed no more (PATH-09)."""

    async def handler(call: Call) -> None:
        await call.start()
        await call.send(path_send(str(file)))
        file.unlink()

    with serving(Probe(handler)) as served, served.client() as client:
        assert client.get().body == CONTENT


def test_pipelined_requests_wait_for_the_file(file: Path) -> None:
    """What follows a file on the connection comes after it (PATH-02, HTTP-CONN-02)."""
    file.write_bytes(CONTENT * 800)

    async def handler(call: Call) -> None:
        await call.start()
        await call.send(path_send(str(file)))

    with serving(Probe(handler)) as served, served.client() as client:
        for _ in range(3):
            client.ask()
        for _ in range(3):
            assert client.response().body == CONTENT * 800


# ------------------------------------------------------------------------------------------ early hints


def hint(*links: Any) -> dict[str, Any]:
    return {"type": "http.response.early_hint", "links": list(links)}


@pytest.mark.usefixtures("each_protocol")
def test_hints_come_before_the_final_head() -> None:
    """Before and after start, each is a 103 of its own with a field for each link (HINT-02, HINT-03, HINT-04)."""

    async def handler(call: Call) -> None:
        await call.send(hint(b"</a>; rel=preload", b"</b>; rel=preload"))
        await call.start()
        await call.send(hint(b"</c>; rel=preload"))
        await call.write(b"done", more=False)

    with serving(Probe(handler)) as served, served.client() as client:
        response = client.get()
        assert response.status == 200
        assert response.body == b"done"
        first, second = response.informational
        assert (first.status, second.status) == (103, 103)
        assert first.all("link") == ["</a>; rel=preload", "</b>; rel=preload"]
        assert second.all("link") == ["</c>; rel=preload"]


def test_a_hint_after_the_head_has_left_never_reaches_the_wire() -> None:
    """Ignored while no body was sent, refused afterwards; no 103 ever follows a 200 (HINT-03, HINT-05)."""

    async def handler(call: Call) -> None:
        await call.start()
        await call.told("left")
        await call.send(hint(b"</late>"))
        await call.write(b"body")
        assert isinstance(await call.raised_by(hint(b"</later>")), MessageError)
        await call.write(b"", more=False)
        await call.send(hint(b"</last>"))

    probe = Probe(handler)
    with serving(probe) as served, served.client() as client:
        client.ask()
        head = client.until(b"\r\n\r\n")
        probe.call().tell("left")
        client.buffer = head + client.buffer
        response = client.response()
        assert response.informational == []
        assert response.body == b"body"
        assert b"late" not in client.buffer
    assert probe.calls[0].wait().error is None


@pytest.mark.usefixtures("each_protocol")
@pytest.mark.parametrize(
    "links",
    [
        pytest.param([b"</a>\r\nx-evil: 1"], id="HINT-07 CR LF"),
        pytest.param([b"</a>\nx"], id="HINT-07 LF"),
        pytest.param([b"</a>\0"], id="HINT-07 NUL"),
        pytest.param(["</a>"], id="ERR-03 str"),
        pytest.param([None], id="ERR-03 None"),
        pytest.param(b"</a>", id="ERR-03 no iterable of links"),
        pytest.param("</a>", id="ERR-03 a str"),
        pytest.param(None, id="ERR-02 absent"),
        pytest.param(5, id="ERR-03 int"),
    ],
)
def test_bad_links_are_refused(links: Any) -> None:
    """Nothing of the hint goes out, and the response is not harmed (HINT-07, A01)."""

    async def handler(call: Call) -> None:
        error = await call.raised_by({"type": "http.response.early_hint", "links": links})
        assert isinstance(error, (MessageError, TypeError))
        await call.answer()

    with serving(Probe(handler)) as served, served.client() as client:
        response = client.get()
        assert response.status == 200
        assert response.informational == []


def test_an_old_client_gets_no_hint() -> None:
    """No 1xx to HTTP/1.0 (HINT-06)."""

    async def handler(call: Call) -> None:
        await call.send(hint(b"</a>"))
        await call.answer()

    with serving(Probe(handler)) as served, served.client() as client:
        client.ask(version="1.0")
        assert client.rest().startswith(b"HTTP/1.1 200")


# --------------------------------------------------------------------------------------------- trailers


def trailers(*headers: Any, **more: Any) -> dict[str, Any]:
    return {"type": "http.response.trailers", "headers": list(headers), **more}


@pytest.mark.parametrize(
    "te", ["trailers", "Trailers", "gzip, trailers", "gzip;q=0.5,trailers;q=1"]
)
def test_trailers_reach_a_client_that_wants_them(te: str) -> None:
    """Fields of several messages, in order, announced or not; the end comes only with the last (TRAIL-03, TRAIL-04, TRAIL-05, TRAIL-07, HTTP-RESP-37)."""

    async def handler(call: Call) -> None:
        await call.start(trailers=True)
        await call.write(b"body", more=False)
        await call.told("seen")
        await call.send(trailers((b"x-one", b"1"), more_trailers=True))
        await call.send(trailers((b"x-two", b"2"), (b"x-one", b"3")))

    probe = Probe(handler)
    with serving(probe) as served, served.client() as client:
        for number in range(2):
            client.ask("/", f"TE: {te}", "Connection: TE")
            response = client.head()
            assert client.chunk() == b"body"
            assert client.buffer == b""
            probe.call(number).tell("seen")
            assert client.chunks(response) == b""
            assert response.trailers == [("x-one", "1"), ("x-two", "2"), ("x-one", "3")]


@pytest.mark.parametrize("te", [(), ("TE: gzip",), ("TE: trailersx",)])
def test_trailers_are_kept_from_a_client_that_did_not_ask(te: tuple[str, ...]) -> None:
    """The body still ends as it should (TRAIL-05)."""

    async def handler(call: Call) -> None:
        await call.start(trailers=True)
        await call.write(b"body", more=False)
        await call.send(trailers((b"x-one", b"1")))

    with serving(Probe(handler)) as served, served.client() as client:
        for _ in range(2):
            response = client.get("/", *te)
            assert response.body == b"body"
            assert response.trailers == []


@pytest.mark.usefixtures("each_protocol")
@pytest.mark.parametrize(
    "field",
    [
        pytest.param((b":status", b"200"), id="TRAIL-08 pseudo header"),
        pytest.param((b"x y", b"1"), id="A01 bad name"),
        pytest.param((b"x", b"1\r\ny: 2"), id="A01 CR LF"),
        pytest.param((b"content-length", b"5"), id="TRAIL-09 content-length"),
        pytest.param((b"transfer-encoding", b"chunked"), id="TRAIL-09 transfer-encoding"),
        pytest.param((b"Host", b"x"), id="TRAIL-09 host"),
        pytest.param((b"set-cookie", b"x"), id="TRAIL-09 set-cookie"),
        pytest.param(("x", b"1"), id="ERR-03 str"),
    ],
)
def test_bad_trailers_are_refused(field: Any) -> None:
    """The message raises, and good ones may still follow (TRAIL-08, TRAIL-09)."""

    async def handler(call: Call) -> None:
        await call.start(trailers=True)
        await call.write(b"body", more=False)
        assert isinstance(await call.raised_by(trailers(field)), MessageError)
        await call.send(trailers((b"x-good", b"1")))

    with serving(Probe(handler)) as served, served.client() as client:
        response = client.get("/", "TE: trailers")
        assert response.trailers == [("x-good", "1")]


def test_trailers_that_never_come_cut_the_response() -> None:
    """The application returns with its trailers pending: no orderly end, no hang (TRAIL-10, HTTP-ERR-04)."""

    async def handler(call: Call) -> None:
        await call.start(trailers=True)
        await call.write(b"body", more=False)

    with serving(Probe(handler)) as served, served.client() as client:
        client.ask("/", "TE: trailers")
        client.head()
        assert client.rest() == b"4\r\nbody\r\n"


@pytest.mark.parametrize("case", ["1.0", "HEAD", "length", "204"])
def test_where_no_trailers_can_be_they_break_nothing(case: str) -> None:
    """To an old client, for HEAD, with a length, with 204: the response is right (TRAIL-11, HTTP-RESP-37)."""

    async def handler(call: Call) -> None:
        headers = [(b"content-length", b"4")] if case == "length" else []
        await call.start(204 if case == "204" else 200, headers, trailers=True)
        await call.write(b"body", more=False)
        await call.send(trailers((b"x-one", b"1")))

    with serving(Probe(handler)) as served, served.client() as client:
        for _ in range(2):
            response = client.get(
                "/",
                "TE: trailers",
                "Connection: keep-alive",
                method="HEAD" if case == "HEAD" else "GET",
                version="1.0" if case == "1.0" else "1.1",
            )
            assert response.body == (b"" if case in {"HEAD", "204"} else b"body")
            if response.get("connection") == "close":
                break


def test_extensions_that_are_not_offered_raise() -> None:
    """Push and debug are unknown messages here (PUSH-05, DEBUG-01, SCOPE-11)."""

    async def handler(call: Call) -> None:
        for message in (
            {"type": "http.response.push", "path": "/x", "headers": []},
            {"type": "http.response.debug", "info": {}},
        ):
            assert isinstance(await call.raised_by(message), MessageError)
        await call.answer()

    with serving(Probe(handler)) as served, served.client() as client:
        assert client.get().status == 200


@each_loop
def test_every_offered_extension_works(new_loop: NewLoop, file: Path) -> None:
    """One response uses all that is offered (SCOPE-06, SCOPE-11)."""

    async def handler(call: Call) -> None:
        assert set(call.scope["extensions"]) == OFFERED
        await call.send(hint(b"</a>"))
        await call.start(trailers=True)
        with file.open("rb") as content:
            await call.send(zero_copy(content, more_body=True))
        await call.send(path_send(str(file))) if call.scope[
            "path"
        ] == "/path" else await call.write(b"end", more=False)
        await call.send(trailers((b"x-sum", b"1")))

    with serving(Probe(handler), new_loop) as served, served.client() as client:
        response = client.get("/", "TE: trailers")
        assert response.informational[0].all("link") == ["</a>"]
        assert response.body == CONTENT + b"end"
        assert response.trailers == [("x-sum", "1")]
