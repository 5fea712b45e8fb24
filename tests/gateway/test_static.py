"""Which request is for a file, and which file that is: routes, indexes, siblings, pages, and who answers for the rest."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from penstock.gateway import static_files
from penstock.gateway.scope import ROOT_PATH_STRIPPED
from tests.gateway.static_trial import CHANGED_S, Site

HTML = (b"accept", b"text/html,*/*;q=0.8")
ALL = (b"accept-encoding", b"gzip, deflate, br, zstd")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A folder under /static."""
    made = Site(tmp_path, "/static=")
    made.write("app.js", "let x")
    made.write("index.html", "<p>")
    made.write("docs/index.html", "docs")
    made.write("empty/file.txt", "x")
    return made


def test_a_file_is_found_with_its_type_and_nosniff(site: Site) -> None:
    seen = site.get("/static/app.js")
    assert (seen.status, seen.body_bytes) == (200, b"let x")
    assert seen.get("content-type") == "text/javascript; charset=utf-8"
    assert seen.get("content-length") == "5"
    assert seen.get("x-content-type-options") == "nosniff"
    assert seen.get("accept-ranges") == "bytes"
    assert seen.get("last-modified") == "Tue, 14 Nov 2023 22:13:20 GMT"


def test_what_is_not_below_a_route_is_the_application_s(site: Site) -> None:
    for target in ("/", "/other", "/staticx", "/static../app.js", "/Static/app.js", "*"):
        assert site.ask(target) is None


@pytest.mark.parametrize("target", ["/static/%61pp.js", "/%73tatic/app.js", "/static/app.js?v=1"])
def test_encoded_paths_and_queries_name_the_same_file(site: Site, target: str) -> None:
    assert site.get(target).body_bytes == b"let x"


@pytest.mark.parametrize(
    "target",
    ["/static/none.js", "/static/../app.js", "/static/%2e%2e/app.js", "/static/..%2fapp.js", "/static/..%5capp.js",
     "/static//app.js", "/static/app.js/", "/static/app.js%00", "/static/.git", "/static/empty", "/static/empty/",
     "/static%2fapp.js"],
)  # fmt: skip
def test_what_is_not_there_is_404(site: Site, target: str) -> None:
    """Also what is never looked for; the application is not asked (A12)."""
    seen = site.get(target)
    assert (seen.status, seen.body_bytes) == (404, b"404: there is no such file\n")
    assert seen.get("x-content-type-options") == "nosniff"


def test_where_it_is_left_to_the_application_nothing_is_404(tmp_path: Path) -> None:
    """The default for a folder on all paths."""
    site = Site(tmp_path, "/=")
    site.write("here", "x")
    assert site.get("/here").status == 200
    for target in ("/none", "/", "/%00", "/../here", "/here/"):
        assert site.ask(target) is None


def test_the_longest_route_counts(tmp_path: Path) -> None:
    site = Site(tmp_path, "/=?missing=404", "/a/b=", "/a=?missing=app")
    site.write("x", "x")
    assert site.get("/a/b/none").status == 404
    assert site.ask("/a/none") is None
    assert site.get("/a/b/x").status == site.get("/a/x").status == site.get("/x").status == 200


def test_routes_that_are_excepted_are_the_application_s(tmp_path: Path) -> None:
    site = Site(tmp_path, "/=?missing=404&spa&except=/api&except=/a/b")
    site.write("index.html", "page")
    site.write("api/x", "x")
    for target in ("/api", "/api/x", "/a/b/c", "/%61pi/x"):
        assert site.ask(target, HTML) is None
    assert site.get("/apis").status == 404


def test_the_root_path_may_be_there_or_not(tmp_path: Path) -> None:
    """A proxy strips it, or does not; and it may say another one for each request."""
    site = Site(tmp_path, "/static=", root_path="/app")
    site.write("x", "x")
    assert site.get("/app/static/x").status == site.get("/static/x").status == 200
    assert site.ask("/app") is None
    assert site.ask("/application/static/x") is None
    site.root_path = "/other"
    assert site.get("/other/static/x").status == site.get("/static/x").status == 200
    assert site.ask("/app/static/x") is None


