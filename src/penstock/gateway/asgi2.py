"""ASGI 2 applications, called twice, behind the single call of ASGI 3."""

from penstock.asgi import ASGI2Application, ASGI3Application, Receive, Scope, Send


def single_callable(application: ASGI2Application) -> ASGI3Application:
    """Return an ASGI 3 application that serves `application` (COMPAT-10).

    The first call is made as soon as the connection starts, and its instance awaited right after
    (COMPAT-02). Whatever either call raises or returns comes out of the one that is awaited. The
    result is a coroutine function, so that whoever looks at it sees a single callable (COMPAT-11).
    """

    async def single(scope: Scope, receive: Receive, send: Send) -> None:
        instance = application(scope)
        return await instance(receive, send)

    return single
