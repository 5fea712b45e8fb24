"""Options of static files: nothing is public by default, and each source can say several folders."""

from pathlib import Path

import pytest

from penstock.config import Config
from penstock.config.options_files import FILE_OPTIONS
from penstock.config.sources import load


def test_nothing_of_the_disk_is_public_by_default() -> None:
    assert Config().static == ()
    assert [option.name for option in FILE_OPTIONS] == ["static"]


@pytest.mark.parametrize("source", ["flag", "variable", "list", "table"])
def test_each_source_may_name_several_folders(source: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    texts = [f"/a={tmp_path}/a", f"/b={tmp_path}/b"]
    toml = {
        "list": f"static = {texts!r}",
        "table": f"[static]\n'/a' = '{tmp_path}/a'\n'/b' = '{tmp_path}/b'",
    }
    (tmp_path / "penstock.toml").write_text(toml.get(source, ""))
    flags: dict[str, tuple[object, str]] = (
        {"static": (tuple(texts), "--static")} if source == "flag" else {}
    )
    environ = {"PENSTOCK_STATIC": " ".join(texts)} if source == "variable" else {}
    config, _ = load(flags, environ, tmp_path)
    assert [(mount.route, mount.folder) for mount in config.static] == [
        ("/a", f"{tmp_path}/a"),
        ("/b", f"{tmp_path}/b"),
    ]
