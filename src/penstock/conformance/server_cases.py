"""All cases, in the order of the requirements' sections; one module for each area."""

import importlib

from penstock.conformance.server_trial import CASES, Case

# Area → what it is called in tables
AREAS = {
    "application": "Application and messages",
    "scope": "HTTP scope",
    "headers": "Request headers",
    "request": "Request body",
    "response": "Response",
    "sending": "Messages that are wrong",
    "framing": "Response framing",
    "disconnect": "Disconnect",
    "errors": "Errors and connections",
    "http2": "HTTP/2",
    "handshake": "WebSocket scope and handshake",
    "messages": "WebSocket messages",
    "closing": "WebSocket close",
    "lifespan": "Lifespan",
    "extensions": "Denial and files",
    "hints": "Hints, trailers, pushes",
    "tls": "TLS extension",
}


def all_cases() -> list[Case]:
    """Every case there is."""
    for area in AREAS:
        importlib.import_module(f"penstock.conformance.cases_{area}")
    places = {area: place for place, area in enumerate(AREAS)}
    return sorted(CASES, key=lambda case: places[case.area])
