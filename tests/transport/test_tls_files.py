"""The files of certificates are found as the options name them, and a change of one is seen."""

import os
from pathlib import Path
from typing import Any

import pytest

from penstock.config import Config
from penstock.errors import UsageError
from penstock.transport import tls_files
from penstock.transport.tls_files import Pair, pairs, signature
from tests import certificates


def config(**options: Any) -> Config:
    return Config(None, **options)


def make(folder: Path, *names: str, text: str = "") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_each_certificate_has_the_key_at_its_place() -> None:
    found = pairs(config(ssl_certfile=["a.pem", "b.pem"], ssl_keyfile=["a.key", "b.key"]))
    assert found == [Pair("a.pem", "a.key"), Pair("b.pem", "b.key")]


def test_without_key_files_the_keys_are_in_the_files_of_the_certificates() -> None:
    assert pairs(config(ssl_certfile="a.pem")) == [Pair("a.pem", "a.pem")]


def test_a_key_too_few_is_refused_with_what_to_do() -> None:
    with pytest.raises(UsageError, match="1 times and --ssl-certfile 2 times") as seen:
        pairs(config(ssl_certfile=["a.pem", "b.pem"], ssl_keyfile="a.key"))
    assert "in the same order" in seen.value.hint


def test_a_folder_gives_its_pairs_by_name(tmp_path: Path) -> None:
    make(tmp_path, "b.crt", "b.key", "a.pem", "a.key", "readme.txt", "chain.pem", ".hidden.pem")
    make(tmp_path, "both.pem", text="-----BEGIN PRIVATE KEY-----")
    found = pairs(config(ssl_cert_dir=tmp_path))
    assert [os.path.basename(pair.certfile) for pair in found] == ["a.pem", "b.crt", "both.pem"]
    assert [os.path.basename(pair.keyfile) for pair in found] == ["a.key", "b.key", "both.pem"]


def test_a_folder_may_hold_folders_as_certbot_and_kubernetes_make_them(tmp_path: Path) -> None:
    make(tmp_path, "one.test/fullchain.pem", "one.test/privkey.pem", "one.test/cert.pem")
    make(tmp_path, "two/tls.crt", "two/tls.key", "..data/tls.crt", "..data/tls.key")
    found = pairs(config(ssl_cert_dir=tmp_path))
    assert [os.path.relpath(pair.certfile, tmp_path) for pair in found] == [
        "one.test/fullchain.pem",
        "two/tls.crt",
    ]


def test_a_folder_may_be_such_a_pair_itself(tmp_path: Path) -> None:
    make(tmp_path, "fullchain.pem", "privkey.pem", "cert.pem", "chain.pem")
    assert len(pairs(config(ssl_cert_dir=tmp_path))) == 1


def test_the_folder_comes_after_the_files_that_are_named(tmp_path: Path) -> None:
    make(tmp_path, "a.pem", "a.key")
    found = pairs(config(ssl_certfile="first.pem", ssl_cert_dir=tmp_path))
    assert [os.path.basename(pair.certfile) for pair in found] == ["first.pem", "a.pem"]


def test_a_folder_without_certificates_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no certificate with its key"):
        pairs(config(ssl_cert_dir=tmp_path))
    with pytest.raises(UsageError, match="No such file"):
        pairs(config(ssl_cert_dir=tmp_path / "none"))


def test_a_folder_of_thousands_of_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_files, "FOLDER_MAX", 3)
    make(tmp_path, "a.pem", "a.key", "b.pem", "b.key")
    with pytest.raises(UsageError, match="more than 3"):
        pairs(config(ssl_cert_dir=tmp_path))


def test_a_file_that_is_replaced_or_written_changes_the_signature(tmp_path: Path) -> None:
    options = certificates.files(tmp_path)
    settings = config(**options)
    seen = [signature(settings)]
    certificates.write(Path(options["ssl_certfile"]), "another")
    seen.append(signature(settings))
    with open(options["ssl_keyfile"], "a", encoding="ascii") as file:
        file.write("\n")
    seen.append(signature(settings))
    os.unlink(options["ssl_keyfile"])
    seen.append(signature(settings))
    assert len(set(seen)) == 4
    assert signature(settings) == seen[-1]


def test_authorities_and_revocations_are_watched_too(tmp_path: Path) -> None:
    make(tmp_path, "ca.pem", "crl.pem")
    settings = config(ssl_ca_certs=tmp_path / "ca.pem", ssl_crl=tmp_path / "crl.pem")
    before = signature(settings)
    make(tmp_path, "crl.pem", text="more")
    assert signature(settings) != before


def test_a_new_pair_in_the_folder_is_a_change(tmp_path: Path) -> None:
    make(tmp_path, "a.pem", "a.key")
    settings = config(ssl_cert_dir=tmp_path)
    before = signature(settings)
    make(tmp_path, "b.pem", "b.key")
    after = signature(settings)
    assert after != before
    for name in ("a.pem", "a.key", "b.pem", "b.key"):
        os.unlink(tmp_path / name)
    assert signature(settings) not in {before, after}
