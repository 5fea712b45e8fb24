"""Mounts: routes and folders in every spelling, and what is refused."""

import itertools
import pickle
import re
import shlex
from pathlib import Path

import pytest

from penstock.config import Config, sources
from penstock.config.mounts import Mount, parse_mounts
from penstock.errors import UsageError


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder has `dist` and `media` in it."""
    for name in ("dist", "media", "what?"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_route_and_a_folder_are_enough(folders: Path) -> None:
    """The folder becomes absolute; who asks for what is not there gets a 404."""
    assert parse_mounts(["/assets=dist"]) == (Mount("/assets", str(folders / "dist"), "404"),)


def test_a_folder_on_all_paths_leaves_the_rest_to_the_application(folders: Path) -> None:
    assert parse_mounts("/=dist") == (Mount("", str(folders / "dist"), "app"),)
    assert parse_mounts("/=dist?missing=404")[0].missing == "404"


def test_settings_stand_behind_a_question_mark(folders: Path) -> None:
    text = (
        "/=dist?spa&cache=1h&index=off&precompressed=off&symlinks=off&hidden&except=/api&except=/ws"
    )
    assert parse_mounts([text]) == (
        Mount(
            "", str(folders / "dist"), "app", "3600", "", "index.html", False, False, True, ("/api", "/ws"),
        ),
    )  # fmt: skip


def test_a_table_says_the_same(folders: Path) -> None:
    """As TOML has it: a folder, or a table with one; also a list of tables."""
    settings = {"spa": True, "cache": 3600, "except": ["/api"], "symlinks": False}
    both = parse_mounts(["/=dist?spa&cache=3600&except=/api&symlinks=off", "/m=media"])
    assert parse_mounts({"/": {"folder": "dist", **settings}, "/m": "media"}) == both
    assert (
        parse_mounts(
            [{"route": "/", "folder": "dist", **settings}, {"route": "/m", "folder": "media"}]
        )
        == both
    )


def test_a_folder_with_a_question_mark_has_its_table(folders: Path) -> None:
    assert parse_mounts({"/a": "what?"})[0].folder == str(folders / "what?")


@pytest.mark.parametrize(
    "text",
    [
        "/a=dist",
        "/=dist",
        "/=dist?missing=404&cache=immutable&index=off&spa=app.html",
        "/=dist?precompressed=off&symlinks=off&hidden&except=/api&except=/ws",
        "/a=dist?missing=app&cache=60&index=home.htm&spa",
    ],
)
def test_what_is_shown_is_read_as_the_same(text: str) -> None:
    (mount,) = parse_mounts([text])
    assert parse_mounts([str(mount)]) == (mount,)
    assert parse_mounts([mount]) == parse_mounts([tuple(mount)]) == (mount,)
    assert pickle.loads(pickle.dumps(mount)) == mount


@pytest.mark.parametrize(
    "raw, says",
    [
        ("dist", "names no folder"),
        (["assets=dist"], "starts with a slash"),
        (["/a=nowhere"], "is no folder, seen from"),
        (["/a="], "is no folder"),
        (["//a=dist"], "empty, '.' or '..' part"),
        (["/a/../b=dist"], "empty, '.' or '..' part"),
        (["/a%20b=dist"], "without query, % or backslash"),
        (["/a=dist?spam"], "did you mean spa?"),
        (["/a=dist?x"], "no setting of a folder: missing"),
        (["/a=dist?missing=no"], "not one of 404, app"),
        (["/a=dist?cache=soon"], "nor a time like 1h"),
        (["/a=dist?symlinks=maybe"], "neither on nor off"),
        (["/a=dist?index=a/b"], "no name of a file"),
        (["/a=dist?spa=.."], "no name of a file"),
        (["/a=dist?except=/b"], "not within the route /a"),
        (["/a=dist?except=/a"], "not within the route /a"),
        (["/a=dist", "/a/=media"], "/a is there twice"),
        ({"/a": 5}, "is no folder"),
        ({"/a": {}}, "names no folder"),
        ([5], "is no '/route=folder'"),
        (5, "is no list of"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_would(raw: object, says: str) -> None:
    with pytest.raises(ValueError) as seen:
        parse_mounts(raw)
    assert says in str(seen.value)


def test_every_source_takes_it(folders: Path) -> None:
    """The environment, a TOML table, and Python."""
    wanted = (Mount("/a", str(folders / "dist")), Mount("/b", str(folders / "media")))
    given, _ = sources.load({}, {"PENSTOCK_STATIC": "/a=dist,/b=media"}, folders)
    assert given.static == wanted
    (folders / "penstock.toml").write_text('[static]\n"/a" = "dist"\n"/b" = {folder = "media"}\n')
    given, _ = sources.load({}, {}, folders)
    assert given.static == wanted
    assert Config(None, static=["/a=dist", "/b=media"]).replace(port=1).static == wanted


def test_a_wrong_one_is_a_usage_error_that_names_its_source() -> None:
    with pytest.raises(UsageError, match=r"^static=: 'nowhere' is no folder"):
        Config(None, static="/a=nowhere")


def test_the_examples_of_the_page_are_understood(folders: Path) -> None:
    """docs/static.md: its commands and its table."""
    page = (Path(__file__).parents[2] / "docs" / "static.md").read_text()
    (folders / "dist" / "assets").mkdir()
    commands = re.findall(r"^    penstock (.*)$", page, re.MULTILINE)
    routes = []
    for command in commands:
        words = shlex.split(command.replace("/srv/media", "media"))
        routes += [
            mount.route
            for word, value in itertools.pairwise(words)
            if word == "--static"
            for mount in parse_mounts([value])
        ]
    assert routes == ["/assets", "", "/media"]
    (table,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (folders / "penstock.toml").write_text(table)
    given, _ = sources.load({}, {}, folders)
    assert [(mount.route, mount.spa, mount.cache) for mount in given.static] == [
        ("/assets", "", "revalidate"),
        ("", "index.html", "hashed"),
    ]
    for name in (
        "missing",
        "cache",
        "index",
        "spa",
        "precompressed",
        "symlinks",
        "hidden",
        "except",
    ):
        assert f"| `{name}` |" in page
