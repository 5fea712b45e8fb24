"""The template imports once, says what it found, and forks processes that the supervisor is the parent of."""

import sys

import pytest

from tests.command import python

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="--preload is for Linux")

# A supervisor in small: what it hears of the template, and of a worker that was forked from it.
SUPERVISOR = """
import os, subprocess, sys
from penstock.config import Config
from penstock.process import orphans
from penstock.process.board import Board
from penstock.process.channel import pair
from penstock.process.handover import pack
from penstock.process.stacks import new_report
assert orphans.adopt()
ours, theirs = pair()
ours.sock.settimeout(20)
fd = theirs.sock.fileno()
child = subprocess.Popen([sys.executable, "-c",
    f"import sys; from penstock.process.template import main; sys.exit(main({fd}))"], pass_fds=(fd,))
theirs.close()
config = pack(Config(sys.argv[1], workers=1, lifespan="off", log_level="critical"))
ours.send("template", {"config": config, "path": sys.path, "argv": ["penstock"], "supervisor": os.getpid()})
message = ours.wait()
print(message[:3])
if message[0] == "imported":
    board, report = Board(), new_report()
    control, its = pair()
    control.sock.settimeout(20)
    control.send("start", {"config": config, "slot": 0, "drain_s": 0.0}, descriptors=(board.fd, report))
    ours.send("fork", descriptors=[its.sock.fileno()])
    its.close()
    name, pid = ours.wait()
    assert name == "forked" and pid != child.pid
    print(control.wait(), control.wait()[:3])
    ours.close()
    assert child.wait(20) == 0
    control.send("stop", False)
    print(os.waitpid(pid, 0) == (pid, 0))
else:
    print(child.wait(20))
"""


def supervise(tmp_path: object, text: str) -> str:
    path = f"{tmp_path}/templated.py"
    with open(path, "w") as file:
        file.write(text)
    done = python(SUPERVISOR.replace("sys.argv[1]", repr(path)))
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_worker_is_forked_after_one_import_and_outlives_the_template(tmp_path: object) -> None:
    output = supervise(
        tmp_path,
        "import threading\n"
        "print('imported', flush=True)\n"
        "async def app(scope, receive, send): pass\n"
        "threading.Thread(target=threading.Event().wait, daemon=True, name='mine').start()\n",
    )
    assert output.splitlines() == [
        "imported",
        "('imported', ['mine'])",
        "('loaded',) ('started', 'templated:app', 'asgi3')",
        "True",
    ]


@pytest.mark.slow
def test_an_import_that_fails_is_told_with_its_code(tmp_path: object) -> None:
    first, last = supervise(tmp_path, "import no_such_module").splitlines()
    assert first.startswith("('failed', 4, ")
    assert "no_such_module" in first
    assert last == "4"
