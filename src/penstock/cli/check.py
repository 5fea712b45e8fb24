"""`penstock check`: which of its commands is meant."""

from __future__ import annotations

from penstock.errors import UsageError

_HELP = """\
Usage: {prog} app APP | server SERVER... [OPTIONS]

Judge by the ASGI specification:

  {prog} app main:app         an application, driven by a fake server
  {prog} server uvicorn       a server, with a probe application

{prog} app --help and {prog} server --help have more.
"""
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
    if kind in {"-h", "--help"}:
        print(_HELP.format(prog=prog), end="")
        return 0
    raise UsageError(f"check {kind or 'what'}?", _KINDS)
