"""The training image: built whole, it goes from generated clips to an artifact that the worker's image serves."""

import json
import os
from pathlib import Path

import pytest

from tests.deploy.podman import ALONE, ROOT, Podman

IMAGE = "docker.io/stall-stream/training:0.1.0"
NOBODY = 10001

pytestmark = [pytest.mark.containers, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def training_image(podman: Podman) -> str:
    """With PyTorch from `TORCH_INDEX` where that is told, else from the default index, with 5 GB of CUDA."""
    index = f"TORCH_INDEX={os.environ.get('TORCH_INDEX', '')}"
    podman.build(ROOT / "deploy" / "images" / "training.Dockerfile", IMAGE, "--build-arg", index)
    return IMAGE


def test_what_it_trains_and_builds_without_a_right_judges_clips(
    podman: Podman, training_image: str, worker_image: str, small: Path, tmp_path: Path
):
    work = tmp_path / "work"
    work.mkdir()
    os.chown(work, NOBODY, NOBODY)
    at_work = (*ALONE, "-v", f"{work}:/work")
    ours = (*at_work, "--tmpfs", "/tmp", training_image)
    few = ("--processes", "1", "--threads", "1")
    podman.run(*ours, "training", "fit", "--recipe", "debug", *few, "--out", "checkpoint")
    podman.run(*ours, "trt_build", "--checkpoint", "checkpoint", "--out", "artifact")
    assert {path.stat().st_uid for path in work.rglob("*")} == {NOBODY}
    judge = (*at_work, "-v", f"{small}:/clips:ro", worker_image, "score", "--artifact", "/work/artifact")
    assert json.loads(podman.run(*judge, "--json", "/clips/good-0.mp4").stdout)["kind"] == "verdict"
