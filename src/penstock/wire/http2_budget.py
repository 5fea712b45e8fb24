"""What a peer may do on one connection that costs it little and the server more (RFC 9113 10.5).

Each kind of flood has a counter with a named limit. A counter recovers each second by the amount
beside it; beyond its limit the connection ends with ENHANCE_YOUR_CALM. The limits lie far above
what clients are seen to do and far below what would be felt.
"""

from penstock.errors import Http2Error
from penstock.wire.http2_frames import ENHANCE_YOUR_CALM

# Streams that end by RST_STREAM: of the peer (CVE-2023-44487), or of ours because of what the peer
# did (CVE-2025-8671); also those above the stream limit (H01, H02, H13).
RESETS_MAX = 300
RESETS_PER_S = 50
# DATA without a byte of body that does not end the stream (CVE-2019-9518, H08).
EMPTY_MAX = 200
EMPTY_PER_S = 100
# SETTINGS, each to be acknowledged (CVE-2019-9515, H06), and settings in one of them.
SETTINGS_MAX = 100
SETTINGS_PER_S = 10
SETTINGS_IN_ONE_MAX = 128
# Frames that carry neither request nor body: PING, WINDOW_UPDATE, PRIORITY, PRIORITY_UPDATE,
# unknown types, what comes late for a closed stream (CVE-2019-9511, 9512, 9513, H07, H09, H29).
# A connection on which much happens may have more of them: 4 for a request, 1 for 256 bytes of body sent.
CHURN_MAX = 2000
CHURN_PER_S = 1000
# Small DATA frames: bodies cut into so small pieces cost more for their frames than for their bytes.
# A frame of fewer than 64 bytes that does not end the stream counts (H08, H12).
SMALL_MAX = 20000
SMALL_PER_S = 10000
SMALL_BYTES = 64
# Frames of our own that answer the peer and were not written yet (CVE-2019-9514, H30).
UNWRITTEN_MAX = 10000
# CONTINUATION frames of one header block (CVE-2024-27316, H03).
CONTINUATIONS_MAX = 64

# Twins for C.
_RESETS_MAX = RESETS_MAX
_EMPTY_MAX = EMPTY_MAX
_SETTINGS_MAX = SETTINGS_MAX
_CHURN_MAX = CHURN_MAX
_SMALL_MAX = SMALL_MAX


class Budget:
    """The counters of one connection."""

    __slots__ = ("_churn", "_empty", "_mark", "_resets", "_settings", "_small")

    def __init__(self) -> None:
        self._resets = 0
        self._empty = 0
        self._settings = 0
        self._churn = 0
        self._small = 0
        self._mark = 0

    def reset(self) -> None:
        """A stream was reset, by either side. Each of these raises Http2Error beyond its limit."""
        self._resets += 1
        if self._resets > _RESETS_MAX:
            raise _spent("streams reset", _RESETS_MAX)

    def empty(self) -> None:
        """DATA without a byte of body came that does not end the stream."""
        self._empty += 1
        if self._empty > _EMPTY_MAX:
            raise _spent("empty DATA frames", _EMPTY_MAX)

    def small(self) -> None:
        """DATA of fewer than SMALL_BYTES came that does not end the stream."""
        self._small += 1
        if self._small > _SMALL_MAX:
            raise _spent("tiny DATA frames", _SMALL_MAX)

    def settings(self) -> None:
        """A SETTINGS frame came."""
        self._settings += 1
        if self._settings > _SETTINGS_MAX:
            raise _spent("SETTINGS frames", _SETTINGS_MAX)

    def churn(self, progress: int) -> None:
        """A frame came that carries neither request nor body. `progress` counts what did happen on
        the connection since its start, in frames that may come for it."""
        self._churn += 1
        if self._churn > _CHURN_MAX and self._churn > _CHURN_MAX + progress - self._mark:
            raise _spent("frames that carry nothing", _CHURN_MAX)

    def recover(self, seconds: float, progress: int) -> None:
        """`seconds` went by since the last call."""
        self._resets = max(self._resets - int(RESETS_PER_S * seconds), 0)
        self._empty = max(self._empty - int(EMPTY_PER_S * seconds), 0)
        self._settings = max(self._settings - int(SETTINGS_PER_S * seconds), 0)
        self._churn = max(
            self._churn - int(CHURN_PER_S * seconds) - max(progress - self._mark, 0), 0
        )
        self._small = max(self._small - int(SMALL_PER_S * seconds), 0)
        self._mark = progress


def _spent(what: str, limit: int) -> Http2Error:
    return Http2Error(ENHANCE_YOUR_CALM, f"more than {limit} {what}", "RFC 9113 10.5")
