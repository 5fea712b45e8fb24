"""A Starlette application with one JSON endpoint, as people write it."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def item(request: Request) -> JSONResponse:
    """Answer with what the path and the query name."""
    return JSONResponse(
        {
            "kind": request.path_params["kind"],
            "id": request.path_params["item_id"],
            "page": request.query_params.get("page"),
            "tags": ["water", "gate", "turbine"],
            "available": True,
        }
    )


app = Starlette(routes=[Route("/api/v1/{kind}/{item_id:int}", item)])
