"""An artifact appears whole or not at all, whoever builds at the same place and whatever happens meanwhile."""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stream.engine.artifact import Artifact, load_artifact
from stream.errors import UserError
from trt_build.staging import sole_builder, staged

ROOT = Path(__file__).resolve().parents[2]


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


@pytest.fixture
def out(tmp_path: Path, tiny_artifact: Artifact) -> Path:
    """A copy of an artifact."""
    return Path(shutil.copytree(tiny_artifact.path, tmp_path / "artifact"))


def test_the_folder_appears_whole(tmp_path: Path):
    out = tmp_path / "new" / "artifact"
    with sole_builder(out), staged(out, force=False) as folder:
        (folder / "manifest.json").touch()
        assert not out.exists()
    assert names(out) == {"manifest.json"}
    assert names(out.parent) == {"artifact"}
    assert out.stat().st_mode & 0o777 == 0o777 & ~umask(), "workers run as somebody else"


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_what_is_there_stays_unless_force_is_said(tmp_path: Path):
    with pytest.raises(UserError, match="--force"), staged(tmp_path, force=False):
        pass


def test_an_error_leaves_what_was_there(out: Path, tiny_artifact: Artifact):
    with pytest.raises(RuntimeError, match="mid-build"), staged(out, force=True):
        raise RuntimeError("mid-build")
    assert load_artifact(out).digest == tiny_artifact.digest
    assert names(out.parent) == {"artifact"}


def test_force_replaces_an_artifact(out: Path):
    with staged(out, force=True) as folder:
        (folder / "new").touch()
    assert names(out) == {"new"}
    assert names(out.parent) == {"artifact"}


def test_force_replaces_nothing_but_artifacts(tmp_path: Path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    (tmp_path / "file").touch()
    for place in (tmp_path / "photos", tmp_path / "file"):
        with pytest.raises(UserError, match="holds no artifact"), staged(place, force=True):
            pass
    assert (tmp_path / "photos" / "cat.jpg").exists()


def test_a_place_that_cannot_be_written_gets_one_line(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="can't write there"), sole_builder(tmp_path / "file" / "out"):
        pass


@pytest.mark.parametrize("name", ["ENOSPC", "EDQUOT"])
def test_a_full_disk_leaves_what_was_there_and_says_so(out: Path, tiny_artifact: Artifact, name: str):
    number = getattr(errno, name)
    full = OSError(number, os.strerror(number), "model.bin")
    said = re.escape(f"--out {out}: can't write there ({full.strerror}); make room, or give another place")
    with pytest.raises(UserError, match=f"^{said}$"), staged(out, force=True):  # noqa: PT012 - mid-build
        (out.parent / ".artifact.building" / "model.bin").write_bytes(b"half of it")
        raise full
    assert load_artifact(out).digest == tiny_artifact.digest
    assert names(out.parent) == {"artifact"}


FULL = """
import os, resource, signal, sys
from pathlib import Path
from stream.engine.golden import Golden
from stream.errors import UserError
from trt_build.cpu.target import OpenVinoTarget
from trt_build.staging import staged
artifact, out = map(Path, sys.argv[1:])
golden = Golden.load(artifact)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def compiled(folder):
    os.symlink(artifact / "model.onnx", folder / "model.onnx")
    OpenVinoTarget("fp32").compile(folder, None)
for limit, write in ((20_000, compiled), (50_000, golden.save)):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        with staged(out, force=False) as folder:
            write(folder)
    except UserError as error:
        print(error)
"""


def test_libraries_that_write_on_a_full_disk_get_one_line_each(tmp_path: Path, tiny_artifact: Artifact):
    """The limit on a file's size plays the full disk."""
    command: list[str | Path] = [sys.executable, "-c", FULL, tiny_artifact.path, tmp_path / "artifact"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    first, second = ended.stdout.splitlines()
    assert "can't write there (OpenVINO says" in first
    assert "can't write there (File too large)" in second
    assert names(tmp_path) == set()


WRITE_AND_BE_KILLED = """
import os, signal, sys
from pathlib import Path
from trt_build.staging import sole_builder, staged
out = Path(sys.argv[1])
with sole_builder(out), staged(out, force=True) as folder:
    (folder / "model.bin").write_bytes(b"half of it")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_builder_left_is_no_artifact_and_goes_with_the_next(out: Path, tiny_artifact: Artifact):
    command: list[str | Path] = [sys.executable, "-c", WRITE_AND_BE_KILLED, out]
    assert subprocess.run(command, cwd=ROOT, check=False, timeout=60).returncode == -signal.SIGKILL
    assert load_artifact(out).digest == tiny_artifact.digest
    with pytest.raises(UserError, match="can't read manifest"):
        load_artifact(out.parent / ".artifact.building")
    with sole_builder(out), staged(out, force=True) as folder:
        assert names(folder) == set()
        (folder / "new").touch()
    assert names(out.parent) == {"artifact"}


def test_an_artifact_that_was_being_replaced_when_its_builder_was_killed_returns(out: Path, tiny_artifact: Artifact):
    out.rename(out.with_name(".artifact.old"))
    with sole_builder(out):
        assert load_artifact(out).digest == tiny_artifact.digest
    assert names(out.parent) == {"artifact"}


INSIDE_ALONE = """
import os, sys, time
from pathlib import Path
from trt_build.staging import sole_builder
out, guard = Path(sys.argv[1]), Path(sys.argv[1] + ".guard")
for _ in range(20):
    with sole_builder(out):
        os.close(os.open(guard, os.O_CREAT | os.O_EXCL))
        time.sleep(0.002)
        guard.unlink()
"""


def test_of_builders_at_one_place_one_is_inside_at_a_time(tmp_path: Path):
    """A lock's file is deleted at each end, so a waiting process may hold one that nobody else will ever ask for."""
    command: list[str | Path] = [sys.executable, "-c", INSIDE_ALONE, tmp_path / "artifact"]
    builders = [subprocess.Popen(command, cwd=ROOT) for _ in range(4)]
    assert [each.wait(timeout=120) for each in builders] == [0, 0, 0, 0]
    assert names(tmp_path) == set()
