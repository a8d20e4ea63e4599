"""A release that others can take: the wheel is built, and from it alone the demo runs."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PARTS = ("stream", "training", "trt_build", "pyproject.toml", "README.md", "LICENSE")


def run(*words: object, cwd: Path) -> str:
    """What it says; it knows nothing of this repository."""
    plain = {name: text for name, text in os.environ.items() if name != "PYTHONPATH" and not name.startswith("STALL_")}
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, env=plain, check=False, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, for a build leaves its traces beside the sources."""
    sources = tmp_path_factory.mktemp("sources")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, sources / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, sources)
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", out, sources, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.mark.long
def test_it_holds_what_the_packages_read_beside_their_code(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    beside = {
        path.relative_to(ROOT).as_posix()
        for part in PARTS
        for path in (ROOT / part).rglob("*")
        if path.is_file() and path.suffix != ".pyc" and path.name != "README.md"
    }
    assert beside - names == set()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_demo_runs_from_it_alone(wheel: Path, tmp_path: Path):
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    constraints = ("-c", ROOT / "constraints.txt")
    run(python, "-m", "pip", "install", "--quiet", *constraints, f"{wheel}[demo]", cwd=tmp_path)
    said = run(python, "-m", "stream", "demo", "--clips", "8", cwd=tmp_path)
    assert "8 references, 8 outcomes" in " ".join(said.split())
