"""The parts of a scope that HTTP and WebSocket conversations share."""

from typing import Any

from penstock.errors import ClientDisconnected

# What a proxy in front has done with the root path: taken off where the path does not begin with it;
# never; always.
ROOT_PATH_AUTO = 0
ROOT_PATH_KEPT = 1
ROOT_PATH_STRIPPED = 2
ROOT_PATH_MODES = {
    "auto": ROOT_PATH_AUTO,
    "kept": ROOT_PATH_KEPT,
    "stripped": ROOT_PATH_STRIPPED,
}

# A chain of waits longer than this is cut short in the log.
_DEPTH_MAX = 100


def decode_path(raw_path: bytes, root_path: str, mode: int) -> str:
    """ASGI's `path` of a received path: percent-decoded once, then UTF-8, never normalised.

    `root_path` is contained exactly once, added where it is not there: `mode` is one of ROOT_PATH_*
    (HTTP-SCOPE-06 to 08, HTTP-SCOPE-14). Bytes that are no UTF-8 become U+FFFD.
    """
    if b"%" in raw_path:
        # Here, since a worker that is never asked for such a path does without half a megabyte
        from urllib.parse import unquote_to_bytes

        path = unquote_to_bytes(raw_path).decode("utf-8", "replace")
    else:
        path = raw_path.decode("ascii")
    if not root_path or mode == ROOT_PATH_KEPT:
        return path
    if mode == ROOT_PATH_STRIPPED or not is_under(path, root_path):
        return root_path + path
    return path


def is_under(path: str, root_path: str) -> bool:
    """Whether `path` is `root_path` or lies below it."""
    return path == root_path or path.startswith(root_path + "/")


def where(coroutine: Any) -> str:
    """Where a suspended coroutine waits, innermost frame last: `file:line function` for the log.

    Walks `cr_await` and its kin; stops at the first thing that is no coroutine.
    """
    frames = []
    for _ in range(_DEPTH_MAX):
        if coroutine is None:
            break
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is not None:
            code = frame.f_code
            frames.append(f"{code.co_filename}:{frame.f_lineno} {code.co_name}")
        following = getattr(coroutine, "cr_await", None)
        if following is None:
            following = getattr(coroutine, "gi_yieldfrom", None)
        coroutine = following
    return " > ".join(frames[-3:]) or "not started"


def lost_client(exc: Any) -> bool:
    """Whether an exception that escaped an application says only that its client has left.

    That is the `ClientDisconnected` that `send` raised, what a framework raised from or during it
    (Starlette's own class, for one), or a group of such (ERR-11, HTTP-DISC-08).
    """
    for _ in range(_DEPTH_MAX):
        if exc is None:
            break
        if isinstance(exc, ClientDisconnected):
            return True
        if isinstance(exc, BaseExceptionGroup):
            return all(map(lost_client, exc.exceptions))
        exc = exc.__cause__ or exc.__context__
    return False
