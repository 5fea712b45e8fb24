r"""Files of environment variables, as `--env-file .env` reads them.

    line  = [ "export" ] NAME "=" value [ "#" comment ]
    value = plain text / "'" literal text "'" / '"' text with \n, \t, \", \\ '"'

Quoted values may go over several lines. Outside single quotes `${NAME}` stands for a variable, of
the environment or of a line above, and `${NAME:-text}` for `text` where it is not set or empty.

The grammar is python-dotenv's, which other servers read such files with. It is not used here because
it goes on, with a warning, where it cannot read a line: a server must not start with half of its
environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, MutableMapping

from penstock.errors import UsageError

_SPACE = re.compile(r"(?:[ \t\r\n\f\v]|#[^\n]*)*")
_NAME = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*")
_SINGLE = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_PLAIN = re.compile(r"[^\r\n]*")
_COMMENT = re.compile(r"(?:^|[ \t]+)#.*")
_AFTER = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?=\r|\n|\Z)")
_QUOTE = re.compile(r"\\([\\'])")
_PIECE = re.compile(r"\\(?P<escaped>.)|\$\{(?P<name>[^}:]*)(?::-(?P<default>[^}]*))?\}", re.DOTALL)
_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "$": "$",
}  # fmt: skip


def fill(environ: MutableMapping[str, str], paths: tuple[str, ...], folder: str) -> dict[str, str]:
    """Set the variables of the files at `paths` that `environ` does not have; return name → file.

    What is set already stays, also when it is empty; of several files the last one counts. Paths are relative to `folder`. UsageError names file and line of what cannot be read;
    then nothing has been set.
    """
    found: dict[str, str] = {}
    places: dict[str, str] = {}
    for path in paths:
        try:
            with open(os.path.join(folder, path), encoding="utf-8-sig", newline="") as file:
                text = file.read()
        except FileNotFoundError:
            raise UsageError(
                f"--env-file {path}: there is no such file, seen from {folder}"
            ) from None
        except UnicodeDecodeError as error:
            raise UsageError(f"--env-file {path} is no UTF-8: {error}") from None
        except OSError as error:
            raise UsageError(f"--env-file {path} cannot be read: {error.strerror}") from None
        try:
            values = parse(text, {**found, **environ})
        except ValueError as error:
            raise UsageError(f"--env-file {path}, {error}") from None
        for name, value in values.items():
            if name not in environ:
                found[name] = value
                places[name] = path
    environ.update(found)
    return places


def parse(text: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of a file's `text`; `environ` is what `${NAME}` sees, above the file's own lines.

    ValueError has the number of the line, what was seen, and what would be understood.
    """
    values: dict[str, str] = {}
    position = 0
    while (position := _skip(text, position)) < len(text):
        line = text.count("\n", 0, position) + 1
        try:
            name, value, position = _assignment(text, position, {**values, **environ})
        except ValueError as error:
            raise ValueError(f"line {line}: {error}") from None
        values[name] = value
    return values


def _skip(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _assignment(text: str, position: int, seen: Mapping[str, str]) -> tuple[str, str, int]:
    """Name and value of the line at `position`, and where it ends."""
    head = _NAME.match(text, position)
    if head is None:
        # Nothing of it is shown: it may be the second line of a key
        raise ValueError("neither a comment nor NAME=value; quote values of several lines")
    position = head.end()
    mark = text[position : position + 1]
    if mark not in {"'", '"'} or not mark:
        plain = _PLAIN.match(text, position)
        written = plain.group() if plain else ""
        value = _COMMENT.sub("", written).strip()
        return head[1], _checked(_filled(value, seen)), position + len(written)
    quoted = (_SINGLE if mark == "'" else _DOUBLE).match(text, position)
    if quoted is None:
        raise ValueError(f"the value of {head[1]} begins with {mark} and does not end with it")
    after = _AFTER.match(text, quoted.end())
    if after is None:
        raise ValueError(f"something stands behind the quoted value of {head[1]}: remove it")
    literal = mark == "'"
    value = _QUOTE.sub(r"\1", quoted[1]) if literal else _filled(quoted[1], seen, escapes=True)
    return head[1], _checked(value), after.end()


def _filled(text: str, seen: Mapping[str, str], *, escapes: bool = False) -> str:
    """`text` with what its `${NAME}`, and with `escapes` its backslashes, stand for."""

    def stands_for(match: re.Match[str]) -> str:
        escaped, name, default = match["escaped"], match["name"], match["default"]
        if escaped is not None:
            return _ESCAPES.get(escaped, match[0]) if escapes else match[0]
        value = seen.get(name, "")
        if value or (name in seen and default is None):
            return value
        if default is None:
            raise ValueError(
                f"${{{name}}} is not set: set it in a line above or in the environment, or write"
                f" ${{{name}:-}} for an empty text"
            )
        return str(default)

    return _PIECE.sub(stands_for, text)


def _checked(value: str) -> str:
    if "\0" in value:
        raise ValueError("a variable cannot hold a NUL")
    return value
