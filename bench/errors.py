"""The one exception of the harness."""

from __future__ import annotations


class BenchError(Exception):
    """A measurement that cannot be trusted or made; the message says what was seen.

    It ends one case, never the run: the case is reported as failed, with this message.
    """
