"""One page that shows HTTP, an event stream, a WebSocket and an upload at work in a browser.

Start it with `penstock examples/hello.py`, and open http://127.0.0.1:8000. It is plain ASGI and
needs nothing but the server: `app` at the end decides who answers.
"""

import asyncio
import json
import platform
import time
from collections.abc import Awaitable, Callable, MutableMapping
from hashlib import sha256
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

UPLOAD_BYTES_MAX = 1 << 30
POLICY = (
    b"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
    b" connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
)


async def answer(send: Send, status: int, kind: bytes, body: bytes) -> None:
    """Send a whole response."""
    headers = [
        (b"content-type", kind),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def answer_json(send: Send, value: Any, status: int = 200) -> None:
    """Send a value as JSON."""
    await answer(send, status, b"application/json", json.dumps(value).encode())


async def page(_: Any, receive: Receive, send: Send) -> None:
    """The page itself; its script and style are inside, so the policy allows nothing else."""
    body = PAGE.encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"content-security-policy", POLICY),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def hello(scope: Any, receive: Receive, send: Send) -> None:
    """What the server told the application about this request."""
    headers = dict(scope["headers"])
    await answer_json(
        send,
        {
            "protocol": f"HTTP/{scope['http_version']}",
            "scheme": scope["scheme"],
            "client": ":".join(map(str, scope["client"])) if scope["client"] else "unix socket",
            "user_agent": headers.get(b"user-agent", b"").decode("latin-1"),
            "python": f"{platform.python_implementation()} {platform.python_version()}",
            "extensions": sorted(scope.get("extensions") or {}),
        },
    )


async def clock(_: Any, receive: Receive, send: Send) -> None:
    """Server-sent events: the time, each second, until the browser goes away."""
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    gone = asyncio.ensure_future(receive_disconnect(receive))
    number = 0
    try:
        while not gone.done():
            number += 1
            event = json.dumps({"number": number, "time": time.strftime("%H:%M:%S")})
            data = f"id: {number}\ndata: {event}\n\n".encode()
            await send({"type": "http.response.body", "body": data, "more_body": True})
            await asyncio.wait([gone], timeout=1)
        # The server says `http.disconnect` also when it stops: then the stream ends well.
        await send({"type": "http.response.body"})
    except OSError:
        pass  # the browser has gone
    finally:
        gone.cancel()


