"""What can be said of the TensorRT engine without a GPU: its threads, its buffers and the order of its calls.

On a device emulated in host memory, where tests/contract/test_engine.py runs, too. What NVIDIA's libraries do is for
`make test-gpu`, on a machine with a GPU.
"""

import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from stream.engine.artifact import Artifact, Hardware, seal
from stream.engine.contract import Engine
from stream.engine.driver import Gpu
from stream.engine.open import open_engine
from stream.errors import UserError
from tests.engine.emulated_gpu import L4, LARGEST, EmulatedCuda, as_plan, emulated

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


def test_the_next_clips_arrive_while_the_network_computes(open_on, artifact, clips, expected_by):
    """Each network is made to last until the next batch has come, which is submitted as a worker does it."""
    device = EmulatedCuda(chained=6, delay_s=0.01)
    engine = open_on(artifact, device)
    done: SimpleQueue[Future[NDArray[np.float32]]] = SimpleQueue()
    for i in range(engine.slots):
        engine.submit(clips[i : i + 1]).add_done_callback(done.put)
    logits = []
    for i in range(engine.slots, device.chained):
        logits.append(done.get(timeout=10).result())
        time.sleep(0.01)  # another thread takes its time
        engine.submit(clips[i : i + 1]).add_done_callback(done.put)
    logits += [done.get(timeout=10).result() for _ in range(engine.slots)]
    np.testing.assert_allclose(np.concatenate(logits), expected_by(clips[: device.chained]), atol=1e-4, rtol=1e-4)


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


def test_an_interrupt_while_a_plan_is_opened_ends_the_engine(artifact: Artifact):
    """The thread that owns it would keep the process for ever."""

    def interrupt() -> None:
        time.sleep(0.05)  # whoever opens it waits by now
        signal.raise_signal(signal.SIGINT)

    before = set(threading.enumerate())
    with emulated(EmulatedCuda(opening=interrupt)), pytest.raises(KeyboardInterrupt):
        open_engine(artifact)
    assert set(threading.enumerate()) <= before


def test_what_tensorrt_says_is_logged_and_nothing_is_printed(open_on, artifact, capfd, caplog):
    caplog.set_level("WARNING")  # NNCF, where it was imported before, raises the level of every handler
    open_on(artifact, EmulatedCuda())
    assert caplog.messages == ["TensorRT: Using default stream may be slow"]
    assert capfd.readouterr().out == ""


def test_a_gpu_with_too_little_memory_gets_one_line(open_on, artifact):
    for allocations in range(8):
        said = (
            rf"too little free memory for batches of {LARGEST} \(cudaErrorMemoryAllocation\).* smaller --largest-batch"
        )
        with pytest.raises(UserError, match=said):
            open_on(artifact, EmulatedCuda(allocations=allocations))


def built_for(hardware: Hardware, artifact: Artifact) -> Artifact:
    device = artifact.manifest.device.model_copy(update={"hardware": hardware})
    return Artifact(artifact.path, artifact.manifest.model_copy(update={"device": device}), artifact.digest)


ADA, AMPERE, TURING, BLACKWELL = (
    Gpu(name=f"NVIDIA {name}", capability=capability, cuda="13.0")
    for name, capability in (("RTX 4090", "8.9"), ("A100", "8.0"), ("T4", "7.5"), ("B200", "10.0"))
)


@pytest.mark.parametrize(
    ("hardware", "gpu"),
    [
        ("this", L4),
        ("same-capability", L4),
        ("same-capability", ADA),
        *(("ampere-or-later", gpu) for gpu in (L4, ADA, AMPERE, BLACKWELL)),
    ],
)
def test_a_plan_serves_on_gpus_that_it_was_built_for(open_on, artifact, hardware: Hardware, gpu: Gpu):
    assert open_on(built_for(hardware, artifact), EmulatedCuda(gpu=gpu)).slots == 3


@pytest.mark.parametrize(
    ("hardware", "gpu"),
    [
        ("this", ADA),
        ("this", Gpu(name="NVIDIA L4", capability="9.0", cuda="13.0")),
        ("same-capability", AMPERE),
        ("ampere-or-later", TURING),
    ],
)
def test_a_plan_for_other_gpus_gets_one_line(open_on, artifact, hardware: Hardware, gpu: Gpu):
    here = re.escape(f"{gpu.name} ({gpu.capability})")
    said = rf"was built on NVIDIA L4 \(8\.9\) for --hardware {hardware}, here is {here}; build it on this machine"
    with pytest.raises(UserError, match=said):
        open_on(built_for(hardware, artifact), EmulatedCuda(gpu=gpu))


def test_a_plan_that_tensorrt_cannot_load_gets_one_line_with_its_words(open_on, artifact, tmp_path):
    folder = Path(shutil.copytree(artifact.path, tmp_path / "artifact"))
    (folder / "model.plan").write_bytes(b"of another version")
    said = (
        r"plan was built by TensorRT 11\.4\.0\.106, and TensorRT 10\.16\.1\.11 can't load it here: The engine plan "
        r"file is not compatible with this version; build"
    )
    with pytest.raises(UserError, match=said):
        open_on(seal(folder, artifact.manifest), EmulatedCuda())


def test_a_batch_that_tensorrt_refuses_is_told_with_its_words(open_on, artifact, clips):
    device = EmulatedCuda()
    engine = open_on(artifact, device)
    device.refuses.set()
    with pytest.raises(RuntimeError, match=r"^TensorRT's execute_async_v3 failed: Error Code 1: Cuda Runtime$"):
        engine.submit(clips[:1]).result(timeout=10)


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
