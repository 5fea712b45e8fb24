"""The whole examination: import, start, ask, stop, read; what came of it as a report."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from penstock.doctor import asking, blame, dependencies, imports, proxy, source
from penstock.doctor.answers import SILENT, STUCK, Answer, judged, told
from penstock.doctor.asking import Request
from penstock.doctor.exercise import Exercise
from penstock.doctor.exercise_wsgi import WsgiExercise
from penstock.doctor.findings import FINE, HINT, NOTE, WRONG, Finding, next_steps
from penstock.doctor.lifespan import Life
from penstock.doctor.watch import Held, Watch
from penstock.errors import ImportFailed, UsageError
from penstock.gateway import loading
from penstock.gateway.detect import ASGI2, LABELS, WSGI, detect
from penstock.transport.stall import is_own

# Bounds the whole: what has not been asked by then is left out, and said.
RUN_S = 120.0
# What the threads of the application get to end.
THREADS_S = 1.0
DOCUMENT = "/openapi.json"
_WAITS = 0.5

Ask = Callable[[Request], tuple[Answer, bytes]]


class Asked(NamedTuple):
    """What the user wants asked: `requests` as text, `openapi` (a file or a path of the application, or
    ""), `har` files; how long the loop may be held (`limit_s`), and a call may take (`deadline_s`)."""

    requests: tuple[str, ...]
    openapi: str
    har: tuple[str, ...]
    limit_s: float
    deadline_s: float


class Report(NamedTuple):
    """What was found. `sections` in the order to be read in; `steps` the next three things to do.

    `hangs`: a thread of the application has not ended, and would keep the process from ending.
    """

    name: str
    chart: imports.Node
    sections: list[tuple[str, list[Finding]]]
    answers: list[Answer]
    seen: list[proxy.Seen]
    steps: list[str]
    exit_code: int
    hangs: bool = False


def examine(config: Any, asked: Asked) -> Report:
    """Look at the application that `config` names. UsageError for what cannot be looked at; what the
    application's own code raises is a finding."""
    given = [asking.of_url(text) for text in asked.requests]
    notes: list[str] = []
    for path in asked.har:
        found, said = asking.of_har(path)
        given += found
        notes += said
    if asked.openapi and os.path.isfile(asked.openapi):
        document = asking.read(asked.openapi, "the OpenAPI document", "--openapi takes JSON")
        found, said = asking.of_openapi(document, asked.openapi)
        given += found
        notes += said
        asked = asked._replace(openapi="")
    elif asked.openapi and not asked.openapi.startswith(("/", "http://", "https://")):
        raise UsageError(
            f"--openapi: there is no file {asked.openapi}",
            "name a JSON file, or the path that the application has it at, as in /openapi.json",
        )
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            examination = _Examination(config, asked, given)
            try:
                examination.run()
            except ImportFailed as error:
                return _unimportable(config, error, examination.timer.root)
        notes += examination.notes
        said_by_app = _written(output)
    if said_by_app:
        notes.append(said_by_app)
    return examination.report(notes)


def _unimportable(config: Any, error: ImportFailed, chart: imports.Node) -> Report:
    cause = error.__cause__
    place = told(cause)[1] if cause is not None else ""
    finding = Finding(WRONG, str(error), place, error.hint or "mend what it raises")
    module = str(config.app).partition(":")[0]
    alone = f"python {module}" if module.endswith(".py") else f"python -c 'import {module}'"
    steps = next_steps(
        [finding], (f"see whether it can be imported: {alone}", "then run the doctor again")
    )
    return Report(str(config.app), chart, [("Import", [finding])], [], [], steps, error.exit_code)


def _written(output: Any) -> str:
    output.seek(0)
    count, last = 0, ""
    for text in output:
        count += 1
        last = text.strip() or last
    if not count:
        return ""
    return f"the application wrote {asking.counted(count, 'line')}; the last: {last[:100]}"


