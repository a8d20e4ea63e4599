"""What can be said of the TensorRT engine without a GPU: its threads, its buffers and the order of its calls.

On a device emulated in host memory, where tests/contract/test_engine.py runs, too. What NVIDIA's libraries do is for
`make test-gpu`, on a machine with a GPU.
"""

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from stream.engine.artifact import Artifact, seal
from stream.engine.contract import Engine
from stream.engine.open import open_engine
from stream.errors import UserError
from tests.engine.emulated_gpu import LARGEST, EmulatedCuda, as_plan, emulated

Open = Callable[[Artifact, EmulatedCuda], Engine]


@pytest.fixture(scope="module")
def artifact(tiny_artifact: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """As for an L4."""
    folder = tmp_path_factory.mktemp("gpu") / "artifact"
    plan = tiny_artifact.path / "model.onnx"
    return as_plan(tiny_artifact, folder, plan=plan, name="NVIDIA L4", capability="8.9")


@pytest.fixture
def open_on() -> Iterator[Open]:
    """Opens engines on emulated devices, closes them, and looks whether anything was left on the device."""
    opened: list[tuple[Engine, EmulatedCuda]] = []

    def open_on(artifact: Artifact, device: EmulatedCuda) -> Engine:
        with emulated(device):
            opened.append((open_engine(artifact), device))
        return opened[-1][0]

    yield open_on
    for engine, device in opened:
        engine.close()
        assert (device.memory, device.streams, device.events, device.faults) == ({}, {}, set(), [])


@pytest.fixture(scope="module")
def clips(artifact: Artifact) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (24, *artifact.manifest.spec.shape), dtype=np.uint8)


@pytest.mark.parametrize("delay_s", [0.0, 0.002])
def test_batches_of_all_sizes_one_after_another_keep_their_clips(open_on, artifact, clips, expected_by, delay_s):
    """The buffers go round several times, while the device lags behind or doesn't."""
    engine = open_on(artifact, EmulatedCuda(delay_s=delay_s))
    starts = [(i, 1 + i % LARGEST) for i in range(20)]
    futures = [engine.submit(clips[i : i + n]) for i, n in starts]
    for (i, n), future in zip(starts, futures, strict=True):
        np.testing.assert_allclose(future.result(), expected_by(clips[i : i + n]), atol=1e-4, rtol=1e-4)


@pytest.fixture(scope="module")
def expected_by(tiny_network) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    import torch

    def expected_by(clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            logits: NDArray[np.float32] = tiny_network(torch.from_numpy(clips)).numpy()
        return logits

    return expected_by


def test_the_next_clips_arrive_while_the_network_computes(open_on, artifact, clips):
    """The first network is made to last until the second batch has come."""
    device = EmulatedCuda()
    device.clips_first = 2
    engine = open_on(artifact, device)
    device.open.clear()
    futures = [engine.submit(clips[i : i + 1]) for i in range(4)]
    device.open.set()
    wait(futures)
    order = device.timeline
    second_in = [i for i, what in enumerate(order) if what == "clips in"][1]
    assert second_in < order.index("logits out"), order


def test_a_fault_of_the_device_is_in_every_future_from_then_on(open_on, artifact, clips):
    device = EmulatedCuda()
    engine = open_on(artifact, device)
    assert engine.submit(clips[:1]).result().shape == (1,)
    device.broken.set()
    for _ in range(2):  # those under way, and those that come after
        futures = [engine.submit(clips[:1]) for _ in range(5)]
        for future in futures:
            with pytest.raises(RuntimeError, match="cudaErrorIllegalAddress: the process must be started anew"):
                future.result(timeout=10)


def test_closing_ends_its_thread(open_on, artifact, clips):
    before = set(threading.enumerate())
    engine = open_on(artifact, EmulatedCuda())
    futures = [engine.submit(clips[:2]) for _ in range(5)]
    engine.close()
    assert all(future.done() for future in futures)
    assert set(threading.enumerate()) <= before
    with pytest.raises(RuntimeError, match="closed"):
        engine.submit(clips[:1])


def built_for(capability: str, artifact: Artifact) -> Artifact:
    device = artifact.manifest.device.model_copy(update={"compute_capability": capability})
    return Artifact(artifact.path, artifact.manifest.model_copy(update={"device": device}), artifact.digest)


@pytest.mark.parametrize(("capability", "here"), [("8.9", (8, 9)), ("8.0+", (8, 9)), ("8.0+", (12, 0))])
def test_a_plan_serves_on_gpus_that_it_was_built_for(open_on, artifact, capability: str, here: tuple[int, int]):
    assert open_on(built_for(capability, artifact), EmulatedCuda(capability=here)).slots == 2


@pytest.mark.parametrize("capability", ["8.0", "9.0+"])
def test_a_plan_for_other_gpus_gets_one_line(open_on, artifact, capability: str):
    said = rf"was built for NVIDIA L4 \({re.escape(capability)}\), this GPU has compute capability 8\.9"
    with pytest.raises(UserError, match=said):
        open_on(built_for(capability, artifact), EmulatedCuda())


def test_a_plan_that_tensorrt_cannot_load_gets_one_line(open_on, artifact, tmp_path):
    folder = Path(shutil.copytree(artifact.path, tmp_path / "artifact"))
    (folder / "model.plan").write_bytes(b"of another version")
    with pytest.raises(UserError, match=r"this TensorRT \(0\.emulated\) can't load a plan"):
        open_on(seal(folder, artifact.manifest), EmulatedCuda())


def test_a_plan_that_is_not_what_the_manifest_says_gets_one_line(open_on, artifact, tmp_path):
    folder = Path(shutil.copytree(artifact.path, tmp_path / "artifact"))
    model = onnx.load(folder / "model.plan")
    model.graph.output[0].name = "probability"
    next(node for node in model.graph.node if "logits" in node.output).output[0] = "probability"
    (folder / "model.plan").write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match=r"model\.plan doesn't take clips uint8 \(4, 2, 16, 64, 64\) to logits float32"):
        open_on(seal(folder, artifact.manifest), EmulatedCuda())
    larger = artifact.manifest.model_copy(update={"batch_sizes": (1, LARGEST + 1)})
    with pytest.raises(UserError, match=r"doesn't take clips uint8 \(5, "):
        open_on(Artifact(artifact.path, larger, artifact.digest), EmulatedCuda())
