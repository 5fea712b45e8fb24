"""What the application may send when, as one table: messages, states and actions (ASGI spec 2.5)."""

# Messages, by kind.
SEND = 0
ACCEPT = 1
SHUT = 2  # websocket.close; the name CLOSE is that of the event on the wire
DENY_START = 3
DENY_BODY = 4
KINDS = {
    "websocket.send": SEND,
    "websocket.accept": ACCEPT,
    "websocket.close": SHUT,
    "websocket.http.response.start": DENY_START,
    "websocket.http.response.body": DENY_BODY,
}

# States of the conversation.
CONNECTING = 0
OPEN = 1
DENYING = 2
FINISHED = 3
GONE = 4

DO = 0
REFUSE = 1
IGNORE = 2
LOST = 3
# A row per state, a column per kind of message. After the application's own last word messages are
# ignored (WS-CLOSE-22, A10); once the client, or the server, has ended it they raise an OSError.
ACTIONS = (
    # SEND     ACCEPT   CLOSE    DENY_START DENY_BODY
    (REFUSE, DO, DO, DO, REFUSE),  # connecting
    (DO, REFUSE, DO, REFUSE, REFUSE),  # open
    (REFUSE, REFUSE, REFUSE, REFUSE, DO),  # denying
    (IGNORE, IGNORE, IGNORE, IGNORE, IGNORE),  # finished
    (LOST, LOST, LOST, LOST, LOST),  # gone
)
STATE_NAMES = (
    "before websocket.accept",
    "while the WebSocket is open",
    "after websocket.http.response.start",
    "after the end of the conversation",
    "after the client has left",
)
