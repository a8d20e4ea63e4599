"""What depends on time is found where it stands, and runs by itself."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.alone import ALONE, TESTS


@pytest.mark.parametrize("place", ALONE)
def test_what_runs_alone_is_there(place: str):
    assert (TESTS / place).exists()


@pytest.mark.parametrize(("chosen", "file"), [("alone", "test_ops.py"), ("not alone", "test_backoff.py")])
def test_each_half_of_the_suite_has_its_own(chosen: str, file: str):
    both = [str(TESTS / name) for name in ("test_ops.py", "test_backoff.py")]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-m", chosen, *both]
    told = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, check=True).stdout
    assert {Path(line.partition("::")[0]).name for line in told.splitlines() if "::" in line} == {file}
