"""The images: as hadolint wants them, and, built on a Debian of our own, run without any right."""

import json
import subprocess
import time
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stream.local.ports import free_ports
from tests.deploy.manifests import program
from tests.deploy.podman import ALONE, LOCKED_UP, ROOT, Podman
from tests.system.lab import Lab

IMAGES = ROOT / "deploy" / "images"
DOCKERFILES = sorted(IMAGES.glob("*.Dockerfile"))


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.stem)
def test_hadolint_has_nothing_against_it(dockerfile: Path):
    done = subprocess.run(
        [program("hadolint"), str(dockerfile)], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.stem)
def test_it_ends_without_root_and_its_base_can_be_another(dockerfile: Path):
    lines = dockerfile.read_text().splitlines()
    assert [line for line in lines if line.startswith("ARG BASE=")] == [lines[[*map(bool, lines)].index(False) - 1]]
    assert [line for line in lines if line.startswith("USER")] == ["USER 10001:10001"]


@contextmanager
def started(podman: Podman, *words: object) -> Iterator[str]:
    """A container that is gone afterwards."""
    container = podman.start(*LOCKED_UP, "--network", "host", *words)
    try:
        yield container
    finally:
        podman.run("rm", "--force", "--time", "0", container)


@pytest.mark.ops
@pytest.mark.timeout(1800)
def test_it_scores_clips_where_nothing_can_be_written(podman: Podman, worker_image: str, small: Path):
    done = podman.run(*ALONE, "-v", f"{small}:/clips:ro", worker_image, "score", "--json", "/clips")
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert {each["clip_id"]: each["kind"] for each in outcomes} == {
        **{f"good-{number}.mp4": "verdict" for number in range(4)},
        "no-outline.mp4": "rejection",
        "truncated.mp4": "rejection",
    }


@pytest.mark.ops
def test_there_is_nobody_and_nothing_to_compile_with(podman: Podman, worker_image: str):
    asked = (*ALONE, "--entrypoint", "/bin/sh", worker_image, "-c")
    assert podman.run(*asked, "id --user").stdout == "10001\n"
    assert podman.run(*asked, "command -v cc gcc g++ clang make pip", check=False).stdout == ""


@pytest.mark.ops
def test_it_judges_as_many_at_a_time_as_its_quota_lets_it_and_drains(
    podman: Podman, worker_image: str, small: Path, kafka: str
):
    lab, (port,) = Lab(kafka, small, partitions=2), free_ports("127.0.0.1", 1)
    at = [word for name, topic in lab.topics.items() for word in (f"--{name}", topic)]
    words = ("worker", "--bootstrap", kafka, "--group", lab.group, *at, "--allow", "/clips")
    mount = ("-v", f"{small}:/clips:ro", "--cpus", "1", "-e", f"STALL_OPS_PORT={port}")
    with started(podman, *mount, worker_image, *words) as container:
        assert ", 1 readers, " in podman.await_words(container, "/metrics")
        lab.send("file:///clips/good-0.mp4", "file:///clips/truncated.mp4")
        assert lab.audit()["outcomes"] == 2
        assert podman.run("healthcheck", "run", container).returncode == 0
        ready = podman.run("exec", container, "python", "-m", "stream", "healthcheck", "ready")
        assert ready.stdout == "ready\n"
        podman.run("kill", "--signal", "TERM", container)
        assert podman.run("wait", container).stdout == "0\n"


@pytest.mark.ops
def test_a_signal_ends_it_before_it_has_begun(podman: Podman, worker_image: str, small: Path):
    """As the first process of its container: Linux keeps signals from it that it has no handler for."""
    words = ("-v", f"{small}:/clips:ro", worker_image, "worker", "--bootstrap", "127.0.0.1:1", "--allow", "/clips")
    with started(podman, *words) as container:
        began = time.monotonic()
        podman.run("kill", "--signal", "TERM", container)
        assert podman.run("wait", container).stdout == "143\n"
        assert time.monotonic() - began < 10


def empty_tensorrt(index: Path) -> None:
    """An index of packages with a wheel named tensorrt, newer than any and with nothing in it."""
    name = "tensorrt-11.9999-py3-none-any.whl"
    (index / "tensorrt").mkdir(parents=True)
    (index / "tensorrt" / "index.html").write_text(f'<a href="{name}">{name}</a>')
    files = {
        "METADATA": "Metadata-Version: 2.1\nName: tensorrt\nVersion: 11.9999\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(index / "tensorrt" / name, "w") as wheel:
        for file, text in files.items():
            wheel.writestr(f"tensorrt-11.9999.dist-info/{file}", text)


@pytest.mark.containers
@pytest.mark.timeout(1800)
def test_the_tensorrt_image_is_a_worker_but_for_tensorrt(podman: Podman, small: Path, tmp_path: Path):
    warnings.warn("NVIDIA's base and wheels are on its own indexes: Debian and an empty wheel stand in", stacklevel=1)
    empty_tensorrt(tmp_path / "index")
    more = ("-v", f"{tmp_path}/index:/index:ro", "--build-arg", "TENSORRT_INDEX=file:///index")
    podman.build(IMAGES / "worker-tensorrt.Dockerfile", "localhost/worker-tensorrt", *more)
    image = (*ALONE, "-v", f"{small}:/clips:ro", "localhost/worker-tensorrt")
    assert json.loads(podman.run(*image, "score", "--json", "/clips/good-0.mp4").stdout)["kind"] == "verdict"
