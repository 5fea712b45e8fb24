"""The results as one page without anything from elsewhere: a matrix that compares servers."""

from penstock.conformance.server_run import Run


def page(runs: list[Run]) -> str:
    """The page."""
    return str(len(runs))
