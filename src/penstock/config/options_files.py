"""Options of static files; a part of the table in `options`."""

from __future__ import annotations

from penstock.config.kinds import Option

FILES = "Files"

FILE_OPTIONS: tuple[Option, ...] = (
    Option(
        "static", "texts", (), FILES, room="static",
        help="/route=folder of files to serve; may be repeated",
        reason="nothing of the disk is public unless asked for",
    ),
)  # fmt: skip
