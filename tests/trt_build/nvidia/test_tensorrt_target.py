"""The whole way to a TensorRT artifact, as far as it goes without a GPU.

TensorRT-RTX parses and compiles each file for real; a device emulated in host memory then runs the file in the plan's
place, and everything before and after is what a machine with a GPU does.
"""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from stream.engine.artifact import Artifact, Device, load_artifact
from stream.engine.golden import Golden
from stream.errors import UserError
from tests.engine.emulated_gpu import L4, LARGEST, EmulatedCuda, emulated
from tests.trt_build.rtx import Rtx
from tests.trt_build.test_int8 import clear, placed, raise_a_channel
from training.checkpoint import load_checkpoint, save_checkpoint
from trt_build.agreement import noisiest
from trt_build.build import STAGES, build_for
from trt_build.export import names_of_layers
from trt_build.nvidia.plan import PlanSettings
from trt_build.nvidia.target import LOWERED, TensorRtTarget
from trt_build.settings import BuildSettings
from trt_build.target import ONNX

BATCHES = PlanSettings(usual_batch=2, largest_batch=LARGEST)


@dataclass(frozen=True)
class Emulated(TensorRtTarget):
    """Puts in the plan's place what the emulated device runs."""

    def compile(self, folder: Path, calibration: NDArray[np.uint8] | None) -> tuple[str, ...]:
        warnings = super().compile(folder, calibration)
        assert (folder / "model.plan").stat().st_size > 10_000
        shutil.copy(folder / (ONNX if self.precision == "fp32" else LOWERED), folder / "model.plan")
        return warnings


def target(precision) -> Emulated:
    return Emulated(precision, BATCHES, Rtx(), L4)


def made(settings: BuildSettings) -> Artifact:
    stages: list[str] = []
    with emulated(EmulatedCuda()):
        built = build_for(target(settings.precision), settings, stages.append, lambda *_: None)
    assert tuple(stages) == STAGES[1:], "nobody else builds there"
    assert built.speed is not None
    assert built.speed.latency_ms > 0
    return built.artifact


@pytest.fixture(scope="module", params=["fp32", "fp16"])
def artifact(request: pytest.FixtureRequest, tiny_checkpoint: Path, tmp_path_factory) -> Artifact:
    out = tmp_path_factory.mktemp(request.param) / "artifact"
    return made(BuildSettings(checkpoint=tiny_checkpoint, out=out, target="tensorrt", precision=request.param))


def test_the_artifact_says_what_it_is_and_what_it_runs_on(artifact: Artifact):
    manifest = artifact.manifest
    assert (manifest.kind, manifest.batch_sizes) == ("tensorrt", (1, 2, LARGEST))
    assert manifest.device == Device(name="NVIDIA L4", compute_capability="8.9", hardware="this")
    assert {"tensorrt", "onnxruntime", "cuda", "torch", "onnx"} <= set(manifest.builder)
    lowered = {LOWERED} if manifest.precision == "fp16" else set()
    assert set(manifest.files) - lowered == {"model.plan", ONNX, "golden.npz", "golden.mp4"}
    assert load_artifact(artifact.path) == artifact


def test_the_proof_is_within_what_the_precision_accounts_for(artifact: Artifact):
    proof = artifact.manifest.proof
    assert proof is not None
    assert proof.tolerance == {"fp32": 1e-4, "fp16": 2e-2}[artifact.manifest.precision]
    assert 0 < proof.max_difference <= proof.tolerance < proof.golden_tolerance
    if artifact.manifest.precision == "fp16":
        assert proof.max_difference > 1e-4, "half the bits show"


def test_golden_clips_are_scored_by_the_engine_in_its_precision(artifact: Artifact, tiny_network):
    golden = Golden.load(artifact.path)
    with torch.inference_mode():
        exact = tiny_network(torch.from_numpy(golden.clips)).numpy()
    limit = {"fp32": 1e-4, "fp16": 2e-2}[artifact.manifest.precision]
    np.testing.assert_allclose(golden.logits, exact, atol=limit, rtol=limit)


@pytest.fixture(scope="module")
def int8_settings(few: dict[str, object], tmp_path_factory) -> BuildSettings:
    return placed(tmp_path_factory.mktemp("tensorrt-int8"), {**few, "target": "tensorrt"}, clear)


def test_int8_is_judged_by_its_verdicts(int8_settings: BuildSettings):
    artifact = made(int8_settings)
    proof = artifact.manifest.proof
    assert proof is not None
    assert proof.agreement is not None
    assert proof.tolerance is None
    assert (proof.agreement.clips, proof.agreement.flips) == (32, 0)
    assert 0.99 <= proof.agreement.correlation < 1
    assert 1e-3 <= proof.golden_tolerance < 1
    assert {"model.plan", ONNX, LOWERED} <= set(artifact.manifest.files)


@pytest.mark.long
def test_a_network_that_eight_bits_can_not_hold_is_refused_with_its_layers(few: dict[str, object], tmp_path: Path):
    settings = placed(tmp_path, {**few, "target": "tensorrt"}, clear)
    network, card = load_checkpoint(settings.checkpoint)
    raise_a_channel(network, by=1000)
    save_checkpoint(settings.checkpoint, network, card)
    with pytest.raises(UserError, match=r"int8 is refused: .*largest behind stages\.\d\.\w+\.[\w.]+, "):
        made(settings)
    assert {each.name for each in tmp_path.iterdir()} == {"checkpoint"}


def test_the_layer_that_was_changed_most_is_named_first(fp32: Path, int8: Path, clips, tmp_path: Path):
    """One convolution's weights are spoilt in the lowered file, and only what follows it is changed by that."""
    model = onnx.load(int8)
    shutil.copy(fp32, tmp_path / ONNX)
    onnx.save(model, tmp_path / LOWERED)
    exact, lowered = target("int8").layers(tmp_path, clips[:2])
    assert exact.keys() == lowered.keys()
    assert len(exact) == 30
    spoilt = sorted(exact)[7]
    lowered[spoilt] = lowered[spoilt] + 100
    assert noisiest(exact, lowered)[0] == spoilt
    assert names_of_layers(fp32).keys() == exact.keys()


@pytest.mark.parametrize("hardware", ["this", "same-capability", "ampere-or-later"])
def test_what_a_plan_runs_on_is_in_the_manifest(hardware):
    aimed = replace(target("fp32"), plan=BATCHES.model_copy(update={"hardware": hardware}))
    assert aimed.device == Device(name="NVIDIA L4", compute_capability="8.9", hardware=hardware)
