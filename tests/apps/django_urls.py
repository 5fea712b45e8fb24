"""The contract of test_frameworks, in Django: the same views for ASGI and WSGI."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.core.signals import request_finished
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.utils.decorators import sync_and_async_middleware

from tests.apps.common import PARTS, TEXT, facts, failing_parts, mark, say, served_file


@sync_and_async_middleware
def counting(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    if asyncio.iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponseBase:
            response: HttpResponseBase = await get_response(request)
            response["x-middleware"] = "passed"
            return response

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = get_response(request)
        response["x-middleware"] = "passed"
        return response

    return synchronous


def hello(_: HttpRequest) -> HttpResponse:
    return HttpResponse("Hello, wörld", content_type="text/plain; charset=utf-8")


def text(_: HttpRequest) -> HttpResponse:
    return HttpResponse(TEXT, content_type="text/plain; charset=utf-8")


def item(request: HttpRequest, name: str) -> JsonResponse:
    return JsonResponse({"name": name, "q": request.GET.getlist("q")})


def echo_json(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"got": json.loads(request.body)})


def form(request: HttpRequest) -> JsonResponse:
    return JsonResponse(request.POST.dict())


def upload(request: HttpRequest) -> JsonResponse:
    file = request.FILES["file"]
    return JsonResponse({"note": request.POST["note"], "filename": file.name, **facts(file.read())})


def stream(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[bytes]:
        for part in PARTS:
            yield part

    content = parts() if isinstance(request, ASGIRequest) else iter(PARTS)
    return StreamingHttpResponse(content, content_type="application/octet-stream")


def events(request: HttpRequest) -> StreamingHttpResponse:
    token = request.GET["token"]

    async def waiting() -> AsyncIterator[str]:
        try:
            yield "data: first\n\n"
            await asyncio.Event().wait()
        finally:
            say(f"left {token}")

    def ticking() -> Iterator[str]:
        try:
            while True:
                yield "data: first\n\n"
                time.sleep(0.02)
        finally:
            say(f"left {token}")

    content = waiting() if isinstance(request, ASGIRequest) else ticking()
    return StreamingHttpResponse(content, content_type="text/event-stream")


def file(_: HttpRequest) -> FileResponse:
    return FileResponse(served_file().open("rb"), as_attachment=True, filename="größe.bin")


def background(request: HttpRequest) -> JsonResponse:
    """Django has no background tasks; what follows the response hangs on this signal."""
    token = request.GET["token"]

    def finished(**_: Any) -> None:
        request_finished.disconnect(finished)
        say(f"background {token}")

    request_finished.connect(finished, weak=False)
    return JsonResponse({"accepted": True}, status=202)


def broken(_: HttpRequest) -> HttpResponse:
    raise RuntimeError("broken on purpose")


def late(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[bytes]:
        for part in failing_parts():
            yield part

    return StreamingHttpResponse(parts() if isinstance(request, ASGIRequest) else failing_parts())


def go(request: HttpRequest) -> HttpResponseRedirect:
    response = HttpResponseRedirect(request.build_absolute_uri(reverse("hello")))
    response.status_code = 303
    return response


def cookies(request: HttpRequest) -> JsonResponse:
    response = JsonResponse(request.COOKIES)
    response.set_cookie("first", "1", httponly=True)
    response.set_cookie("second", "two words", path="/cookies")
    return response


async def context(_: HttpRequest) -> JsonResponse:
    before = mark.get()
    mark.set("from a request")
    return JsonResponse({"before": before})


urlpatterns = [
    path("hello", hello, name="hello"),
    path("text", text),
    path("items/<name>", item),
    path("json", echo_json),
    path("form", form),
    path("upload", upload),
    path("stream", stream),
    path("events", events),
    path("file", file),
    path("background", background),
    path("raise", broken),
    path("late", late),
    path("go", go),
    path("cookies", cookies),
    path("context", context),
]