def test_what_the_proxy_always_strips_is_no_part_of_the_path(tmp_path: Path) -> None:
    """What still begins like the root path is the application's own then."""
    site = Site(tmp_path, "/static=", root_path="/app", root_path_mode=ROOT_PATH_STRIPPED)
    site.write("x", "x")
    assert site.get("/static/x").status == 200
    assert site.ask("/app/static/x") is None


def test_a_websocket_is_the_application_s_everything_else_is_not(site: Site) -> None:
    assert site.ask("/static/app.js", upgrade=b"websocket") is None
    assert site.get("/static/app.js", upgrade=b"h2c").status == 200


@pytest.mark.parametrize(
    "target, location",
    [
        ("/static/docs", "./docs/"),
        ("/static/docs?a=b", "./docs/?a=b"),
        ("/static/%64ocs", "./%64ocs/"),
        ("/static", "./static/"),
    ],
)
def test_a_folder_with_an_index_gets_its_slash(site: Site, target: str, location: str) -> None:
    """By 308, and relative: it can lead to no other host, whatever the path looks like."""
    seen = site.get(target)
    assert (seen.status, seen.get("location")) == (308, location)


def test_the_index_stands_for_its_folder(site: Site) -> None:
    assert site.get("/static/").body_bytes == b"<p>"
    assert site.get("/static/docs/").body_bytes == b"docs"


def test_without_an_index_there_is_none(tmp_path: Path) -> None:
    site = Site(tmp_path, "/a=?index=off", "/b=?index=home.txt")
    site.write("index.html", "x")
    site.write("home.txt", "home")
    assert site.get("/a/").status == site.get("/a").status == 404
    assert site.get("/b/").body_bytes == b"home"
    assert site.get("/b/index.html").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
def test_files_are_only_read(site: Site, method: str) -> None:
    """405 with Allow (RFC 9110 section 15.5.6), whether there is such a file or not."""
    for target in ("/static/app.js", "/static/none"):
        seen = site.get(target, method=method)
        assert (seen.status, seen.get("allow")) == (405, "GET, HEAD, OPTIONS")


def test_options_says_what_may_be_done(site: Site) -> None:
    seen = site.get("/static/app.js", method="OPTIONS")
    assert (seen.status, seen.get("allow"), seen.body_bytes) == (204, "GET, HEAD, OPTIONS", b"")


def test_where_the_application_answers_for_the_rest_it_gets_other_methods(tmp_path: Path) -> None:
    """A form is posted to / although / has an index."""
    site = Site(tmp_path, "/=")
    site.write("index.html", "x")
    assert site.ask("/", method="POST") is None
    assert site.ask("/index.html", method="OPTIONS") is None


def test_head_has_the_same_head_and_no_body(site: Site) -> None:
    got, head = site.get("/static/app.js"), site.get("/static/app.js", method="HEAD")
    assert got.fields == head.fields
    assert (head.status, head.bodyless, head.body_bytes) == (200, True, b"")


# Compressed siblings


def test_a_compressed_sibling_is_taken_by_the_client_s_liking(site: Site) -> None:
    """With the type of the file, a tag of its own, and Vary either way (RFC 9110 section 12.5.5)."""
    plain = site.get("/static/app.js", ALL)
    assert (plain.get("content-encoding"), plain.get("vary")) == (None, "accept-encoding")
    for ending in (".br", ".zst", ".gz"):
        site.write("app.js" + ending, "packed " + ending)
    site.now += 1
    tags = {plain.get("etag")}
    for field, coding, body in (
        (b"gzip, br;q=0.5", "gzip", b"packed .gz"),
        (b"gzip, br, zstd", "br", b"packed .br"),
        (b"gzip;q=0.5, zstd", "zstd", b"packed .zst"),
    ):
        seen = site.get("/static/app.js", (b"accept-encoding", field))
        assert (seen.status, seen.get("content-encoding"), seen.body_bytes) == (200, coding, body)
        assert seen.get("content-type") == "text/javascript; charset=utf-8"
        assert seen.get("vary") == "accept-encoding"
        assert seen.get("content-length") == str(len(body))
        tags.add(seen.get("etag"))
    assert len(tags) == 4
    assert site.get("/static/app.js").body_bytes == b"let x"
    assert site.get("/static/app.js", (b"accept-encoding", b"gzip;q=0")).body_bytes == b"let x"


