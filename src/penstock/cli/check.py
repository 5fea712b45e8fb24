"""`penstock check`: which of its commands is meant."""

from __future__ import annotations

from penstock.errors import UsageError

_KINDS = "penstock check server -- COMMAND, or penstock check app main:app"


def main(written: list[str], prog: str) -> int:
    """Run `penstock check` with the arguments behind it, and return the exit code."""
    kind = written[0] if written else ""
    if kind == "server":
        from penstock.cli import check_server

        return check_server.main(written[1:], f"{prog} server")
    if kind == "app":
        from penstock.cli import check_app

        return check_app.main(written[1:], f"{prog} app")
    raise UsageError(f"check {kind or 'what'}?", _KINDS)
