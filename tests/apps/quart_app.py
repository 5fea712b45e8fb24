"""The contract of test_frameworks, in Quart."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from quart import Quart, Response, abort, jsonify, redirect, request, send_file, url_for, websocket

from tests.apps.common import PARTS, TEXT, facts, failing_parts, mark, say, served_file

app = Quart(__name__)
greeting = "not started"


@app.before_serving
async def startup() -> None:
    global greeting
    mark.set("from lifespan")
    greeting = "from startup"
    say("startup")


@app.after_serving
async def shutdown() -> None:
    say("shutdown")


@app.after_request
async def counting(response: Response) -> Response:
    response.headers["x-middleware"] = "passed"
    return response


@app.get("/hello")
async def hello() -> Response:
    return Response("Hello, wörld", content_type="text/plain; charset=utf-8")


@app.get("/text")
async def text() -> Response:
    return Response(TEXT, content_type="text/plain; charset=utf-8")


@app.get("/items/<name>")
async def item(name: str) -> Response:
    return jsonify({"name": name, "q": request.args.getlist("q")})


@app.post("/json")
async def echo_json() -> Response:
    return jsonify({"got": await request.get_json()})


@app.post("/form")
async def form() -> Response:
    return jsonify((await request.form).to_dict())


@app.post("/upload")
async def upload() -> Response:
    file = (await request.files)["file"]
    note = (await request.form)["note"]
    return jsonify({"note": note, "filename": file.filename, **facts(file.read())})


@app.get("/stream")
async def stream() -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for part in PARTS:
            yield part

    return Response(parts(), content_type="application/octet-stream")


@app.get("/events")
async def events() -> Response:
    token = request.args["token"]

    async def ticks() -> AsyncIterator[str]:
        try:
            yield "data: first\n\n"
            await asyncio.Event().wait()
        finally:
            say(f"left {token}")

    response = Response(ticks(), content_type="text/event-stream")
    response.timeout = None
    return response


@app.get("/file")
async def file() -> Response:
    return await send_file(served_file(), as_attachment=True, attachment_filename="größe.bin")


@app.post("/background")
async def background() -> tuple[Response, int]:
    app.add_background_task(say, f"background {request.args['token']}")
    return jsonify({"accepted": True}), 202


@app.get("/raise")
async def broken() -> None:
    raise RuntimeError("broken on purpose")


@app.get("/late")
async def late() -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for part in failing_parts():
            yield part

    return Response(parts())


@app.get("/go")
async def go() -> Any:
    return redirect(url_for("hello", _external=True), 303)


@app.get("/cookies")
async def cookies() -> Response:
    response = jsonify(request.cookies.to_dict())
    response.set_cookie("first", "1", httponly=True)
    response.set_cookie("second", "two words", path="/cookies")
    return response


@app.get("/state")
async def state() -> Response:
    return jsonify({"greeting": greeting})


@app.get("/context")
async def context() -> Response:
    before = mark.get()
    mark.set("from a request")
    return jsonify({"before": before})


@app.websocket("/ws/echo")
async def echo() -> None:
    offered = websocket.requested_subprotocols
    await websocket.accept(
        headers={"x-accepted": "yes"}, subprotocol="chat" if "chat" in offered else None
    )
    try:
        while True:
            message = await websocket.receive()
            if message == "close":
                await websocket.close(4001, "genug")
                return
            await websocket.send(message)
    except asyncio.CancelledError:
        say("websocket left")
        raise


@app.websocket("/ws/deny")
async def deny() -> None:
    abort(403, "members only")
