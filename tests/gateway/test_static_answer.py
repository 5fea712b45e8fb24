"""What is answered with a file: entity tags, dates, conditions and ranges, each about the representation that was chosen."""

import email
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from penstock.gateway.static_answer import entity_tag, last_modified_s, redirect
from penstock.gateway.static_files import OpenFile
from penstock.wire.events import Head
from tests.gateway.static_trial import NOW, Site

CONTENT = bytes(range(256)) * 40
DATE = b"Tue, 14 Nov 2023 22:13:20 GMT"
EARLIER = b"Tue, 14 Nov 2023 22:13:19 GMT"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path, "/s=")
    made.write("a.bin", CONTENT)
    made.write("a.css", "body{}" * 100)
    made.write("empty", "")
    return made


def facts(modified_ns: int, size: int = 5, changed_ns: int = 7) -> OpenFile:
    """A file that is not open."""
    info = SimpleNamespace(st_size=size, st_mtime_ns=modified_ns, st_ctime_ns=changed_ns)
    return OpenFile(-1, info)  # type: ignore[arg-type]


def test_the_tag_tells_times_sizes_and_codings_apart() -> None:
    """It is strong, and the same on each machine that has the same file."""
    now_ns = int(NOW * 10**9)
    tags = {
        entity_tag(facts(now_ns), b""),
        entity_tag(facts(now_ns + 1), b""),
        entity_tag(facts(now_ns, 6), b""),
        entity_tag(facts(now_ns), b"br"),
        entity_tag(facts(now_ns), b"gzip"),
    }
    assert len(tags) == 5
    assert all(re.fullmatch(rb'"[0-9a-f]+-[0-9a-f]+(-[a-z]+)?"', tag) for tag in tags)
    assert entity_tag(facts(now_ns, 5, 1), b"") == entity_tag(facts(now_ns, 5, 2), b"")


@pytest.mark.parametrize("second", [0, 1, 315_532_800])
def test_the_times_of_reproducible_builds_say_nothing(second: int) -> None:
    """All files of 1970 or 1980 are alike: the inode's time tells them apart, and no date is told."""
    same = [facts(second * 10**9, 5, changed) for changed in (1, 2)]
    assert entity_tag(same[0], b"") != entity_tag(same[1], b"")
    assert last_modified_s(same[0], NOW) is None


def test_a_date_in_the_future_is_not_told() -> None:
    """RFC 9110 section 8.8.2.1."""
    assert last_modified_s(facts(int(NOW + 1) * 10**9), NOW) is None
    assert last_modified_s(facts(int(NOW) * 10**9), NOW) == NOW


def test_once_the_future_has_come_its_date_is_told(site: Site) -> None:
    site.write("a.bin", "x", NOW + 5)
    assert site.get("/s/a.bin").get("last-modified") is None
    site.now += 6
    assert site.get("/s/a.bin").get("last-modified") is not None


def test_who_has_it_already_gets_304_without_a_body(site: Site) -> None:
    """With what RFC 9110 section 15.4.5 demands: ETag, Cache-Control, Vary; without what describes a body."""
    tag = (site.get("/s/a.css").get("etag") or "").encode()
    for method in ("GET", "HEAD"):
        for condition in ((b"if-none-match", tag), (b"if-modified-since", DATE)):
            seen = site.get("/s/a.css", condition, method=method)
            assert (seen.status, seen.body_bytes, seen.bodyless) == (304, b"", True)
            assert seen.get("etag") == tag.decode()
            assert seen.get("cache-control") == "no-cache"
            assert seen.get("vary") == "accept-encoding"
            for name in ("content-length", "content-type", "content-encoding", "last-modified"):
                assert seen.get(name) is None


def test_who_has_another_gets_the_file(site: Site) -> None:
    for condition in ((b"if-none-match", b'"other"'), (b"if-modified-since", EARLIER)):
        assert site.get("/s/a.bin", condition).body_bytes == CONTENT


@pytest.mark.parametrize(
    "condition", [(b"if-match", b'"other"'), (b"if-unmodified-since", EARLIER)]
)
def test_a_failed_precondition_is_412(site: Site, condition: tuple[bytes, bytes]) -> None:
    seen = site.get("/s/a.bin", condition)
    assert seen.status == 412
    assert seen.get("content-length") == str(len(seen.body_bytes))


def test_a_tag_of_one_coding_does_not_stand_for_another(site: Site) -> None:
    """Else a cache would hand gzip to whoever cannot read it."""
    site.write("a.css.gz", "packed")
    gzip = (b"accept-encoding", b"gzip")
    plain = (site.get("/s/a.css").get("etag") or "").encode()
    packed = (site.get("/s/a.css", gzip).get("etag") or "").encode()
    assert site.get("/s/a.css", gzip, (b"if-none-match", plain)).status == 200
    assert site.get("/s/a.css", (b"if-none-match", packed)).status == 200
    assert site.get("/s/a.css", gzip, (b"if-none-match", packed)).status == 304


