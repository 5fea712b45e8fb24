"""One request, piece by piece: bodies in parts, a reader that stops, a client that leaves when told to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from penstock.testing.conversation import PATIENCE_S, Conversation
from penstock.testing.response import Response

# A client that reads nothing holds the application up after so many messages
WINDOW = 16


class Exchange:
    """A request that is under way; `Client.stream` makes it.

    Every wait has the client's `timeout`; TimeoutError says what did not come.
    """

    def __init__(
        self,
        app: Any,
        scope: dict[str, Any],
        *,
        strict: bool = True,
        timeout: float = PATIENCE_S,
        raise_errors: bool = True,
        window: int | None = WINDOW,
    ) -> None:
        self.conversation = Conversation(app, scope, strict=strict, window=window)
        self.response = Response()
        self._timeout = timeout
        self._raise_errors = raise_errors
        self._trailers = "http.response.trailers" in (scope.get("extensions") or {})
        self._ready: list[bytes] = []

    async def write(self, data: bytes = b"", *, more: bool = True) -> None:
        """Give the application a part of the request's body; the last one has `more=False`."""
        self.conversation.start()
        self.conversation.feed({"type": "http.request", "body": data, "more_body": more})

    async def head(self) -> Response:
        """Wait for status and headers, and return the response as far as it is known."""
        while not self.response.status:
            await self._next("a response")
        return self.response

    def parts(self) -> AsyncIterator[bytes]:
        """The parts of the body as the application sends them, until the response is complete.

        Raises EOFError where the call ended without it; and what the application raised.
        """
        return _Parts(self)

    async def part(self) -> bytes | None:
        """The next part of the body, None at the end of the response; errors as `parts`."""
        while not self._ready:
            if self.response.complete:
                return None
            await self._next("the rest of the response" if self.response.status else "a response")
        part = self._ready.pop(0)
        self.response.body += part
        return part

    async def read(self) -> Response:
        """Wait for the whole response and return it."""
        async for _ in self.parts():
            pass
        return self.response

    async def _next(self, what: str) -> None:
        try:
            message = await self.conversation.output(self._timeout)
        except TimeoutError:
            raise TimeoutError(
                f"the application did not send {what} in {self._timeout} s"
            ) from None
        if message is not None:
            self._ready += self.response.take(message, offered=self._trailers)
            return
        error = self.conversation.error
        if error is not None and (self._raise_errors or self.response.status):
            self.conversation.reraise()
        if self.response.status or error is None:
            raise EOFError(f"the application's call ended without {what}")
        # What a server makes of an exception before the response
        self.response.status, self.response.complete = 500, True

    def disconnect(self, *, send_raises: bool = True) -> None:
        """The client leaves, now; see `Conversation.disconnect`."""
        self.conversation.disconnect(send_raises=send_raises)

    def hold(self) -> None:
        """The client stops reading: `send()` waits."""
        self.conversation.hold()

    def release(self) -> None:
        """The client reads again."""
        self.conversation.release()

    async def ended(self) -> BaseException | None:
        """Wait until the application's call is over; return what it raised, if anything."""
        if not await self.conversation.over(self._timeout):
            raise TimeoutError(f"the application's call did not end in {self._timeout} s")
        return self.conversation.error

    async def finish(self, *, failed: bool = False) -> None:
        """End the exchange: the client leaves, if the call is not over; it is cancelled if it stays.

        Raises what the application raised after a complete response, unless the test `failed` already.
        """
        conversation = self.conversation
        left_early = not conversation.ended and not self.response.complete
        if left_early:
            conversation.disconnect()
        conversation.release()
        stayed = not await conversation.over(self._timeout)
        if stayed:
            await conversation.cancel()
        if failed:
            return
        if stayed:
            raise TimeoutError(f"the application's call did not end in {self._timeout} s")
        if self._raise_errors and not left_early and not isinstance(conversation.error, OSError):
            conversation.reraise()


class _Parts:
    """An iterator and no generator: one that is left in the middle needs nobody to close it."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __aiter__(self) -> _Parts:
        return self

    async def __anext__(self) -> bytes:
        part = await self._exchange.part()
        if part is None:
            raise StopAsyncIteration
        return part
