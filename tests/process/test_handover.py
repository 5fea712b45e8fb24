"""A Config and its binds arrive in another process as they were."""

import marshal
from pathlib import Path

import pytest

from penstock.config import Config
from penstock.config.options import BY_NAME
from penstock.process.handover import pack, pack_bind, unpack, unpack_bind


def test_a_config_arrives_as_it_was_with_its_sources(tmp_path: Path) -> None:
    config = Config(
        "main:app", workers=3, header=["X-A: b"], bind=["127.0.0.1:0", "unix:/tmp/s?mode=600"],
        timeout_keep_alive="75s", log_level="debug", limit_max_rss="100MiB",
        static={"/a": {"folder": tmp_path, "spa": True, "except": ["/a/api"]}},
    )  # fmt: skip
    again = unpack(marshal.loads(marshal.dumps(pack(config))))
    assert {name: getattr(again, name) for name in BY_NAME} == {
        name: getattr(config, name) for name in BY_NAME
    }
    assert again.listeners == config.listeners
    assert again.sources["workers"] == config.sources["workers"]


def test_what_follows_from_other_values_follows_again() -> None:
    config = Config("main:app", timeout_graceful_shutdown=3)
    assert unpack(pack(config)).timeout_disconnect_grace == config.timeout_disconnect_grace == 1


@pytest.mark.parametrize(
    "text", ["127.0.0.1:80", "[::1]:0", "unix:/run/s?mode=600", "fd://3", "systemd:web"]
)
def test_a_bind_arrives_as_it_was(text: str) -> None:
    [bind] = Config("main:app", bind=[text]).listeners
    assert unpack_bind(marshal.loads(marshal.dumps(pack_bind(bind)))) == bind