def test_a_sibling_that_is_older_is_not_served(site: Site) -> None:
    """The file was changed, and its sibling forgotten."""
    site.write("app.js.gz", "packed", CHANGED_S - 1)
    assert site.get("/static/app.js", ALL).body_bytes == b"let x"
    site.write("app.js.gz", "packed", CHANGED_S)
    assert site.get("/static/app.js", ALL).body_bytes == b"packed"


def test_a_sibling_without_its_file_stands_for_nothing(site: Site) -> None:
    site.write("alone.js.gz", "packed")
    assert site.get("/static/alone.js", ALL).status == 404
    assert site.get("/static/alone.js.gz", ALL).get("content-type") == "application/gzip"


def test_no_sibling_is_looked_for_where_none_makes_sense(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images are compressed; nor is one that was missing a moment ago."""
    opened = []
    original = os.open

    def noting(path: Any, *rest: Any, **more: Any) -> int:
        opened.append(os.path.basename(path))
        return original(path, *rest, **more)

    site.write("a.png", "x")
    monkeypatch.setattr(static_files.os, "open", noting)
    assert site.get("/static/a.png", ALL).get("vary") is None
    assert opened == ["a.png"]
    opened.clear()
    site.get("/static/app.js", ALL)
    site.get("/static/app.js", ALL)
    assert opened == ["app.js", "app.js.br", "app.js.zst", "app.js.gz", "app.js"]
    site.now += 1
    site.get("/static/app.js", ALL)
    assert opened[5:] == ["app.js", "app.js.br", "app.js.zst", "app.js.gz"]


def test_siblings_may_be_switched_off(tmp_path: Path) -> None:
    site = Site(tmp_path, "/s=?precompressed=off")
    site.write("a.js", "plain")
    site.write("a.js.gz", "packed")
    seen = site.get("/s/a.js", ALL)
    assert (seen.body_bytes, seen.get("vary")) == (b"plain", None)


def test_a_sibling_that_leads_outside_is_not_served(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    (tmp_path / "secret").write_text("secret")
    site = Site(folder, "/s=")
    site.write("a.js", "plain")
    (folder / "a.js.gz").symlink_to("../secret")
    assert site.get("/s/a.js", ALL).body_bytes == b"plain"


# Pages that find their way in the browser


def test_a_page_load_gets_the_one_page(tmp_path: Path) -> None:
    """Whoever else asks for what is not there gets what there is to get."""
    site = Site(tmp_path, "/=?spa&missing=404", "/admin=?spa=index.html&missing=app")
    site.write("index.html", "page")
    site.write("app.js", "js")
    for target in ("/users/5", "/x.y", "/admin/users", "/deep/%C3%BC"):
        seen = site.get(target, HTML)
        assert (seen.status, seen.body_bytes) == (200, b"page"), target
        assert seen.get("content-type") == "text/html; charset=utf-8"
        assert seen.get("cache-control") == "no-cache"
        assert seen.get("vary") == "accept-encoding, accept"
    assert site.get("/app.js", HTML).body_bytes == b"js"
    assert site.get("/gone.js", (b"accept", b"*/*")).status == 404
    assert site.get("/gone.js").status == 404
    assert site.ask("/admin/api", (b"accept", b"application/json")) is None
    assert site.get("/users/5", HTML, method="POST").status == 405


def test_the_page_has_conditions_and_siblings_like_any_file(tmp_path: Path) -> None:
    site = Site(tmp_path, "/=?spa")
    site.write("index.html", "page")
    site.write("index.html.gz", "packed")
    seen = site.get("/a/b", HTML, ALL)
    assert (seen.get("content-encoding"), seen.body_bytes) == ("gzip", b"packed")
    tag = (seen.get("etag") or "").encode()
    assert site.get("/c/d", HTML, ALL, (b"if-none-match", tag)).status == 304


def test_without_the_page_it_is_as_without_the_setting(tmp_path: Path) -> None:
    site = Site(tmp_path, "/=?spa", "/a=?spa")
    assert site.ask("/users/5", HTML) is None
    assert site.get("/a/b", HTML).status == 404


# Caching


@pytest.mark.parametrize(
    "setting, name, value",
    [
        ("", "a.js", "no-cache"),
        ("cache=off", "a.js", None),
        ("cache=off", "index.html", None),
        ("cache=1h", "a.js", "public, max-age=3600"),
        ("cache=0", "a.js", "public, max-age=0"),
        ("cache=immutable", "a.js", "public, max-age=31536000, immutable"),
        ("cache=hashed", "a.js", "no-cache"),
        ("cache=hashed", "a-8e0d62a03.js", "public, max-age=31536000, immutable"),
        ("cache=revalidate", "a-8e0d62a03.js", "no-cache"),
    ],
)
def test_how_long_it_may_be_kept_is_the_mount_s_to_say(
    tmp_path: Path, setting: str, name: str, value: str | None
) -> None:
    site = Site(tmp_path, f"/s=?{setting}")
    site.write(name, "x")
    seen = site.get(f"/s/{name}")
    assert seen.get("cache-control") == value
    tag = (seen.get("etag") or "").encode()
    again = site.get(f"/s/{name}", (b"if-none-match", tag))
    assert (again.status, again.get("cache-control")) == (304, value)


@pytest.mark.parametrize("setting", ["1h", "immutable", "hashed"])
def test_an_index_is_never_kept_for_long(tmp_path: Path, setting: str) -> None:
    """Its address says nothing of its content."""
    site = Site(tmp_path, f"/s=?cache={setting}")
    site.write("index.html", "x")
    assert site.get("/s/").get("cache-control") == "no-cache"


# What is kept between requests


def test_a_file_that_changes_is_served_anew_at_once(site: Site) -> None:
    first = site.get("/static/app.js")
    site.write("app.js", "let y", CHANGED_S + 1)
    second = site.get("/static/app.js")
    assert second.body_bytes == b"let y"
    assert first.get("etag") != second.get("etag")
    assert first.get("last-modified") != second.get("last-modified")
    (site.folder / "app.js").unlink()
    assert site.get("/static/app.js").status == 404
    site.write("app.js", "back")
    assert site.get("/static/app.js").body_bytes == b"back"


def test_what_is_kept_of_paths_is_bounded(site: Site) -> None:
    """A client that makes paths up fills no memory."""
    for number in range(3000):
        site.get(f"/static/{number}")
        site.ask(f"/app/{number}")
        assert len(site.files._places) <= 1024
    site.get("/static/" + "x" * 300)
    assert (b"/static/" + b"x" * 300, "") not in site.files._places


# Failures


def test_no_descriptor_left_is_503_and_told_once_a_second(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S07: the client may come again, and the log is no second victim."""

    def fail(*_: Any, **__: Any) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patched:
        patched.setattr(static_files.os, "open", fail)
        for _ in range(5):
            seen = site.get("/static/app.js")
            assert (seen.status, seen.get("retry-after")) == (503, "1")
        assert len(site.notes) == 1
        level, said = site.notes[0]
        assert level == "warning"
        assert "app.js" in said and "Too many open files" in said
        site.now += 1
        site.get("/static/app.js")
        assert len(site.notes) == 2
    assert site.get("/static/app.js").status == 200


@pytest.mark.parametrize("number, status", [(errno.EACCES, 403), (errno.EIO, 500)])
def test_what_cannot_be_had_is_told_and_not_left_to_the_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    """403 for what may not be read: it is there, and somebody has to mend it."""
    site = Site(tmp_path, "/=?spa")
    site.write("x", "x")

    def fail(*_: Any, **__: Any) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(static_files.os, "open", fail)
        assert site.get("/x", HTML).status == status
    assert len(site.notes) == 1
