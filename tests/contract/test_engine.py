"""What each engine must do, whatever runs underneath."""

from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stream.engine.artifact import Artifact
from stream.engine.contract import Engine
from stream.engine.driver import Gpu, require_gpu
from stream.engine.open import open_engine
from tests.engine.emulated_gpu import LARGEST, EmulatedCuda, as_plan, emulated
from training.networks.slowfast import SlowFast
from trt_build.nvidia.handle import load
from trt_build.nvidia.plan import PlanSettings, compile_plan

EMULATED = Gpu(name="emulated", capability="8.9", cuda="13.0")


@pytest.fixture(
    scope="module",
    params=["openvino", "openvino-batches", "tensorrt-emulated", pytest.param("tensorrt", marks=pytest.mark.gpu)],
)
def artifact(request: pytest.FixtureRequest, tiny_artifact: Artifact, tmp_path_factory) -> Artifact:
    folder = tmp_path_factory.mktemp("contract") / "artifact"
    onnx_file = tiny_artifact.path / "model.onnx"
    match request.param:
        case "tensorrt":
            return as_plan(tiny_artifact, folder, **compiled_here(onnx_file, folder.with_name("plan")))
        case "tensorrt-emulated":
            return as_plan(tiny_artifact, folder, plan=onnx_file, name=EMULATED.name, capability=EMULATED.capability)
    sizes = (1,) if request.param == "openvino" else (1, 4)
    return replace(tiny_artifact, manifest=tiny_artifact.manifest.model_copy(update={"batch_sizes": sizes}))


def compiled_here(onnx_file: Path, plan: Path) -> dict[str, Any]:
    """A plan for the GPU of this machine, which there must be."""
    gpu = require_gpu()
    settings = PlanSettings(usual_batch=LARGEST, largest_batch=LARGEST)
    plan.write_bytes(compile_plan(onnx_file, settings, load(gpu)).content)
    return {"plan": plan, "name": gpu.name, "capability": gpu.capability}


@pytest.fixture
def engine(artifact: Artifact) -> Iterator[Engine]:
    on_it = artifact.manifest.device.name == EMULATED.name
    emulation = emulated(EmulatedCuda(gpu=EMULATED)) if on_it else nullcontext()
    with emulation:
        engine = open_engine(artifact)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def clips(artifact: Artifact) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (24, *artifact.manifest.spec.shape), dtype=np.uint8)


@pytest.fixture(scope="module")
def expected(clips: NDArray[np.uint8], tiny_network: SlowFast) -> NDArray[np.float32]:
    with torch.inference_mode():
        logits: NDArray[np.float32] = tiny_network(torch.from_numpy(clips)).numpy()
    assert np.ptp(logits) > 0.1, "clips that score alike would prove nothing"
    return logits


def test_each_batch_size_scores_as_the_network_does(engine: Engine, clips, expected):
    for size in range(1, engine.batch_sizes[-1] + 1):
        logits = engine.submit(clips[:size]).result()
        assert logits.shape == (size,)
        assert logits.dtype == np.float32
        np.testing.assert_allclose(logits, expected[:size], atol=1e-4, rtol=1e-4)


def test_batch_sizes_rise_and_slots_are_positive(engine: Engine):
    assert list(engine.batch_sizes) == sorted(set(engine.batch_sizes))
    assert engine.slots >= 1


def test_each_future_holds_its_own_clips_logits(engine: Engine, clips, expected):
    order = np.random.default_rng(2).integers(0, len(clips), 100)
    futures = [engine.submit(clips[i : i + 1]) for i in order]
    np.testing.assert_allclose([f.result()[0] for f in futures], expected[order], atol=1e-4, rtol=1e-4)


def test_the_input_may_be_overwritten_after_submit(engine: Engine, clips, expected):
    slot = np.empty_like(clips[:1])
    futures = []
    for clip in clips:
        slot[0] = clip
        futures.append(engine.submit(slot))
    slot[:] = 0
    np.testing.assert_allclose([f.result()[0] for f in futures], expected, atol=1e-4, rtol=1e-4)


def test_results_are_not_overwritten_by_later_clips(engine: Engine, clips, expected):
    first = engine.submit(clips[:1]).result()
    wait([engine.submit(clips[i : i + 1]) for i in range(1, len(clips))])
    np.testing.assert_allclose(first, expected[:1], atol=1e-4, rtol=1e-4)


def test_a_view_with_strides_is_taken_as_it_looks(engine: Engine, clips, expected):
    reversed_twice = np.ascontiguousarray(clips[:1, :, ::-1])[:, :, ::-1]
    np.testing.assert_allclose(engine.submit(reversed_twice).result(), expected[:1], atol=1e-4, rtol=1e-4)


def test_submit_does_not_wait_for_a_free_slot(engine: Engine, clips):
    futures = [engine.submit(clips[:1]) for _ in range(50 * engine.slots)]
    assert sum(not each.done() for each in futures) > engine.slots
    wait(futures)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda clips: clips[:1].astype(np.float32),
        lambda clips: clips[:1].astype(np.int8),
        lambda clips: clips[0],
        lambda clips: clips[:1, :1],
        lambda clips: clips[:1, :, 1:],
        lambda clips: clips[:1, ..., 1:],
        lambda clips: clips[:0],
        lambda clips: clips[:5],
    ],
    ids=["float32", "int8", "no batch axis", "channels", "frames", "width", "none", "too many"],
)
def test_what_is_not_clips_is_refused_at_once(engine: Engine, clips, spoil):
    with pytest.raises(ValueError, match="the engine takes uint8"):
        engine.submit(spoil(clips))


def test_close_waits_for_what_was_submitted(engine: Engine, clips, expected):
    futures = [engine.submit(clips[i : i + 1]) for i in range(len(clips))]
    engine.close()
    assert all(each.done() for each in futures)
    np.testing.assert_allclose([f.result()[0] for f in futures], expected, atol=1e-4, rtol=1e-4)


def test_a_closed_engine_takes_nothing(engine: Engine, clips):
    engine.close()
    engine.close()
    with pytest.raises(RuntimeError):
        engine.submit(clips[:1])
