"""A WebSocket to an application in the test's process."""

from __future__ import annotations

import json
from typing import Any

from penstock.testing.conversation import PATIENCE_S, Conversation
from penstock.testing.response import Headers, Response


class Denied(Exception):
    """The application refused the WebSocket; `response` is its answer, 403 if it has only closed."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"the application refused the WebSocket: {response.status}")
        self.response = response


class Closed(Exception):
    """The application closed the WebSocket, with `code` and `reason`; without a close code is 1000 where
    its call returned (RFC 6455 section 7.4.1)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"the application closed the WebSocket: {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class WebSocket:
    """An open WebSocket; `Client.websocket` makes it. `subprotocol` and `headers` are what was accepted."""

    def __init__(
        self, app: Any, scope: dict[str, Any], *, strict: bool = True, timeout: float = PATIENCE_S
    ) -> None:
        self.conversation = Conversation(app, scope, strict=strict)
        self.subprotocol: str | None = None
        self.headers = Headers()
        self._timeout = timeout
        self._closed = False

    async def open(self) -> None:
        """Ask for the WebSocket. Raises Denied, and what the application raised."""
        self.conversation.feed({"type": "websocket.connect"})
        message = await self._output("an answer to websocket.connect")
        kind = message["type"]
        if kind == "websocket.accept":
            self.subprotocol = message.get("subprotocol")
            self.headers = Headers(
                (bytes(name), bytes(value)) for name, value in message.get("headers") or ()
            )
            return
        self._closed = True
        response = Response()
        if kind == "websocket.close":
            response.status, response.complete = 403, True
        else:
            response.body += b"".join(response.take(message))
            while not response.complete:
                message = await self._output("the rest of its response")
                response.body += b"".join(response.take(message))
        raise Denied(response)

    async def send(self, data: str | bytes) -> None:
        """Send a message, of text or of bytes."""
        key = "text" if isinstance(data, str) else "bytes"
        self.conversation.feed({"type": "websocket.receive", key: data})

    async def send_json(self, value: Any) -> None:
        """Send `value` as JSON, in a message of text."""
        await self.send(json.dumps(value))

    async def receive(self) -> str | bytes:
        """The next message. Raises Closed, TimeoutError, and what the application raised."""
        message = await self._output("a message")
        if message["type"] == "websocket.close":
            self._closed = True
            raise Closed(message.get("code", 1000), message.get("reason") or "")
        text = message.get("text")
        return text if text is not None else bytes(message["bytes"])

    async def receive_json(self) -> Any:
        """The next message, parsed as JSON."""
        return json.loads(await self.receive())

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close it from the client's side, and wait for the end of the application's call."""
        await self._leave({"type": "websocket.disconnect", "code": code, "reason": reason})

    async def lose(self) -> None:
        """Lose the connection without a close frame (code 1006), and wait for the end of the call."""
        await self._leave({"type": "websocket.disconnect", "code": 1006, "reason": ""})

    async def _leave(self, event: dict[str, Any]) -> None:
        self._closed = True
        self.conversation.disconnect(event)
        if not await self.conversation.over(self._timeout):
            await self.conversation.cancel()
            raise TimeoutError(f"the application's call did not end in {self._timeout} s")
        if not isinstance(self.conversation.error, OSError):
            self.conversation.reraise()

    async def finish(self, *, failed: bool = False) -> None:
        """End it, if it is open; raises what the application raised unless the test `failed` already."""
        if failed:
            self.conversation.disconnect()
            if not await self.conversation.over(self._timeout):
                await self.conversation.cancel()
        elif not self._closed:
            await self.close()
        elif not await self.conversation.over(self._timeout):
            await self.conversation.cancel()
            raise TimeoutError(f"the application's call did not end in {self._timeout} s")

    async def _output(self, what: str) -> dict[str, Any]:
        try:
            message = await self.conversation.output(self._timeout)
        except TimeoutError:
            raise TimeoutError(
                f"the application did not send {what} in {self._timeout} s"
            ) from None
        if message is None:
            self._closed = True
            self.conversation.reraise()
            raise Closed(1000, "")
        return message
