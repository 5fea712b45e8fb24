"""The known word that a mistyped one was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.7) -> str:
    """Return the word of `known` that is most like `word`, or "" where none is like it.

    `cutoff` is difflib's ratio, 0 to 1. Case and the two separators `-` and `_` make no difference.
    """
    import difflib  # only a start that fails needs it

    folded = {_fold(candidate): candidate for candidate in known}
    matches = difflib.get_close_matches(_fold(word), folded, n=1, cutoff=cutoff)
    return folded[matches[0]] if matches else ""


def _fold(word: str) -> str:
    return word.lower().replace("_", "-")
