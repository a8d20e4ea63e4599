"""Processes that can't import certain libraries, as if they were not installed."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {libraries!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""


def run_without(libraries: set[str], folder: Path, *argv: str) -> "subprocess.CompletedProcess[str]":
    """Runs `python ARGV` in the folder; it and all processes that it starts do without the libraries."""
    site = folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(WITHOUT.format(libraries=libraries))
    environment = {name: value for name, value in os.environ.items() if not name.upper().startswith("STALL_")}
    return subprocess.run(
        [sys.executable, *argv],
        cwd=folder,
        env={**environment, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