class _Examination:
    """One examination, step by step."""

    def __init__(self, config: Any, asked: Asked, given: list[Request]) -> None:
        self.timer = imports.ImportTimer()
        self.notes: list[str] = []
        self._config = config
        self._asked = asked
        self._given = given
        self._by_hand = bool(given or asked.openapi)
        self._answers: list[Answer] = []
        self._answered: list[Finding] = []
        self._held: list[Held] = []
        self._first: list[Finding] = []
        self._life: list[Finding] = []
        self._wsgi: list[Finding] = []
        self._stuck_at: list[Finding] = []
        self._loaded: Any = None
        self._sources: list[source.Own] = []
        self._ends = 0.0
        self._threads = set(threading.enumerate())

    def run(self) -> None:
        """Import, start, ask, stop, and read."""
        config = self._config
        before = set(sys.modules)
        with Watch(self._asked.limit_s, self._asked.deadline_s) as watch:
            with self.timer:
                self._loaded = loading.load(
                    config.app, interface=config.interface, factory=config.factory,
                    app_dir=config.app_dir,
                )  # fmt: skip
            self._ends = time.monotonic() + RUN_S
            if self._loaded.interface == WSGI:
                self._run_wsgi(watch)
            else:
                self._run_asgi(watch)
        app = self._loaded.app
        names = [*(set(sys.modules) - before), self._loaded.name.partition(":")[0]]
        names.append(getattr(app, "__module__", None) or "")
        self._sources = source.own_sources(sorted(set(names)))

    def _run_asgi(self, watch: Watch) -> None:
        loop = watch.new_loop()
        loop.set_exception_handler(self._unhandled)
        try:
            life = Life(self._loaded.app, loop, watch, self._config.lifespan)
            life.start()
            if not life.failed:
                exercise = Exercise(
                    self._loaded.app, loop, watch, life.state, self._config.root_path
                )
                self._ask_all(exercise.ask, watch)
                life.stop()
            self._life = life.findings
        finally:
            _closed(loop)

    def _run_wsgi(self, watch: Watch) -> None:
        exercise = WsgiExercise(self._loaded.app, watch, self._config.root_path)
        self._ask_all(exercise.ask, watch)
        # It has threads, which may be held
        self._held = []
        self._first = []
        self._wsgi = source.used_features(exercise.used)
        total_s = exercise.waited_s + exercise.computed_s
        if total_s >= self._asked.limit_s:
            share = exercise.waited_s / total_s
            text = f"of {total_s:.2f} s in requests it waited {share:.0%} and computed the rest"
            cure = (
                "serve it with more threads (--threads): what waits gives them up to others"
                if share >= _WAITS
                else "serve it with a worker for each CPU (--workers auto): threads do not compute"
                " side by side"
            )
            self._wsgi.append(Finding(NOTE, text, "", cure))

    # ------------------------------------------------------------------------------------ asking

    def _ask_all(self, ask: Ask, watch: Watch) -> None:
        requests = list(self._given)
        if self._asked.openapi:
            requests += self._documented(ask, asking.of_url(self._asked.openapi), needed=True)
        if not self._by_hand:
            requests = [asking.of_url("/"), *self._documented(ask, asking.of_url(DOCUMENT))]
        requests = list(dict.fromkeys(requests))
        if len(requests) > asking.REQUESTS_MAX:
            self.notes.append(
                f"the first {asking.REQUESTS_MAX} of {len(requests)} requests are asked"
            )
        for number, request in enumerate(requests[: asking.REQUESTS_MAX]):
            if time.monotonic() > self._ends:
                self.notes.append(
                    f"{len(requests) - number} requests were not asked: {RUN_S:g} s are over"
                )
                break
            self._ask(ask, watch, request)

    def _documented(self, ask: Ask, place: Request, *, needed: bool = False) -> list[Request]:
        """The requests of the OpenAPI document that the application has at `place`."""
        answer, body = ask(place)
        if answer.status != 200:
            if needed:
                raise UsageError(
                    f"--openapi: the application answers {place} with {answer.status or 'nothing'}",
                    "name a JSON file, or the path that the application has it at",
                )
            return []
        try:
            document = json.loads(body)
            found, notes = asking.of_openapi(document, place.target)
        except (ValueError, RecursionError, UsageError) as error:
            if needed:
                raise UsageError(
                    f"--openapi: {place.target} is no OpenAPI document: {error}"
                ) from None
            return []
        self.notes += notes
        return found

    def _ask(self, ask: Ask, watch: Watch, request: Request) -> None:
        """Ask what changes nothing once to warm up, once to see, and once more to be sure."""
        answer, held = self._watched(ask, watch, request)
        final = answer.ending in {SILENT, STUCK}
        if request.safe and not final:
            self._first += blame.first_time_only(held)
            known = [each for each in held if not each.seconds]
            answer, held = self._watched(ask, watch, request)
            if any(each.seconds for each in held) and answer.ending != STUCK:
                held = blame.confirmed(held, self._watched(ask, watch, request)[1])
            held = known + held
        self._answers.append(answer)
        self._held += held if answer.ending != STUCK else []
        finding = judged(answer, self._asked.deadline_s)
        if finding is not None:
            self._answered.append(finding)
        if answer.ending == STUCK:
            self._stuck(request, held)

    def _stuck(self, request: Request, held: list[Held]) -> None:
        worst = max(held, key=lambda each: each.seconds, default=None)
        text = f"{request} did not come back within {self._asked.deadline_s:g} s, and was ended by force"
        if worst is None:
            place, cure = "", "look for code that does not give up the interpreter"
            text += "; where it was could not be seen"
        else:
            place, cure = str(worst.call), worst.advice
            text += f": {worst.source}"
        self._stuck_at.append(Finding(WRONG, text, place, cure, self._asked.deadline_s))

    def _watched(self, ask: Ask, watch: Watch, request: Request) -> tuple[Answer, list[Held]]:
        count = len(watch.found)
        answer, _ = ask(request)
        return answer, watch.found[count:]

    def _unhandled(self, _loop: Any, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is None:
            return
        text, place = told(error)
        self._answered.append(
            Finding(
                HINT, f"a task or callback of its own raised {text}", place,
                "await the task, or catch what it raises",
            )
        )  # fmt: skip

    # ------------------------------------------------------------------------------------ report

    def report(self, notes: list[str]) -> Report:
        """What came of it."""
        loaded, sources = self._loaded, self._sources
        wsgi = loaded.interface == WSGI
        blocked = [*self._stuck_at, *blame.findings(self._held, sources), *self._first]
        threads = source.thread_hints(sources, wsgi=wsgi)
        sections = [
            ("Interface", [self._interface()]),
            ("Start", imports.culprits(self.timer.root, is_own) or [self._start()]),
            ("Behind a proxy", proxy.findings(self._config, loaded.app)),
        ]
        if not wsgi:
            sections.append(("Lifespan", self._life))
        if not self._answers:
            notes = ["none was asked", *notes]
        if len(sources) >= source.FILES_MAX:
            notes = [*notes, f"of the application's files the first {len(sources)} were read"]
        sections.append(("Requests", [*self._answered, *(Finding(NOTE, each) for each in notes)]))
        if wsgi:
            sections[-1][1].extend(self._stuck_at)
            features = [*self._wsgi, *source.wsgi_features(sources)]
            sections.append(
                ("From WSGI to ASGI", features or [Finding(FINE, "nothing that ASGI has not")])
            )
        else:
            sections.append(
                ("Blocking calls", blocked
                 or [Finding(FINE, f"none held the loop for {self._asked.limit_s * 1000:.0f} ms")])
            )  # fmt: skip
            synchronous = dependencies.findings(sources, [*blocked, *self._life])
            besides = " besides those above" if blocked else ""
            sections.append(
                ("Synchronous dependencies", synchronous
                 or [Finding(FINE, f"none seen to be called on the event loop{besides}")])
            )  # fmt: skip
        sections.append(
            ("Threads", threads or [Finding(FINE, "nothing seen that threads would trip over")])
        )
        every = [each for _, found in sections for each in found]
        wrong = any(each.level == WRONG for each in every)
        return Report(
            loaded.name, self.timer.root, sections, self._answers,
            proxy.table(self._config), next_steps(every, self._otherwise()), int(wrong),
            self._hangs(),
        )  # fmt: skip

    def _hangs(self) -> bool:
        ends = time.monotonic() + THREADS_S
        for thread in set(threading.enumerate()) - self._threads:
            if not thread.daemon:
                thread.join(max(ends - time.monotonic(), 0))
                if thread.is_alive():
                    return True
        return False

    def _interface(self) -> Finding:
        kind = self._loaded.interface
        if self._config.interface != "auto":
            why = f"--interface {self._config.interface} says so"
        elif kind == ASGI2:
            why = "it takes a scope and returns what takes receive and send"
        else:
            why = detect(self._loaded.app).seen
        text = f"{LABELS[kind]}: {why}"
        if kind == ASGI2:
            return Finding(
                HINT, text, "", "write it for ASGI 3: async def app(scope, receive, send)", 0.5
            )
        return Finding(FINE, text)

    def _start(self) -> Finding:
        return Finding(FINE, f"imported in {self.timer.root.seconds * 1000:.0f} ms")

    def _otherwise(self) -> list[str]:
        steps = []
        if not self._by_hand:
            steps.append("ask more of it: --request, --openapi FILE or --har FILE")
        steps += [
            f"serve it: penstock {self._loaded.name} --workers auto",
            "behind a proxy, set --forwarded-allow-ips to its addresses: docs/proxies.md",
            "watch it in production: --warn-blocked-loop names what holds the loop",
        ]
        return steps


def _closed(loop: Any) -> None:
    """Cancel what is left on the loop, and close it; a thread that hangs is not waited for."""
    import asyncio

    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    with contextlib.suppress(BaseException):
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=1))
        loop.run_until_complete(asyncio.wait_for(loop.shutdown_asyncgens(), 1))
    loop.close()
