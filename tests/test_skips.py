"""No test goes missing unseen: one that is skipped, or a whole file of them, fails the run."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.skips import ALLOWED_SKIPS

ROOT = Path(__file__).resolve().parent.parent


def run_of(content: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """A run of pytest over one file."""
    (folder / "test_it.py").write_text(f"import pytest\n{content}\n")
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT}\n")
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "tests.skips", str(folder)]
    return subprocess.run(words, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "content",
    [
        "def test(): pytest.skip('not today')",
        "@pytest.mark.skip(reason='not today')\ndef test(): pass",
        "pytest.importorskip('no_such_library')\ndef test(): pass",
        "pytest.skip('not today', allow_module_level=True)\ndef test(): pass",
    ],
    ids=["in the test", "by a mark", "for want of a library", "the whole file"],
)
def test_what_is_skipped_fails_the_run_and_says_so(content: str, tmp_path: Path):
    run = run_of(content, tmp_path)
    assert run.returncode != 0
    assert "skipped for a reason that tests/skips.py does not list" in run.stdout


@pytest.mark.parametrize("content", ["def test(): pytest.skip({!r})", "pytest.skip({!r}, allow_module_level=True)"])
def test_a_reason_that_is_listed_is_none_to_fail_for(content: str, tmp_path: Path):
    run = run_of(f"{content.format(ALLOWED_SKIPS[0])}\ndef test_other(): pass", tmp_path)
    assert "1 skipped" in run.stdout
    assert "failed" not in run.stdout
