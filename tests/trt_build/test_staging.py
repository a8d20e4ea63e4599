"""An artifact appears whole or not at all, whoever builds at the same place and whatever happens meanwhile."""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
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
    with sole_builder(out), staged(out) as folder:
        (folder / "manifest.json").touch()
        assert not out.exists()
    assert names(out) == {"manifest.json"}
    assert names(out.parent) == {"artifact"}
    assert out.stat().st_mode & 0o777 == 0o777 & ~umask(), "workers run as somebody else"


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_an_error_leaves_what_was_there(out: Path, tiny_artifact: Artifact):
    with pytest.raises(RuntimeError, match="mid-build"), staged(out):
        raise RuntimeError("mid-build")
    assert load_artifact(out).digest == tiny_artifact.digest
    assert names(out.parent) == {"artifact"}


def test_an_artifact_is_replaced(out: Path):
    with staged(out) as folder:
        (folder / "new").touch()
    assert names(out) == {"new"}
    assert names(out.parent) == {"artifact"}


def test_an_empty_folder_is_replaced(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with staged(tmp_path / "empty") as folder:
        (folder / "new").touch()
    assert names(tmp_path / "empty") == {"new"}


def test_nothing_is_replaced_but_artifacts(tmp_path: Path):
    """A cache of clips has a manifest.json, too."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "manifest.json").touch()
    (tmp_path / "file").touch()
    for place in (tmp_path / "photos", tmp_path / "cache", tmp_path / "file"):
        with pytest.raises(UserError, match="holds no artifact"), staged(place):
            pass
    assert (tmp_path / "photos" / "cat.jpg").exists()
    assert (tmp_path / "cache" / "manifest.json").exists()


def test_a_place_that_cannot_be_written_gets_one_line(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="can't write there"), sole_builder(tmp_path / "file" / "out"):
        pass


def test_a_place_that_cannot_be_found_gets_one_line(tmp_path: Path):
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(UserError, match="circle"), sole_builder(tmp_path / "circle"), staged(tmp_path / "circle"):
        pass


@pytest.mark.parametrize("mounted", ["/", "/proc"])
def test_a_mount_point_is_refused_before_anything_is_built(mounted: str):
    with pytest.raises(UserError, match=r"is a mount point.* give a folder within it"), sole_builder(Path(mounted)):
        pytest.fail("nothing may be built that can't be put there")


def test_a_place_that_does_not_take_the_folder_at_the_end_gets_one_line(out: Path, tiny_artifact: Artifact):
    """As where something was mounted there meanwhile."""
    with pytest.raises(UserError, match="can't write there"), staged(out) as folder:
        folder.rmdir()
    assert load_artifact(out).digest == tiny_artifact.digest


@pytest.mark.parametrize("name", ["ENOSPC", "EDQUOT"])
def test_a_full_disk_leaves_what_was_there_and_says_so(out: Path, tiny_artifact: Artifact, name: str):
    number = getattr(errno, name)
    full = OSError(number, os.strerror(number), "model.bin")
    said = re.escape(f"--out {out}: can't write there ({full.strerror}); make room, or give another place")
    with pytest.raises(UserError, match=f"^{said}$"), staged(out):  # noqa: PT012 - mid-build
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
        with staged(out) as folder:
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
with sole_builder(out), staged(out) as folder:
    (folder / "model.bin").write_bytes(b"half of it")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_builder_left_is_no_artifact_and_goes_with_the_next(out: Path, tiny_artifact: Artifact):
    command: list[str | Path] = [sys.executable, "-c", WRITE_AND_BE_KILLED, out]
    assert subprocess.run(command, cwd=ROOT, check=False, timeout=60).returncode == -signal.SIGKILL
    assert load_artifact(out).digest == tiny_artifact.digest
    with pytest.raises(UserError, match="can't read manifest"):
        load_artifact(out.parent / ".artifact.building")
    with sole_builder(out), staged(out) as folder:
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


def test_a_builder_that_waits_says_so(tmp_path: Path):
    out, said = tmp_path / "artifact", []

    def wait_for_it() -> None:
        with sole_builder(out, waits=lambda: said.append("waits")):
            said.append("builds")

    second = threading.Thread(target=wait_for_it)
    with sole_builder(out, waits=lambda: said.append("never")):
        second.start()
        while not said:
            time.sleep(0.01)
        assert said == ["waits"]
    second.join()
    assert said == ["waits", "builds"]
