"""`--preload`, the supervisor's side: which template workers are forked from, and when.

A reload brings a new template. As long as it has not imported the application, the old one stays, and
for good if the new one fails: then a worker that dies is replaced by one with the code that works.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from typing import Any

from penstock.config import Config
from penstock.errors import UsageError
from penstock.process import orphans
from penstock.process.channel import Channel, pair
from penstock.process.handover import pack


class Template:
    """A template process."""

    __slots__ = ("channel", "forking", "generation", "imported", "pid", "waiting")

    def __init__(self, generation: int, channel: Channel) -> None:
        self.generation = generation
        self.channel = channel
        self.pid = 0
        self.imported = False
        # Workers that wait for it: their keys and the channels that they get
        self.waiting: deque[tuple[Any, Channel]] = deque()
        self.forking: deque[Any] = deque()


class Templates:
    """The templates of one supervisor.

    `start(channel)` starts a process that runs `template.main`, and returns its pid. `forked(key,
    pid)`: a worker that was asked for has a process. `failed(key, code, reason, hint, detail)`: it
    will not have one. UsageError where the system cannot do this.
    """

    def __init__(
        self,
        config: Config,
        logger: logging.Logger,
        start: Callable[[Channel], int],
        forked: Callable[[Any, int], None],
        failed: Callable[..., None],
    ) -> None:
        if not orphans.adopt():
            raise UsageError(
                "--preload needs Linux, whose processes can take over those of others",
                "leave it out: each worker imports the application itself then",
            )
        self._config = config
        self._logger = logger
        self._start = start
        self._forked = forked
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._current: Template | None = None  # has imported
        self._next: Template | None = None  # imports

    @property
    def forking(self) -> bool:
        """Whether a fork was asked for and is not answered yet."""
        return self._current is not None and bool(self._current.forking)

    def fork(self, key: Any, generation: int, channel: Channel) -> None:
        """Fork a worker of this generation, now or when its code is imported. `channel`: the worker's
        end, which is closed here."""
        current, following = self._current, self._next
        if current is not None and current.generation >= generation:
            self._fork_from(current, key, channel)
            return
        if following is None or following.generation != generation:
            if following is not None:
                self._throw_away(following)
            following = self._next = self._make(generation)
        following.waiting.append((key, channel))

    def withdraw(self, key: Any) -> bool:
        """A worker is not wanted any more; whether there will be no process for it."""
        template = self._next
        for waiting in list(template.waiting) if template is not None else []:
            if template is not None and waiting[0] is key:
                template.waiting.remove(waiting)
                waiting[1].close()
                return True
        return False

    def exited(self, pid: int) -> None:
        """A process has ended that is no worker; it may be a template."""
        for template in (self._current, self._next):
            if template is not None and template.pid == pid:
                self._heard(template)
                self._lost(template)

    def close(self) -> None:
        """End the templates."""
        for template in (self._current, self._next):
            if template is not None:
                self._throw_away(template)
        self._current = self._next = None

    def _make(self, generation: int) -> Template:
        ours, theirs = pair()
        template = Template(generation, ours)
        start = {
            "config": pack(self._config),
            "path": sys.path,
            "argv": sys.argv,
            "supervisor": os.getpid(),
        }
        ours.send("template", start)
        ours.sock.setblocking(False)
        try:
            template.pid = self._start(theirs)
        finally:
            theirs.close()
        self._loop.add_reader(ours.sock, self._heard, template)
        return template

    def _fork_from(self, template: Template, key: Any, channel: Channel) -> None:
        template.forking.append(key)
        template.channel.send("fork", descriptors=[channel.sock.fileno()])
        channel.close()

    def _heard(self, template: Template) -> None:
        messages = template.channel.receive()
        if messages is None:
            self._loop.remove_reader(template.channel.sock)
            return
        for name, *details in messages:
            if name == "imported":
                self._on_imported(template, *details)
            elif name == "failed":
                self._on_failed(template, *details)
            elif template.forking:
                self._forked(template.forking.popleft(), *details)

    def _on_imported(self, template: Template, threads: list[str]) -> None:
        template.imported = True
        if self._current is not None:
            self._throw_away(self._current)
        self._current, self._next = template, None
        if threads:
            self._logger.warning(
                "--preload: importing the application has started threads (%s); they run in no worker",
                ", ".join(threads),
            )
        while template.waiting:
            self._fork_from(template, *template.waiting.popleft())

    def _on_failed(self, template: Template, *details: Any) -> None:
        if self._current is not None:
            self._current.generation = template.generation
        self._fail_all(template, *details)

    def _lost(self, template: Template) -> None:
        """It ended by itself, or somebody killed it."""
        self._fail_all(template, 3, "the template of --preload has ended", "", "")
        self._throw_away(template)
        if template is self._current:
            self._current = None
        else:
            self._next = None

    def _fail_all(self, template: Template, *details: Any) -> None:
        keys = [*template.forking, *(key for key, _ in template.waiting)]
        for _, channel in template.waiting:
            channel.close()
        template.forking.clear()
        template.waiting.clear()
        for key in keys:
            self._failed(key, *details)

    def _throw_away(self, template: Template) -> None:
        self._loop.remove_reader(template.channel.sock)
        self._fail_all(template, 3, "its code was reloaded before it was forked", "", "")
        template.channel.close()
        if not template.imported and template.pid:
            # In the midst of an import it hears nothing else
            try:
                os.kill(template.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
