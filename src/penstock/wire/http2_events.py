"""What `http2_session.Session.next` tells: the numbers of its events."""

# Nothing more is to be had from the bytes fed.
NEED_MORE = 0
# A request's head: `stream` (new), `head`, `protocol`, `ended`.
REQUEST = 1
# A request that is to be answered with `status` and must not reach the application, or, where the
# stream's `owner` is set, a body under way that passed a limit: `stream`, `status`, `text`, `option`.
REFUSED = 2
# Body bytes: `stream`, `data` (may be empty), `ended`.
DATA = 3
# A stream that is over before its response was: `stream`, `code`, `ours`, `text`.
RESET = 4
# The peer is about to leave (RFC 9113 section 6.8): `code`.
GOAWAY = 5
