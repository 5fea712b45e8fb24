"""Which content coding a client would rather have (RFC 9110 section 12.5.3), sans-IO."""

from __future__ import annotations

import functools

# Elements that are looked at; nobody needs more, and each costs time.
_CODINGS_MAX = 32
# What browsers send is one of a few short fields; longer ones are not kept.
_KEPT_MAX = 128
_KEPT_BYTES_MAX = 128


def accepted_codings(field: bytes, offered: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Those of `offered` that an `Accept-Encoding` takes, the best first: by its weights, and among
    equals in the order of `offered`. What it likes less than no coding at all is left out.

    `field` joins the values of all such fields with commas. A weight that is none counts as 0.
    """
    if len(field) <= _KEPT_BYTES_MAX:
        return _kept(field, offered)
    return _accepted(field, offered)


def _accepted(field: bytes, offered: tuple[bytes, ...]) -> tuple[bytes, ...]:
    weights: dict[bytes, int] = {}
    for element in field.lower().split(b",", _CODINGS_MAX)[:_CODINGS_MAX]:
        name, *parameters = element.split(b";", 2)
        name = name.strip(b" \t")
        if name:
            # RFC 9110 section 8.4.1.3
            weights[b"gzip" if name == b"x-gzip" else name] = _weight(parameters)
    any_other = weights.get(b"*", 0)
    plain = weights.get(b"identity", weights.get(b"*", 1) and 1)
    liked = [(weights.get(coding, any_other), coding) for coding in offered]
    liked = [(weight, coding) for weight, coding in liked if weight and weight >= plain]
    return tuple(coding for _, coding in sorted(liked, key=lambda pair: -pair[0]))


_kept = functools.lru_cache(_KEPT_MAX)(_accepted)


def _weight(parameters: list[bytes]) -> int:
    """A `q` in thousandths (RFC 9110 section 12.4.2)."""
    if not parameters:
        return 1000
    name, _, value = parameters[0].partition(b"=")
    if name.strip(b" \t") != b"q" or len(parameters) > 1:
        return 0
    whole, _, fraction = value.strip(b" \t").partition(b".")
    if whole not in {b"0", b"1"} or len(fraction) > 3 or not (fraction or b"0").isdigit():
        return 0
    return min(int(whole) * 1000 + int((fraction + b"000")[:3]), 1000)


def accepts_html(field: bytes) -> bool:
    """Whether an `Accept` names text/html itself, as that of a browser that opens a page does, with
    a weight above 0."""
    for element in field.lower().split(b",", _CODINGS_MAX)[:_CODINGS_MAX]:
        name, *parameters = element.split(b";")
        if name.strip(b" \t") == b"text/html":
            weights = [each for each in parameters if each.strip(b" \t").startswith(b"q")]
            return _weight(weights[:1]) > 0
    return False