@pytest.mark.parametrize(
    "value, start, end",
    [(b"bytes=0-0", 0, 1), (b"bytes=100-199", 100, 200), (b"bytes=10000-", 10000, 10240), (b"bytes=-40", 10200, 10240),
     (b"bytes=0-99999", 0, 10240), (b"bytes=0-10,5-20", 0, 21)],
)  # fmt: skip
def test_one_range_is_a_206_with_its_place(site: Site, value: bytes, start: int, end: int) -> None:
    """RFC 9110 section 15.3.7.1."""
    seen = site.get("/s/a.bin", (b"range", value))
    assert (seen.status, seen.body_bytes) == (206, CONTENT[start:end])
    assert seen.get("content-range") == f"bytes {start}-{end - 1}/{len(CONTENT)}"
    assert seen.get("content-length") == str(end - start)
    assert seen.get("content-type") == "application/octet-stream"
    assert seen.get("etag") == site.get("/s/a.bin").get("etag")


def test_several_ranges_are_multipart(site: Site) -> None:
    """RFC 9110 section 15.3.7.2: Content-Range stands in the parts and not in the head."""
    seen = site.get("/s/a.bin", (b"range", b"bytes=5000-5009,0-4,-3"))
    assert seen.status == 206
    assert seen.get("content-range") is None
    assert seen.get("content-length") == str(len(seen.body_bytes))
    head = f"Content-Type: {seen.get('content-type')}\r\n\r\n".encode()
    parts = email.message_from_bytes(head + seen.body_bytes).get_payload()
    assert isinstance(parts, list)
    assert [part["content-range"] for part in parts] == [
        "bytes 5000-5009/10240", "bytes 0-4/10240", "bytes 10237-10239/10240",
    ]  # fmt: skip
    assert CONTENT[5000:5010] + b"\r\n--" in seen.body_bytes


def test_a_range_that_cannot_be_satisfied_is_416_with_the_size(site: Site) -> None:
    """RFC 9110 section 15.5.17."""
    for target, size in (("/s/a.bin", 10240), ("/s/empty", 0)):
        seen = site.get(target, (b"range", b"bytes=10240-"))
        assert (seen.status, seen.get("content-range")) == (416, f"bytes */{size}")
        assert seen.get("content-encoding") is None


@pytest.mark.parametrize(
    "fields",
    [
        [(b"range", b"bytes=5-1")],
        [(b"range", b"lines=1-2")],
        [(b"range", b"bytes=" + b"0-," * 5000)],
        [(b"range", b"bytes=0-1"), (b"range", b"bytes=2-3")],
        [(b"range", b"bytes=0-1"), (b"if-range", b'"other"')],
        [(b"range", b"bytes=0-1"), (b"if-range", EARLIER)],
        [(b"if-range", DATE)],
    ],
)
def test_a_range_that_does_not_count_leaves_the_whole_file(
    site: Site, fields: list[tuple[bytes, bytes]]
) -> None:
    seen = site.get("/s/a.bin", *fields)
    assert (seen.status, seen.body_bytes) == (200, CONTENT)


def test_a_range_holds_while_the_file_is_the_same(site: Site) -> None:
    tag = (site.get("/s/a.bin").get("etag") or "").encode()
    for condition in (tag, DATE):
        seen = site.get("/s/a.bin", (b"range", b"bytes=1-2"), (b"if-range", condition))
        assert (seen.status, seen.body_bytes) == (206, CONTENT[1:3])


def test_conditions_come_before_ranges(site: Site) -> None:
    """RFC 9110 section 13.2.2, step 5 is the last."""
    tag = (site.get("/s/a.bin").get("etag") or "").encode()
    asked = (b"range", b"bytes=1-2")
    assert site.get("/s/a.bin", asked, (b"if-none-match", tag)).status == 304
    assert site.get("/s/a.bin", asked, (b"if-match", b'"other"')).status == 412
    assert site.get("/s/a.bin", (b"range", b"bytes=99999-"), (b"if-none-match", tag)).status == 304


def test_head_knows_no_ranges(site: Site) -> None:
    """RFC 9110 section 14.2: Range is for GET."""
    seen = site.get("/s/a.bin", (b"range", b"bytes=1-2"), method="HEAD")
    assert (seen.status, seen.get("content-length")) == (200, "10240")


def test_ranges_of_a_compressed_sibling_are_its_own_bytes(site: Site) -> None:
    site.write("a.css.gz", "0123456789")
    seen = site.get("/s/a.css", (b"accept-encoding", b"gzip"), (b"range", b"bytes=2-4"))
    assert (seen.status, seen.body_bytes, seen.get("content-encoding")) == (206, b"234", "gzip")
    assert seen.get("content-range") == "bytes 2-4/10"
    assert seen.get("vary") == "accept-encoding"


def test_an_empty_file_is_empty(site: Site) -> None:
    seen = site.get("/s/empty")
    assert (seen.status, seen.get("content-length"), seen.body_bytes) == (200, "0", b"")


@pytest.mark.parametrize(
    "path", [b"//evil.example", b"/\\evil.example", b"/a/http:", b"/a:b", b"/.."]
)
def test_a_redirect_leads_to_no_other_host(path: bytes) -> None:
    """Whatever path came this far: its target begins with a dot and a slash, so it is a relative path."""
    made = redirect(Head("GET", path, b"x=//y", [], "1.1"))
    location = dict(made.headers)[b"location"]
    assert location.startswith(b"./")
    assert b"/" not in location[2:].partition(b"?")[0][:-1]
