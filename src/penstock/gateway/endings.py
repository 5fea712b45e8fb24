"""How responses end, and what a record of the access log is about: numbers on the way, names in logs."""

COMPLETE = 0  # all of it was handed over
CLIENT_GONE = 1  # the client left before
TIMEOUT = 2  # one of the server's deadlines cut it
RESET = 3  # the server cut it for another reason: a shutdown, a request that is broken further on
APP_ERROR = 4  # the application failed, stopped in the middle, or sent other than it had declared
UNDER_WAY = 5  # it has only begun
ENDINGS = ("complete", "client-gone", "timeout", "reset", "app-error", "under-way")

REQUEST = 0
STREAM_START = 1
WEBSOCKET_OPEN = 2
WEBSOCKET_CLOSE = 3
EVENTS = ("request", "stream-start", "websocket-open", "websocket-close")
