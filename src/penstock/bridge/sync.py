"""`sync_to_async` and `async_to_sync`: asgiref's `asgiref.sync`, under the same names."""

from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context
from functools import partial
from typing import Any, ParamSpec, TypeVar, cast, overload

from penstock.bridge.to_async import (
    SyncToAsync,
    ThreadSensitiveContext,
    iscoroutinefunction,
    markcoroutinefunction,
)
from penstock.bridge.to_sync import AsyncSingleThreadContext, AsyncToSync

__all__ = [
    "AsyncSingleThreadContext",
    "AsyncToSync",
    "SyncToAsync",
    "ThreadSensitiveContext",
    "async_to_sync",
    "iscoroutinefunction",
    "markcoroutinefunction",
    "sync_to_async",
]

_P = ParamSpec("_P")
_R = TypeVar("_R")


@overload
def sync_to_async(
    func: Callable[_P, _R],
    *,
    thread_sensitive: bool = True,
    executor: Executor | None = None,
    context: Context | None = None,
) -> Callable[_P, Coroutine[Any, Any, _R]]: ...


@overload
def sync_to_async(
    *,
    thread_sensitive: bool = True,
    executor: Executor | None = None,
    context: Context | None = None,
) -> Callable[[Callable[_P, _R]], Callable[_P, Coroutine[Any, Any, _R]]]: ...


def sync_to_async(
    func: Any = None,
    *,
    thread_sensitive: bool = True,
    executor: Executor | None = None,
    context: Context | None = None,
) -> Any:
    """An async function that runs the sync function `func` on a thread, and returns or raises what it
    does. Without `func`, a decorator.

    - `thread_sensitive`: all such code runs on one thread: that of the sync caller above, else that
      of the ThreadSensitiveContext, else one for the whole program (SYNC-06 to SYNC-10). Else on
      `executor`, or the event loop's default one.
    - `context`: the function runs in it, and what it sets stays there. Without, it runs in a copy of
      the caller's context, and what it sets is set in the caller's afterwards (SYNC-13, SYNC-14).

    A cancelled call that is still queued never starts; one that runs goes on alone, unless it waits
    in `async_to_sync`: then that is cancelled, and waited for (SYNC-18, SYNC-19).

    Raises TypeError for async functions, and for an executor beside `thread_sensitive`. The call
    raises RuntimeError where it would wait for itself (SYNC-11).
    """
    options: dict[str, Any] = {
        "thread_sensitive": thread_sensitive,
        "executor": executor,
        "context": context,
    }
    if func is None:
        return partial(SyncToAsync, **options)
    return SyncToAsync(func, **options)


@overload
def async_to_sync(
    awaitable: Callable[_P, Awaitable[_R]], *, force_new_loop: bool = False
) -> Callable[_P, _R]: ...


@overload
def async_to_sync(
    *, force_new_loop: bool = False
) -> Callable[[Callable[_P, Awaitable[_R]]], Callable[_P, _R]]: ...


def async_to_sync(awaitable: Any = None, *, force_new_loop: bool = False) -> Any:
    """A sync function that waits for the async function `awaitable`, and returns or raises what it
    does. Without `awaitable`, a decorator.

    Below `sync_to_async` it runs on the event loop of the caller above, else (and always with
    `force_new_loop`) on a new loop in another thread; meanwhile the calling thread runs the
    thread-sensitive code that is called from there (SYNC-24 to SYNC-26). The context goes there and
    back (SYNC-30).

    The call raises RuntimeError on a thread where an event loop runs (SYNC-22).
    """
    if awaitable is None:
        return partial(AsyncToSync, force_new_loop=force_new_loop)
    return cast(Callable[..., Any], AsyncToSync(awaitable, force_new_loop=force_new_loop))
