"""Check an application: a fake server drives it through whatever is legal, and everything is judged.

    report = check_app(app, requests=[Request("GET", "/")], websockets=["/ws"])
    assert report.faults == []

The cases are in app_http, app_websocket and app_lifespan; what one has at hand is in app_lab.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from penstock.conformance.app_http import CASES as HTTP_CASES
from penstock.conformance.app_lab import Case, Finding, Lab, Request, Settings
from penstock.conformance.app_lifespan import CASES as LIFESPAN_CASES
from penstock.conformance.app_lifespan import Lifespan
from penstock.conformance.app_websocket import CASES as WEBSOCKET_CASES
from penstock.testing.faults import NOTE

__all__ = ["Finding", "Report", "Request", "Settings", "cases", "check_app"]


@dataclass
class Report:
    """What was run, and what was found; `faults` are what a test fails of, `notes` the rest."""

    run: list[tuple[str, Case, list[Finding]]] = field(default_factory=list)

    @property
    def findings(self) -> list[Finding]:
        """Everything that was found, each thing once for each target."""
        seen: set[tuple[str, str, str]] = set()
        found = []
        for _, _, findings in self.run:
            for finding in findings:
                key = (finding.target, finding.rule, finding.text)
                if key not in seen:
                    seen.add(key)
                    found.append(finding)
        return found

    @property
    def faults(self) -> list[Finding]:
        """Broken MUSTs and SHOULDs."""
        return [finding for finding in self.findings if finding.level != NOTE]

    @property
    def notes(self) -> list[Finding]:
        """What is legal by the letter, or tolerated everywhere, and still worth knowing."""
        return [finding for finding in self.findings if finding.level == NOTE]


def cases() -> list[Case]:
    """All cases, in the order in which they are run."""
    return [*LIFESPAN_CASES, *HTTP_CASES, *WEBSOCKET_CASES]


def check_app(
    app: Any,
    *,
    requests: Iterable[Request] = (),
    websockets: Iterable[str] = (),
    settings: Settings | None = None,
    only: str | tuple[str, ...] = "",
    on_case: Callable[[str, Case], None] | None = None,
) -> Report:
    """Run every case against the ASGI application `app` and return the report.

    Without `requests` it is GET /; without `websockets` no WebSocket is tried. `only` is the beginning of
    the rules to check, as in "HTTP-REQ", or several. `on_case(target, case)` is called before each. Runs in an event
    loop of its own, so none may be running.
    """
    checker = _Checker(app, settings or Settings(), only, on_case)
    asyncio.run(checker.run(list(requests) or [Request()], list(websockets)))
    return checker.report


class _Checker:
    """One run of the checks."""

    def __init__(
        self,
        app: Any,
        settings: Settings,
        only: str | tuple[str, ...],
        on_case: Callable[[str, Case], None] | None,
    ) -> None:
        self.report = Report()
        self._app = app
        self._settings = settings
        self._only = only
        self._on_case = on_case

    async def run(self, requests: list[Request], websockets: list[str]) -> None:
        """Everything in the one lifespan that a server would run, then other lifespans."""
        lifespan = Lifespan(Lab(self._app, self._settings, "lifespan"))
        await lifespan.startup()
        try:
            for request in requests:
                await self._target(HTTP_CASES, str(request), request, lifespan.state)
            for url in websockets:
                asked = Request("WEBSOCKET", url, self._settings.headers)
                await self._target(WEBSOCKET_CASES, str(asked), asked, lifespan.state)
        finally:
            await lifespan.shutdown()
        first, *others = LIFESPAN_CASES
        if first.rule.startswith(self._only):
            self._add("lifespan", first, lifespan.lab.findings(first))
        for case in others:
            if not lifespan.refused and case.rule.startswith(self._only):
                await self._case(case, "lifespan", None, None)

    async def _target(
        self, chosen: list[Case], target: str, request: Request, state: dict[str, Any] | None
    ) -> None:
        endless = False
        for case in chosen:
            if case.rule.startswith(self._only) and not (endless and case.whole):
                endless = await self._case(case, target, request, state, endless=endless)

    async def _case(
        self,
        case: Case,
        target: str,
        request: Request | None,
        state: dict[str, Any] | None,
        *,
        endless: bool = False,
    ) -> bool:
        """Run one case, twice if it finds something; return whether it met a response without end."""
        if self._on_case is not None:
            self._on_case(target, case)
        found: list[Finding] = []
        # What is found must be found again: a machine that stood still is no fault (TEST-10)
        for attempt in range(2):
            lab = Lab(self._app, self._settings, target, request, state, endless=endless)
            try:
                await case.run(lab)
            finally:
                await lab.clear()
            endless = lab.endless
            again = lab.findings(case)
            rules = {each.rule for each in again}
            found = again if attempt == 0 else [each for each in found if each.rule in rules]
            if not found:
                break
        self._add(target, case, found)
        return endless

    def _add(self, target: str, case: Case, found: list[Finding]) -> None:
        self.report.run.append((target, case, found))
