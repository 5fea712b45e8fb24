"""Applications of both kinds under one another's paths, by the frameworks' own means and by the bridge's."""

from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from penstock.bridge import AsgiMounts, AsgiToWsgi, WsgiMounts, WsgiToAsgi
from tests.apps.django_wsgi import application as django
from tests.apps.flask_app import app as flask

fastapi = FastAPI()


@fastapi.get("/hello")
async def hello(request: Request) -> dict[str, Any]:
    return {"root_path": request.scope["root_path"], "url": str(request.url_for("hello").path)}


async def own(request: Request) -> PlainTextResponse:
    return PlainTextResponse("Starlette's own")


starlette = Starlette(routes=[Route("/own", own), Mount("/flask", WsgiToAsgi(flask))])

beside = FastAPI()
beside.mount("/django", WsgiToAsgi(django))
beside.mount("/api", fastapi)

asgi = AsgiMounts(starlette, {"/django": django, "/api": fastapi})
wsgi = WsgiMounts(flask, {"/api": fastapi, "/django": django})
dispatcher = DispatcherMiddleware(flask, {"/api": AsgiToWsgi(fastapi)})
