"""tools/suite.py: what it does with a command that does not end."""

import signal
import sys

import pytest

from tests.house import ROOT

HANGS = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
time.sleep(600)
"""


@pytest.mark.slow
def test_what_hangs_is_killed_with_all_that_it_has_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it has started holds the same pipe: while that lives, its output does not end."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    import suite

    code, _ = suite.stream((sys.executable, "-c", HANGS), deadline_s=1)
    assert code == -signal.SIGKILL
    assert capsys.readouterr().out == "killed: it had not ended after 1 s\n"
    assert suite.stream((sys.executable, "-c", "print(1)"), deadline_s=60) == (0, ["1"])
