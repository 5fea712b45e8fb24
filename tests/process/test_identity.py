"""The server becomes another user for good, or says why it cannot."""

import json
import os
import pwd

import pytest

from penstock.errors import SetupError, UsageError
from penstock.process import identity
from penstock.process.identity import Identity, become, find
from tests.command import python

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
NOBODY = pwd.getpwnam("nobody")
STRANGE = 54321  # a number without an account


def test_names_and_numbers_mean_the_same() -> None:
    by_name = find("nobody", None)
    assert by_name == find(str(NOBODY.pw_uid), None)
    assert by_name is not None
    assert by_name[:2] == (NOBODY.pw_uid, NOBODY.pw_gid)
    assert by_name.groups[0] == NOBODY.pw_gid
    assert (by_name.name, by_name.home) == ("nobody", NOBODY.pw_dir)
    assert find(None, None) is None


def test_a_group_alone_keeps_the_user_and_a_group_with_a_user_replaces_its_own() -> None:
    found = find(None, "12345")
    assert found is not None
    assert found[:2] == (os.geteuid(), 12345)
    found = find("nobody", "12345")
    assert found is not None
    assert found[:2] == (NOBODY.pw_uid, 12345)
    assert 12345 in found.groups


def test_a_number_without_account_needs_a_group() -> None:
    assert find(str(STRANGE), "77") == Identity(STRANGE, 77, (77,), "", "")
    with pytest.raises(UsageError, match="no group of its own"):
        find(str(STRANGE), None)


@pytest.mark.parametrize(
    "user, group, text",
    [
        ("no-such-user", None, "--user: this system has no user 'no-such-user'"),
        (None, "no-such-group", "--group: this system has no group 'no-such-group'"),
        (str(2**32 - 1), "0", "end at"),
        ("9" * 5000, "0", "end at"),
    ],
)
def test_whom_the_system_does_not_know_is_told(user: str, group: str, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        find(user, group)


PROGRAM = """
import json, os, sys
from penstock.errors import SetupError
from penstock.process.identity import become, find
found = find(USER, GROUP)
become(found, os.environ)
back = []
for call in (os.setuid, os.seteuid, os.setgid, os.setegid):
    try:
        call(0)
        back.append(call.__name__)
    except PermissionError:
        pass
try:
    os.setgroups([0]); back.append("setgroups")
except PermissionError:
    pass
become(found, os.environ)  # once more changes nothing
print(json.dumps([os.getresuid(), os.getresgid(), sorted(os.getgroups()), back,
                  os.environ.get("HOME"), os.environ.get("USER")]))
"""


@root_only
@pytest.mark.parametrize("user", ["nobody", str(NOBODY.pw_uid)])
def test_the_change_is_whole_and_there_is_no_way_back(user: str) -> None:
    done = python(PROGRAM.replace("USER,", f"{user!r},").replace("GROUP", "None"))
    assert done.returncode == 0, done.stderr
    uids, gids, groups, back, home, name = json.loads(done.stdout)
    assert uids == [NOBODY.pw_uid] * 3
    assert gids == [NOBODY.pw_gid] * 3
    assert groups == sorted(set(os.getgrouplist("nobody", NOBODY.pw_gid)))
    assert back == []
    assert (home, name) == (NOBODY.pw_dir, "nobody")


@root_only
def test_a_number_without_account_has_its_group_and_no_other() -> None:
    program = PROGRAM.replace("find(USER, GROUP)", f"find('{STRANGE}', '77')")
    done = python(program)
    assert done.returncode == 0, done.stderr
    uids, gids, groups, back, _, _ = json.loads(done.stdout)
    assert (uids, gids, groups, back) == ([STRANGE] * 3, [77] * 3, [77], [])


def test_who_is_not_root_is_told_so_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "initgroups", denied)
    monkeypatch.setattr(os, "geteuid", lambda: STRANGE)
    environ: dict[str, str] = {}
    wanted = Identity(STRANGE + 1, 77, (77,), "web", "/srv")
    with pytest.raises(
        UsageError, match=f"Not allowed to become web .*runs as {STRANGE}"
    ) as caught:
        become(wanted, environ)
    assert "Start it as root" in caught.value.hint
    assert environ == {}


def test_who_is_that_user_already_needs_no_right() -> None:
    uid, gid = os.geteuid(), os.getegid()
    become(Identity(uid, gid, (gid, *os.getgroups()), "", ""), {})


@pytest.mark.parametrize("way", ["setuid", "seteuid", "setgid", "setegid"])
def test_a_way_back_stops_the_start(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    def denied(_: int) -> None:
        raise PermissionError

    for name in ("setuid", "seteuid", "setgid", "setegid"):
        monkeypatch.setattr(os, name, denied)
    open_way = lambda _: None  # noqa: E731 - it is given a name right below
    open_way.__name__ = way
    monkeypatch.setattr(os, way, open_way)
    monkeypatch.setattr(identity, "_rights", lambda: ({STRANGE}, {77}))
    monkeypatch.setattr(os, "getgroups", lambda: [77])
    wanted = Identity(STRANGE, 77, (77,), "", "")
    with pytest.raises(SetupError, match=rf"could become root again \({way}\)"):
        identity._verify(wanted)


def test_a_change_that_did_not_happen_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "setgroups", lambda _: None)
    monkeypatch.setattr(identity, "_set_all", lambda *_: None)
    with pytest.raises(SetupError, match="only in part"):
        become(Identity(STRANGE, 77, (77,), "", ""), {})


def test_a_change_in_part_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_rights", lambda: ({STRANGE, 0}, {77}))
    with pytest.raises(SetupError, match="only in part"):
        identity._verify(Identity(STRANGE, 77, (77,), "", ""))
