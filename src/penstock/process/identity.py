"""Who the server is once it has bound its sockets: `--user`, `--group`.

    find     names and numbers → Identity, before anything is opened, so that a slip stops the start
    become   the change, for good: groups, then group, then user, each also as the saved one

The whole server changes, a supervisor like its workers: what parses requests, watches files or runs
the application has no way back to the rights it bound its sockets with.
"""

from __future__ import annotations

import os
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, NamedTuple

from penstock.errors import SetupError, UsageError

if TYPE_CHECKING:
    from pwd import struct_passwd

# (uid_t)-1 means "leave it" to the system calls, so it is no user that one could become.
ID_MAX = 2**32 - 2


class Identity(NamedTuple):
    """A user and what comes with it. `name` and `home` are "" for a number without an account."""

    uid: int
    gid: int
    groups: tuple[int, ...]  # all of them, `gid` first
    name: str
    home: str


def find(user: str | None, group: str | None) -> Identity | None:
    """Return whom `--user` and `--group` mean, None if neither is given.

    Each is a name or a number. Without a group it is the account's own; without a user it is the
    one that runs. UsageError for whom the system does not know.
    """
    if user is None and group is None:
        return None
    if os.name != "posix":
        raise UsageError("--user and --group are for POSIX systems", "leave them out")
    uid, account = _user(user, "--user")
    if group is not None:
        gid = _group(group, "--group")
    elif account is not None:
        gid = account.pw_gid
    else:
        raise UsageError(
            f"--user {user}: no account has this number, so it has no group of its own",
            "name one: --group GROUP",
        )
    if account is None:
        # Nobody knows in which groups a bare number is
        return Identity(uid, gid, (gid,), "", "")
    groups = dict.fromkeys((gid, *os.getgrouplist(account.pw_name, gid)))
    return Identity(uid, gid, tuple(groups), account.pw_name, account.pw_dir)


def _user(user: str | None, option: str) -> tuple[int, struct_passwd | None]:
    import pwd  # only who asks for it

    try:
        if user is not None and not _is_number(user):
            account = pwd.getpwnam(user)
            return account.pw_uid, account
    except KeyError:
        raise UsageError(f"{option}: this system has no user {user!r}") from None
    uid = os.geteuid() if user is None else _number(user, option)
    try:
        return uid, pwd.getpwuid(uid)
    except KeyError:
        return uid, None


def _group(group: str, option: str) -> int:
    import grp

    if _is_number(group):
        return _number(group, option)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise UsageError(f"{option}: this system has no group {group!r}") from None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _number(text: str, option: str) -> int:
    number = int(text) if len(text) <= 10 else ID_MAX + 1
    if number > ID_MAX:
        raise UsageError(f"{option} {text}: the system's numbers end at {ID_MAX}")
    return number


def become(identity: Identity, environ: MutableMapping[str, str]) -> None:
    """Change this process to `identity`, for good, and say so in HOME, LOGNAME and USER.

    To be called while there is one thread. UsageError if this process may not; SetupError if the
    old rights could be had back, after which the process must end.
    """
    uid, gid, groups, name, home = identity
    if _rights() == ({uid}, {gid}) and (os.geteuid() != 0 or set(os.getgroups()) <= set(groups)):
        return
    try:
        # In this order: who is no longer root may change no group
        if name:
            os.initgroups(name, gid)
        else:
            os.setgroups(list(groups))
        _set_all("gid", gid)
        _set_all("uid", uid)
    except PermissionError:
        raise UsageError(
            f"Not allowed to become {_shown(identity)}: this process runs as {_who_runs()}",
            "Start it as root, or start it as that user and leave --user and --group out.",
        ) from None
    except OSError as error:
        raise SetupError(f"Cannot become {_shown(identity)}: {error.strerror}") from None
    _verify(identity)
    if name:
        # Libraries keep their caches in the home folder, and root's is closed to them
        environ.update(HOME=home, LOGNAME=name, USER=name)


def _set_all(kind: str, number: int) -> None:
    """Set the real, the effective and the saved one."""
    set_all: Callable[[int, int, int], None] | None = getattr(os, f"setres{kind}", None)
    if set_all is not None:
        set_all(number, number, number)
    else:
        # Where there is no such call, it sets all three for root (setuid(2) of BSD)
        getattr(os, f"set{kind}")(number)


def _rights() -> tuple[set[int], set[int]]:
    if hasattr(os, "getresuid"):
        return set(os.getresuid()), set(os.getresgid())
    return {os.getuid(), os.geteuid()}, {os.getgid(), os.getegid()}


def _verify(identity: Identity) -> None:
    """Try to come back, by each way there is."""
    uid, gid, groups, _, _ = identity
    if _rights() != ({uid}, {gid}) or not set(os.getgroups()) <= {gid, *groups}:
        raise SetupError(
            f"Became {_shown(identity)} only in part: {os.getuid()}:{os.getgid()},"
            f" groups {os.getgroups()}"
        )
    if uid == 0:
        return  # only the group was to change
    attempts: list[tuple[Callable[[int], None], int]] = [(os.setuid, 0), (os.seteuid, 0)]
    if gid != 0:
        attempts += [(os.setgid, 0), (os.setegid, 0)]
    for attempt, number in attempts:
        try:
            attempt(number)
        except PermissionError:
            continue
        raise SetupError(
            f"Became {_shown(identity)}, but could become root again ({attempt.__name__})",
            "The process keeps a capability over a change of user: start it without.",
        )


def _shown(identity: Identity) -> str:
    return f"{identity.name or identity.uid} (group {identity.gid})"


def _who_runs() -> str:
    import pwd

    uid = os.geteuid()
    try:
        return f"{pwd.getpwuid(uid).pw_name} ({uid})"
    except KeyError:
        return str(uid)
