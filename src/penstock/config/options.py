"""The table of options: each is declared here, once.

Parser, defaults, validation, `--help`, the types in `typed` and the page docs/options.md all come
from this table. The attribute in Config is `name`; flag, TOML key and environment variable follow
from it (`timeout_x`: `--timeout-x`, `timeout-x`, `PENSTOCK_TIMEOUT_X`) unless said otherwise.
Its larger groups have modules of their own, `options_*`.
"""

from __future__ import annotations

from penstock.config.kinds import Option
from penstock.config.options_files import FILE_OPTIONS
from penstock.config.options_health import HEALTH_OPTIONS
from penstock.config.options_logging import LOG_OPTIONS
from penstock.config.options_processes import PROCESS_OPTIONS
from penstock.config.options_proxy import PROXY_OPTIONS
from penstock.config.options_tls import TLS_OPTIONS

APPLICATION = "Application"
LISTEN = "Where to listen"
SERVING = "Serving"
LIMITS = "Limits"
TIMEOUTS = "Timeouts"
WEBSOCKET = "WebSocket"
WSGI = "WSGI"

OPTIONS: tuple[Option, ...] = (
    # ------------------------------------------------------------------------------ application
    Option(
        "app", "app", None, APPLICATION, optional=True,
        help="what to serve: module:attribute, module:factory() or path/to/file.py[:attribute]",
        reason="only the user knows; without an attribute app, application, then the module's only"
        " application are taken",
    ),
    Option(
        "app_dir", "path", "", APPLICATION,
        help="folder to import the application from; the current one if empty",
        reason="what lies in the current folder is importable, as with uvicorn and gunicorn",
    ),
    Option(
        "factory", "flag", False, APPLICATION,
        help="APP is a function that takes nothing and returns the application",
        reason="most applications are objects; module:factory() says the same without the flag",
    ),
    Option(
        "interface", "choice", "auto", APPLICATION, choices=("auto", "asgi3", "asgi2", "wsgi"),
        synonyms={"asgi": "asgi3"},
        help="how the application wants to be called",
        reason="it can be seen in nearly every application; what cannot be told is explained",
    ),
    Option(
        "lifespan", "choice", "auto", APPLICATION, choices=("auto", "on", "off"),
        help="start and stop the application by ASGI's lifespan; auto: if it knows it",
        reason="not every application knows lifespan, and ASGI lets it say so by raising",
    ),
    Option(
        "root_path", "root_path", "", APPLICATION,
        help="path under which the application is mounted, as in /api",
        reason="most applications own the whole host",
    ),
    Option(
        "env_file", "paths", (), APPLICATION, aliases=("--env-files",),
        help="file of NAME=value lines for the environment, of the application too; what is set already"
        " stays; may be repeated, the last one counts",
        reason="a .env that lies about is not read unless asked for: it may be another program's",
    ),
    Option(
        "root_path_mode", "choice", "auto", APPLICATION, choices=("auto", "kept", "stripped"),
        help="whether the proxy in front takes the root path off the paths that it passes on: auto takes a"
        " path that begins with it for one that has it",
        reason="right for both but for applications with a path of their own that begins like the root path",
    ),
    # ---------------------------------------------------------------------------------- listening
    Option(
        "host", "host", "127.0.0.1", LISTEN,
        help="host name or address to listen on",
        reason="nothing is open to the network unless asked for; 0.0.0.0 where $PORT is what sets the"
        " port, since platforms that set it reach the server from outside",
    ),
    Option(
        "port", "count", 8000, LISTEN, unit="port number", high=65535, env=("PORT",),
        help="port to listen on; 0 lets the system choose",
        reason="what uvicorn, gunicorn and hypercorn listen on",
    ),
    Option(
        "bind", "bind", (), LISTEN, aliases=("-b",),
        help="address to listen on, in place of --host and --port; may be repeated: host:port,"
        " [::1]:port, :port, unix:/path, /path, unix:@name, fd://N, systemd:NAME; after it may stand ?tls,"
        " ?redirect, ?proxy, ?dual, ?mode=660, ?owner=user:group, ?name=word, joined by &",
        reason="one address is enough for most",
    ),
    Option(
        "uds", "socket", None, LISTEN, optional=True,
        help="path of a Unix domain socket to listen on",
        reason="TCP is what clients expect",
    ),
    Option(
        "fd", "count", None, LISTEN, unit="file descriptor", optional=True,
        help="descriptor of an inherited socket to listen on",
        reason="sockets are inherited only under socket activation and supervisors",
    ),
    Option(
        "uds_mode", "mode", 0o666, LISTEN, aliases=("--uds-permissions",),
        help="file mode of the Unix sockets",
        reason="the proxy in front often runs as another user; uvicorn sets the same",
    ),
    Option(
        "uds_owner", "text", None, LISTEN, optional=True,
        help="owner of the Unix sockets' files: user, user:group or :group; whoever --user and --group name, if left"
        " out",
        reason="whoever makes a file owns it, and only root can give it away",
    ),
    Option(
        "announce", "path", None, LISTEN, optional=True,
        help="file to write the addresses to, as JSON, when the server serves; it is gone when that ends",
        reason="for programs that start the server on port 0; people read the log",
    ),
    Option(
        "backlog", "count", 2048, LISTEN, unit="connections", low=1,
        help="connections that may wait to be accepted",
        reason="what uvicorn and gunicorn use; the system caps it (net.core.somaxconn)",
    ),
    # ------------------------------------------------------------------------------------ serving
    Option(
        "loop", "choice", "auto", SERVING, choices=("auto", "uvloop", "asyncio"),
        help="event loop; auto: uvloop where it is installed",
        reason="uvloop is the faster one, and asyncio is always there",
    ),
    Option(
        "header", "headers", (), SERVING,
        help="'Name: value' to add to every response; may be repeated",
        reason="the application knows its headers",
    ),
    Option(
        "server_header", "flag", True, SERVING,
        help="send 'server: penstock'",
        reason="what other servers do; it names no version",
    ),
    Option(
        "date_header", "flag", True, SERVING,
        help="send the date header",
        reason="RFC 9110 section 6.6.1: an origin server with a clock must send it",
    ),
    Option(
        "http2", "flag", True, SERVING,
        help="serve HTTP/2, too: over TLS to clients that offer it, else to those that begin with it",
        reason="browsers and proxies ask for it, and one connection carries all their requests",
    ),
    Option(
        "read_buffer", "size", "64KiB", SERVING, low=4096,
        help="request body that may wait for the application before the socket is no longer read",
        reason="one full read of the socket; more only moves the waiting from the client to here",
    ),
    Option(
        "write_buffer", "size", "64KiB", SERVING, low=1024,
        help="response that may wait for a slow client before the application's send waits too",
        reason="keeps a fast link busy, and bounds what 10,000 slow readers can hold to 640 MiB",
    ),
    # ------------------------------------------------------------------------------------- limits
    Option(
        "limit_connections", "count", 10000, LIMITS, unit="connections", low=1,
        help="open connections; beyond them a connection waits to be accepted",
        reason="more than one process can usually serve, few enough to fit in memory; mind the limit of open"
        " files (ulimit -n)",
    ),
    Option(
        "limit_connections_per_client", "count", None, LIMITS, unit="connections", low=1, optional=True,
        help="open connections from one IPv4 address or IPv6 /64 network, trusted proxies excepted;"
        " beyond them a connection is closed as soon as it is accepted",
        reason="whole offices and mobile networks come from one address; set it where the server faces"
        " the Internet itself",
    ),
    Option(
        "limit_websockets", "count", None, LIMITS, unit="WebSockets", low=1, optional=True,
        help="open WebSockets; beyond them a handshake gets 503",
        reason="the right number depends on the application; the connections are bounded anyway",
    ),
    Option(
        "limit_concurrency", "count", None, LIMITS, unit="requests", low=1, optional=True,
        help="requests that run at once, WebSockets not counted; beyond them a request waits for"
        " --timeout-queue, then 503",
        reason="the right number depends on the application; the connections are bounded anyway",
    ),
    Option(
        "limit_queue", "count", 1000, LIMITS, unit="requests",
        help="requests that may wait for a free place; beyond them 503 at once",
        reason="at 1,000 requests a second it is the --timeout-queue of 1 s; a longer queue only holds"
        " requests that will get a 503",
    ),
    Option(
        "limit_http2_streams", "count", 100, LIMITS, unit="requests", low=1,
        help="requests at once on one HTTP/2 connection; beyond them a client waits",
        reason="RFC 9113 section 6.5.2 recommends no less, and it is what other servers take",
    ),
    Option(
        "limit_request_line", "size", "8KiB", LIMITS, low=64,
        help="bytes of the request line; beyond them 414",
        reason="RFC 9112 section 3 recommends to take at least 8,000 bytes",
    ),
    Option(
        "limit_request_head", "size", "64KiB", LIMITS, low=256,
        help="bytes of request line and headers together, and of trailers; beyond them 431",
        reason="large cookies and tokens fit; uvicorn allows h11 the same",
    ),
    Option(
        "limit_request_fields", "count", 128, LIMITS, unit="header fields", low=1,
        help="header fields of a request, and of trailers; beyond them 431",
        reason="browsers and proxies together send 20 to 40; gunicorn takes 100",
    ),
    Option(
        "limit_chunk_extensions", "size", "16KiB", LIMITS,
        help="bytes of chunk extensions in one body; beyond them 400",
        reason="nobody reads them; without a limit they are a free flood (CVE-2024-22019)",
    ),
    Option(
        "limit_request_body", "size", None, LIMITS, optional=True,
        help="bytes of a request body; beyond them 413",
        reason="bodies are streamed and never held whole, so their size costs the server nothing",
    ),
    Option(
        "limit_undrained_body", "size", "64KiB", LIMITS,
        help="bytes of a body that the application left unread which are read off to keep the"
        " connection; beyond them it is closed",
        reason="less costly than a new connection, and bounded",
    ),
    Option(
        "min_rate", "count", 240, LIMITS, unit="bytes per second",
        help="least speed of request bodies and of clients that read, over --timeout-min-rate; 0: none",
        reason="slower than the poorest phone link, fast enough to end attacks by slowness (240 bytes/s"
        " is the default of Kestrel, too)",
    ),
    # ----------------------------------------------------------------------------------- timeouts
    Option(
        "timeout_startup", "duration", 60, TIMEOUTS,
        help="time for the application's lifespan startup; then exit 3",
        reason="room for migrations and cold caches; hypercorn gives the same",
    ),
    Option(
        "timeout_queue", "duration", 1, TIMEOUTS,
        help="time a request waits for a free place before it gets 503 with Retry-After",
        reason="smooths a burst; waiting longer only adds to an overload",
    ),
    Option(
        "timeout_request_head", "duration", 30, TIMEOUTS,
        help="time from the first byte of a request to the end of its head; then 408",
        reason="absolute, so that one byte now and then cannot stretch it (slowloris)",
    ),
    Option(
        "timeout_keep_alive", "duration", 75, TIMEOUTS,
        aliases=("--keep-alive",),
        help="time an idle connection is kept for its next request",
        reason="longer than the 60 s of common load balancers, so that the balancer, not the server,"
        " closes first and no request is lost in between",
    ),
    Option(
        "timeout_min_rate", "duration", 30, TIMEOUTS,
        help="window over which --min-rate is measured",
        reason="a short stall on a moving train is no attack",
    ),
    Option(
        "timeout_undrained", "duration", 5, TIMEOUTS,
        help="time to read off a body that the application left unread",
        reason="what a client sends into a finished answer deserves no more",
    ),
    Option(
        "timeout_graceful_shutdown", "duration", 30, TIMEOUTS, aliases=("--graceful-timeout",),
        help="time from the signal to the exit, for requests and lifespan together",
        reason="what Kubernetes and gunicorn give before they kill",
    ),
    Option(
        "timeout_disconnect_grace", "duration", 10, TIMEOUTS,
        help="part of the shutdown after which long streams are told http.disconnect",
        reason="a third of the shutdown, so that a stream that listens has time left to finish well; a"
        " shorter shutdown shortens it likewise",
    ),
    Option(
        "timeout_lifespan_shutdown", "duration", 5, TIMEOUTS,
        help="part of the shutdown that is kept for the application's lifespan shutdown",
        reason="a sixth of the shutdown: pools and queues are closed even if requests hang; a shorter"
        " shutdown shortens it likewise",
    ),
    # ---------------------------------------------------------------------------------- websocket
    Option(
        "ws_max_size", "size", "16MiB", WEBSOCKET, low=1,
        aliases=("--websocket-max-message-size",),
        help="bytes of a message, decompressed; beyond them close code 1009",
        reason="what uvicorn takes",
    ),
    Option(
        "ws_max_queue", "count", 32, WEBSOCKET, unit="messages", low=1,
        help="messages that may wait for the application before the socket is no longer read",
        reason="what uvicorn takes",
    ),
    Option(
        "ws_max_fragments", "count", 131072, WEBSOCKET, unit="fragments", low=1,
        help="fragments of one message; beyond them the WebSocket is closed",
        reason="twice the 65,536 of the Autobahn test suite; each costs memory even when empty",
    ),
    Option(
        "ws_max_empty", "count", 1000, WEBSOCKET, unit="fragments", low=1,
        help="empty fragments of one message; beyond them the WebSocket is closed",
        reason="they carry nothing and cost time: more is a flood",
    ),
    Option(
        "ws_ping_interval", "duration", 20, WEBSOCKET, optional=True,
        aliases=("--websocket-ping-interval", "--ping-interval"),
        help="time without a frame after which a ping is sent; none: never",
        reason="keeps proxies with a 30 s idle limit from cutting; uvicorn does the same",
    ),
    Option(
        "ws_ping_timeout", "duration", 20, WEBSOCKET, optional=True, aliases=("--ping-timeout",),
        help="time to wait for the pong before the connection is taken for dead; none: for ever",
        reason="what uvicorn does; it also survives a phone's change of network",
    ),
    Option(
        "ws_close_timeout", "duration", 10, WEBSOCKET,
        help="time to wait for the client's close frame",
        reason="RFC 6455 section 7.1.1 lets the server wait a reasonable time; browsers answer at once",
    ),
    Option(
        "ws_per_message_deflate", "flag", True, WEBSOCKET,
        help="compress messages if the client offers it (RFC 7692)",
        reason="what browsers offer and uvicorn does; its memory is capped by the window below",
    ),
    Option(
        "ws_deflate_window_bits", "count", 12, WEBSOCKET, unit="bits", low=9, high=15,
        help="size of the compression window, as a power of two",
        reason="at 12 bits a connection's compression state stays under 64 KiB (32 to send, 12 to"
        " receive); at 15 bits zlib takes about 300",
    ),
    Option(
        "ws_deflate_takeover", "flag", True, WEBSOCKET,
        help="keep the compression window from message to message",
        reason="small alike messages compress several times better; off saves memory per connection",
    ),
    Option(
        "ws_allowed_origins", "origins", (), WEBSOCKET,
        help="origins that may open a WebSocket, others get 403; empty: the application decides; may be"
        " repeated",
        reason="only the application knows its pages; frameworks check origins themselves",
    ),
    # --------------------------------------------------------------------------------------- wsgi
    Option(
        "threads", "threads", "auto", WSGI, aliases=("--blocking-threads",),
        help="threads that run a WSGI application; 0: on the event loop's own thread",
        reason="auto is CPUs + 4, at most 32, the rule of the standard library's thread pool: such"
        " threads mostly wait for databases, and more of them only fight over the interpreter",
    ),
    Option(
        "drop_underscore_headers", "flag", True, WSGI,
        help="drop request headers with an underscore in their name",
        reason="in the environ X_Forwarded_For and X-Forwarded-For are the same key, so one could stand"
        " in for the other (CVE-2015-0219)",
    ),
    Option(
        "wsgi_drop_proxy_header", "flag", True, WSGI,
        help="drop the request header Proxy",
        reason="as HTTP_PROXY it would redirect the application's own requests (httpoxy,"
        " CVE-2016-1000110)",
    ),
    *PROXY_OPTIONS,
    *HEALTH_OPTIONS,
    *LOG_OPTIONS,
    *PROCESS_OPTIONS,
    *FILE_OPTIONS,
    *TLS_OPTIONS,
)  # fmt: skip

BY_NAME = {option.name: option for option in OPTIONS}
