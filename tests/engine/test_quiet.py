"""OpenVINO tells nobody that it is used, and leaves no process behind."""

import os
import subprocess
import sys
from pathlib import Path

from tests.bare import ROOT

SCRIPT = """
import multiprocessing.process, os, socket, sys
def never(*args, **kwargs):
    print("it does", args, flush=True)
    os._exit(1)
multiprocessing.process.BaseProcess.start = os.fork = socket.socket.connect = never
{imports}
import concurrent.futures.thread
concurrent.futures.thread._python_exit()  # what was left to threads is done
assert ov.Core
"""


def run(imports: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT.format(imports=imports)],
        cwd=ROOT,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},  # it looks whether this is CI
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_openvino_tells_nobody_that_it_is_imported(tmp_path: Path):
    done = run("from stream.engine.quiet import ov", tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_by_itself_it_would(tmp_path: Path):
    told = run("import openvino as ov", tmp_path).stdout
    assert "it does" in told, "it is quiet by itself now: stream/engine/quiet.py may go"
