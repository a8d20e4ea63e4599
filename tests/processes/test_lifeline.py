"""A child that hangs on the lifeline ends with whoever started it, however that ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stream.processes.lifeline import dying_with_us
from tests.processes.ended import ends, runs

PARENT = """
import subprocess, sys, time
from stream.processes.lifeline import dying_with_us
child = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
subprocess.Popen(dying_with_us([sys.executable, "-c", child]))
sys.stdin.read()
"""


@pytest.mark.parametrize("ending", [None, signal.SIGTERM, signal.SIGKILL])
def test_no_ending_of_the_parent_leaves_the_child_behind(ending: signal.Signals | None):
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert runs(child)
        if ending is None:
            parent.stdin.close()
        else:
            parent.send_signal(ending)
        assert parent.wait(timeout=10) == -(ending or 0)
        assert ends(child)


def test_a_command_whose_parent_is_gone_before_it_begins_is_not_run(tmp_path: Path):
    marker = tmp_path / "was run"
    touch = [sys.executable, "-c", f"open({str(marker)!r}, 'w')"]
    ask = f"import json; from stream.processes import lifeline; print(json.dumps(lifeline.dying_with_us({touch!r})))"
    of_one_that_is_gone = json.loads(subprocess.check_output([sys.executable, "-c", ask]))
    subprocess.run(of_one_that_is_gone, check=True, timeout=10)
    assert not marker.exists()
    subprocess.run(dying_with_us(touch), check=True, timeout=10)
    assert marker.exists()


def test_the_child_is_the_command_itself_with_its_arguments_and_exit_code():
    code = "import os, sys; print(os.getpid(), sys.argv[1:]); sys.exit(7)"
    command = dying_with_us([sys.executable, "-c", code, "a b", "--c", ""])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.read() == f"{child.pid} ['a b', '--c', '']\n"
    assert child.returncode == 7
    assert child.pid != os.getpid()