async def receive_disconnect(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def upload(_: Any, receive: Receive, send: Send) -> None:
    """Read the body piece by piece, so that a large file needs no memory."""
    started = time.monotonic()
    digest = sha256()
    total = pieces = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body = message.get("body", b"")
        more = message.get("more_body", False)
        total += len(body)
        pieces += bool(body)
        if total > UPLOAD_BYTES_MAX:
            await answer_json(send, {"error": "more than 1 GiB"}, 413)
            return
        digest.update(body)
    seconds = max(time.monotonic() - started, 1e-6)
    await answer_json(
        send,
        {
            "bytes": total,
            "pieces": pieces,
            "sha256": digest.hexdigest(),
            "mib_per_s": round(total / seconds / (1 << 20), 1),
        },
    )


async def echo(_: Any, receive: Receive, send: Send) -> None:
    """A WebSocket that sends back what it gets."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        if text is not None:
            await send({"type": "websocket.send", "text": text})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"]})


async def lifespan(_: Any, receive: Receive, send: Send) -> None:
    """Nothing to set up: say so, and wait for the end."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


ROUTES = {
    ("http", "GET", "/"): page,
    ("http", "GET", "/hello"): hello,
    ("http", "GET", "/clock"): clock,
    ("http", "POST", "/upload"): upload,
    ("websocket", "GET", "/echo"): echo,
}


async def app(scope: Any, receive: Receive, send: Send) -> None:
    """The application: looks up who answers."""
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
        return
    method = scope.get("method", "GET")
    path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
    route = ROUTES.get((scope["type"], "GET" if method == "HEAD" else method, path))
    if route is not None:
        await route(scope, receive, send)
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close"})
    else:
        await answer(send, 404, b"text/plain; charset=utf-8", b"There is nothing here.\n")


PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Penstock is running</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='7' fill='%230b6e8a'/%3E%3Cpath d='M7 8h18M16 8v9M8 24c3-4 5-4 8 0s5 4 8 0' stroke='%23fff' stroke-width='3' fill='none' stroke-linecap='round'/%3E%3C/svg%3E">
<style>
:root {
  --bg: #f4f7f8; --card: #fff; --text: #16242b; --soft: #52656e; --line: #d5dfe3;
  --accent: #0b6e8a; --on-accent: #fff; --good: #14713d; --bad: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #0f171b; --card: #172228; --text: #e6eef1; --soft: #9db1ba; --line: #2b3b43;
    --accent: #5cc4e0; --on-accent: #06232c; --good: #6fd39a; --bad: #ff9a92;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--bg); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
main { max-width: 64rem; margin: 0 auto; padding: 2.5rem 1.25rem 3rem; }
header { display: flex; gap: 1rem; align-items: center; margin-bottom: 1.75rem; }
header svg { flex: none; width: 3.25rem; height: 3.25rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0; letter-spacing: -.01em; }
header p { margin: .2rem 0 0; color: var(--soft); }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); }
section {
  background: var(--card); border: 1px solid var(--line); border-radius: .8rem;
  padding: 1.1rem 1.25rem 1.25rem; display: flex; flex-direction: column; min-height: 15rem;
}
.top { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; }
h2 { font-size: 1.05rem; margin: 0; }
.state { font-size: .85rem; color: var(--soft); white-space: nowrap; }
.state::before { content: "\\25CB\\00A0"; }
.state.good { color: var(--good); }
.state.good::before { content: "\\25CF\\00A0"; }
.state.bad { color: var(--bad); }
.state.bad::before { content: "\\25B2\\00A0"; }
section > p { margin: .15rem 0 .9rem; color: var(--soft); font-size: .92rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0; font-size: .92rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.big { font-size: 2.6rem; line-height: 1.15; font-variant-numeric: tabular-nums; margin: auto 0 0; }
.note { color: var(--soft); font-size: .92rem; margin: .15rem 0 auto; }
form, .row { display: flex; gap: .6rem; flex-wrap: wrap; }
input[type=text] {
  flex: 1 1 10rem; min-width: 0; font: inherit; color: inherit; background: var(--bg);
  border: 1px solid var(--soft); border-radius: .5rem; padding: .45rem .7rem;
}
button, .pick {
  font: inherit; font-weight: 600; color: var(--on-accent); background: var(--accent);
  border: 0; border-radius: .5rem; padding: .5rem 1rem; cursor: pointer;
}
button:disabled { opacity: .55; cursor: default; }
:focus-visible, input[type=file]:focus-visible + .pick { outline: 3px solid var(--accent); outline-offset: 2px; }
.quiet { background: transparent; color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }
.talk { list-style: none; margin: .8rem 0 0; padding: 0; font-size: .92rem; }
.talk li { display: flex; justify-content: space-between; gap: 1rem; border-top: 1px solid var(--line); padding: .25rem 0; overflow-wrap: anywhere; }
.talk span { color: var(--soft); white-space: nowrap; }
progress { width: 100%; height: .8rem; margin: 1rem 0 .4rem; accent-color: var(--accent); }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
footer { margin-top: 1.5rem; color: var(--soft); font-size: .92rem; }
code { font: .92em ui-monospace, "SF Mono", Consolas, monospace; }
</style>
</head>
<body>
<main>
<header>
<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" fill="#0b6e8a"/><path d="M7 8h18M16 8v9M8 24c3-4 5-4 8 0s5 4 8 0" stroke="#fff" stroke-width="3" fill="none" stroke-linecap="round"/></svg>
<div><h1>Penstock is running</h1><p>Four ways through the gate, live in this page.</p></div>
</header>
<div class="grid">

<section aria-labelledby="http-title">
<div class="top"><h2 id="http-title">HTTP</h2><span class="state" id="http-state" role="status">asking</span></div>
<p>What the server told the application about your request.</p>
<dl id="http-facts"></dl>
</section>

<section aria-labelledby="sse-title">
<div class="top"><h2 id="sse-title">Event stream</h2><span class="state" id="sse-state" role="status">connecting</span></div>
<p>The server's clock, sent once a second over one response.</p>
<div class="big" id="sse-time">--:--:--</div>
<div class="note" id="sse-note">waiting for the first event</div>
</section>

<section aria-labelledby="ws-title">
<div class="top"><h2 id="ws-title">WebSocket</h2><span class="state" id="ws-state" role="status">connecting</span></div>
<p>Whatever you send comes straight back.</p>
<form id="ws-form">
<label class="hidden" for="ws-text">Message</label>
<input type="text" id="ws-text" value="Hello, gate" maxlength="200" autocomplete="off">
<button id="ws-send" disabled>Send</button>
</form>
<ul class="talk" id="ws-talk" aria-live="polite"></ul>
</section>

<section aria-labelledby="up-title">
<div class="top"><h2 id="up-title">Upload</h2><span class="state" id="up-state" role="status">ready</span></div>
<p>Read piece by piece; nothing is kept.</p>
<div class="row">
<input class="hidden" type="file" id="up-file"><label class="pick" for="up-file">Choose a file</label>
<button class="quiet" id="up-sample" type="button">Send 16 MiB of zeros</button>
</div>
<progress id="up-bar" max="1" value="0" aria-label="Upload progress"></progress>
<dl id="up-facts"></dl>
</section>

</div>
<footer>This page is <code>examples/hello.py</code>: one ASGI application, no dependencies. Edit it, restart, reload.</footer>
</main>
<script>
"use strict";
const $ = id => document.getElementById(id);
const base = location.pathname.replace(/\\/$/, "");
const state = (id, text, kind) => { $(id).textContent = text; $(id).className = "state " + (kind || ""); };
const facts = (id, rows) => $(id).replaceChildren(...rows.flatMap(([name, value]) => {
  const dt = document.createElement("dt"), dd = document.createElement("dd");
  dt.textContent = name; dd.textContent = value;
  return [dt, dd];
}));

(async () => {
  const start = performance.now();
  try {
    const got = await (await fetch(base + "/hello")).json();
    state("http-state", `answered in ${(performance.now() - start).toFixed(1)} ms`, "good");
    facts("http-facts", [
      ["Protocol", `${got.protocol} (${got.scheme})`], ["You are", got.client],
      ["Python", got.python], ["Offers", got.extensions.join(", ") || "no extensions"],
    ]);
  } catch (error) { state("http-state", String(error), "bad"); }
})();

const events = new EventSource(base + "/clock");
events.onmessage = event => {
  const tick = JSON.parse(event.data);
  state("sse-state", "open", "good");
  $("sse-time").textContent = tick.time;
  $("sse-note").textContent = `event ${tick.number} on this connection`;
};
events.onerror = () => state("sse-state", "lost, trying again", "bad");

let socket, sent = [];
const connect = () => {
  socket = new WebSocket(location.origin.replace(/^http/, "ws") + base + "/echo");
  socket.onopen = () => { state("ws-state", "open", "good"); $("ws-send").disabled = false; send("Hello, gate"); };
  socket.onmessage = event => {
    const li = document.createElement("li"), time = document.createElement("span");
    time.textContent = `${(performance.now() - sent.shift()).toFixed(1)} ms`;
    li.append(event.data, time);
    $("ws-talk").prepend(li);
    while ($("ws-talk").children.length > 3) $("ws-talk").lastChild.remove();
  };
  socket.onclose = event => {
    state("ws-state", `closed (${event.code}), trying again`, "bad");
    $("ws-send").disabled = true; sent = []; setTimeout(connect, 2000);
  };
};
const send = text => { sent.push(performance.now()); socket.send(text); };
$("ws-form").onsubmit = event => { event.preventDefault(); if ($("ws-text").value) send($("ws-text").value); };
connect();

const upload = blob => {
  const request = new XMLHttpRequest(), mib = n => (n / 1048576).toFixed(1) + " MiB";
  const busy = on => { $("up-sample").disabled = $("up-file").disabled = on; };
  request.open("POST", base + "/upload");
  request.upload.onprogress = event => {
    $("up-bar").value = event.total ? event.loaded / event.total : 1;
    state("up-state", `${mib(event.loaded)} of ${mib(event.total)}`);
  };
  request.onload = () => {
    busy(false);
    const got = JSON.parse(request.responseText);
    if (request.status !== 200) return state("up-state", got.error, "bad");
    $("up-bar").value = 1;
    state("up-state", "received", "good");
    facts("up-facts", [["Received", `${mib(got.bytes)} in ${got.pieces} pieces, ${got.mib_per_s} MiB/s`],
      ["SHA-256", got.sha256.slice(0, 32) + "\\u2026"]]);
  };
  request.onerror = () => { busy(false); state("up-state", "the connection was lost", "bad"); };
  busy(true); request.send(blob);
};
$("up-file").onchange = event => { if (event.target.files[0]) upload(event.target.files[0]); event.target.value = ""; };
$("up-sample").onclick = () => upload(new Blob([new Uint8Array(16 << 20)]));
</script>
</body>
</html>
"""
