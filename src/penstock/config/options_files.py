"""Options of static files; a part of the table in `options`."""

from __future__ import annotations

from penstock.config.kinds import Option

FILES = "Files"

FILE_OPTIONS: tuple[Option, ...] = (
    Option(
        "static", "mounts", (), FILES,
        help="/route=folder of files to serve, settings behind a question mark (/=dist?spa&except=/api);"
        " may be repeated; docs/static.md has all of it",
        reason="nothing of the disk is public unless asked for",
    ),
)  # fmt: skip
