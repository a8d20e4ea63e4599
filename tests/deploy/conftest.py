"""What the tests of images, Compose and Kubernetes share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.podman import ROOT, Podman, UnableError
from tests.system.load import small_clips

WORKER = "docker.io/stall-stream/worker:0.1.0"


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """With the images' base."""
    lab = Podman(tmp_path_factory.mktemp("podman"))
    try:
        lab.import_base()
        yield lab
    except UnableError as refusal:
        pytest.skip(f"no container runs here: {refusal}")
    finally:
        lab.close()


@pytest.fixture(scope="session")
def worker_image(podman: Podman) -> str:
    """The worker's image, as compose and manifests name it."""
    podman.build(ROOT / "deploy" / "images" / "worker.Dockerfile", WORKER)
    return WORKER


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small clips in a folder that any user may read."""
    return small_clips(tmp_path_factory.mktemp("small") / "clips")
