"""The contract of test_frameworks, in Flask."""

import time
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, jsonify, redirect, request, send_file, url_for

from tests.apps.common import PARTS, TEXT, facts, failing_parts, mark, say, served_file

app = Flask(__name__)


@app.after_request
def counting(response: Response) -> Response:
    response.headers["x-middleware"] = "passed"
    return response


@app.get("/hello")
def hello() -> Response:
    return Response("Hello, wörld", content_type="text/plain; charset=utf-8")


@app.get("/text")
def text() -> Response:
    return Response(TEXT, content_type="text/plain; charset=utf-8")


@app.get("/items/<name>")
def item(name: str) -> Response:
    return jsonify({"name": name, "q": request.args.getlist("q")})


@app.post("/json")
def echo_json() -> Response:
    return jsonify({"got": request.get_json()})


@app.post("/form")
def form() -> Response:
    return jsonify(request.form.to_dict())


@app.post("/upload")
def upload() -> Response:
    file = request.files["file"]
    return jsonify({"note": request.form["note"], "filename": file.filename, **facts(file.read())})


@app.get("/stream")
def stream() -> Response:
    return Response(iter(PARTS), content_type="application/octet-stream")


@app.get("/events")
def events() -> Response:
    token = request.args["token"]

    def ticking() -> Iterator[str]:
        try:
            while True:
                yield "data: first\n\n"
                time.sleep(0.02)
        finally:
            say(f"left {token}")

    return Response(ticking(), content_type="text/event-stream")


@app.get("/file")
def file() -> Response:
    return send_file(served_file(), as_attachment=True, download_name="größe.bin")


@app.post("/background")
def background() -> tuple[Response, int]:
    """Flask has no background tasks; what follows the response hangs on its close."""
    token = request.args["token"]
    response = jsonify({"accepted": True})
    response.call_on_close(lambda: say(f"background {token}"))
    return response, 202


@app.get("/raise")
def broken() -> None:
    raise RuntimeError("broken on purpose")


@app.get("/late")
def late() -> Response:
    return Response(failing_parts())


@app.get("/go")
def go() -> Any:
    return redirect(url_for("hello", _external=True), 303)


@app.get("/cookies")
def cookies() -> Response:
    response = jsonify(request.cookies.to_dict())
    response.set_cookie("first", "1", httponly=True)
    response.set_cookie("second", "two words", path="/cookies")
    return response


@app.get("/context")
def context() -> Response:
    before = mark.get()
    mark.set("from a request")
    return jsonify({"before": before})
