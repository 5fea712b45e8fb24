"""A process that is tied to another ends with it, however that ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import ENVIRON

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")

PARENT = """
import subprocess, sys, time
from penstock.process import orphans
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"], preexec_fn=orphans.tie())
print(child.pid, flush=True)
time.sleep(60)
"""
CHILD = """
import os, subprocess, sys, time
from penstock.process import orphans
child = subprocess.Popen([sys.executable, "-c", "import os, time; from penstock.process import orphans;"
    f"orphans.end_with({os.getpid()}); print(os.getpid(), flush=True); time.sleep(60)"])
time.sleep(60)
"""
ADOPTER = """
import os
from penstock.process import orphans
assert orphans.adopt()
between = os.fork()
if between == 0:
    if os.fork() == 0:
        while os.getppid() == between: pass
        import time; time.sleep(0.05)
    os._exit(7)
found = {os.wait()[0] for _ in range(2)}
assert between in found and len(found) == 2
"""


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize("program", [PARENT, CHILD], ids=["tied by the parent", "by itself"])
def test_it_ends_when_its_parent_is_killed_v05(program: str) -> None:
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=ENVIRON)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert not gone(child)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 2
    while not gone(child):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_grandchildren_whose_parents_have_ended_are_adopted() -> None:
    subprocess.run([sys.executable, "-c", ADOPTER], env=ENVIRON, check=True, timeout=20)
