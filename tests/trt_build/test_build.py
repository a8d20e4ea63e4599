"""`python -m trt_build`: from a checkpoint to an artifact, or one line that says why not."""

import io
import re
import subprocess
import sys
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from rich.console import Console

from stream.engine.artifact import Artifact, load_artifact
from stream.engine.open import open_engine
from stream.engine.quiet import ov
from stream.errors import UserError
from training.checkpoint import load_checkpoint, save_checkpoint
from training.networks.slowfast import SlowFast
from trt_build.build import STAGES, Built, build
from trt_build.commands.build import summary
from trt_build.settings import BuildSettings
from trt_build.verify import sample_clips, verify


def run(*args: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trt_build", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)


def test_an_artifact_holds_what_serves_and_what_proves(tiny_artifact: Artifact):
    assert {each.name for each in tiny_artifact.path.iterdir()} == {
        "manifest.json",
        "manifest.sha256",
        "model.xml",
        "model.bin",
        "model.onnx",
        "golden.npz",
        "golden.mp4",
    }
    assert load_artifact(tiny_artifact.path) == tiny_artifact


def test_the_manifest_tells_what_the_checkpoint_told(tiny_artifact: Artifact, tiny_checkpoint: Path):
    _, card = load_checkpoint(tiny_checkpoint)
    manifest = tiny_artifact.manifest
    assert (manifest.spec, manifest.rule) == (card.spec, card.rule)
    assert manifest.training["weights_sha256"] == card.weights_sha256
    assert (manifest.training["dataset"], manifest.training["chosen_on"]) == (card.dataset, card.chosen_on)
    assert manifest.training["training"] == card.training.model_dump(mode="json")


def test_the_proof_is_within_its_tolerance(tiny_artifact: Artifact):
    proof = tiny_artifact.manifest.proof
    assert proof is not None
    assert proof.tolerance == 1e-4
    assert 0 < proof.max_difference <= proof.tolerance
    assert proof.agreement is None


def test_weights_keep_their_precision(tiny_artifact: Artifact):
    model = ov.Core().read_model(tiny_artifact.path / "model.xml")
    stored = {each.get_element_type() for each in model.get_ordered_ops() if each.get_type_name() == "Constant"}
    assert ov.Type.f32 in stored
    assert not stored & {ov.Type.f16, ov.Type.bf16}


def test_what_is_not_the_network_compiled_is_refused(tiny_artifact: Artifact, tiny_network: SlowFast):
    """One weight of the head that differs by a thousandth is enough."""
    other = SlowFast(tiny_network.config).eval()
    other.load_state_dict(tiny_network.state_dict())
    clips = sample_clips(tiny_artifact.manifest.spec)
    with closing(open_engine(tiny_artifact)) as engine:
        assert verify(other, engine, clips, "fp32").clips == len(clips)
        with torch.no_grad():
            other.head.bias.add_(1e-3)
        with pytest.raises(UserError, match=r"fp32 may be 0\.0001 off; train on"):
            verify(other, engine, clips, "fp32")
        assert verify(other, engine, clips, "fp16").tolerance == 0.02
        with torch.no_grad():
            other.head.bias.add_(10)
        with pytest.raises(UserError, match=r"fp16 may be 0\.02 off; build with --precision fp32; or train on"):
            verify(other, engine, clips, "fp16")


class Wavering:
    """An engine that computes as the network does, and in pairs gives no number."""

    runtime, batch_sizes, slots = "none", (1, 2), 1

    def __init__(self, network: SlowFast) -> None:
        self.network = network

    def submit(self, clips: NDArray[np.uint8]) -> "Future[NDArray[np.float32]]":
        logits: Future[NDArray[np.float32]] = Future()
        with torch.inference_mode():
            scored: NDArray[np.float32] = self.network(torch.from_numpy(clips)).numpy()
        logits.set_result(scored if len(clips) == 1 else scored * np.nan)
        return logits

    def close(self) -> None:
        """Nothing is open."""


def test_every_batch_size_counts(tiny_artifact: Artifact, tiny_network: SlowFast):
    clips = sample_clips(tiny_artifact.manifest.spec)[:2]
    with pytest.raises(UserError, match="the engine's logits are nan off"):
        verify(tiny_network, Wavering(tiny_network), clips, "fp32")


def test_weights_that_give_no_number_are_refused(tiny_network: SlowFast, tiny_checkpoint: Path, tmp_path: Path):
    _, card = load_checkpoint(tiny_checkpoint)
    broken = SlowFast(tiny_network.config)
    with torch.no_grad():
        broken.head.bias.fill_(float("nan"))
    save_checkpoint(tmp_path / "broken", broken, card)
    with pytest.raises(UserError, match="nan off"):
        build(BuildSettings(checkpoint=tmp_path / "broken", out=tmp_path / "out"), begin=lambda _: None)
    assert {each.name for each in tmp_path.iterdir()} == {"broken"}, "nothing half built is left behind"


def test_two_builders_at_one_place_come_to_one_artifact_that_both_show(tiny_checkpoint: Path, tmp_path: Path):
    """Two real processes: the second waits for the first, and says that it has built nothing."""
    out = tmp_path / "artifact"
    command: list[str | Path] = [sys.executable, "-m", "trt_build", "--checkpoint", tiny_checkpoint, "--out", out]
    builders = [subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    ended = [each.communicate(timeout=170) for each in builders]
    assert [each.returncode for each in builders] == [0, 0], ended
    digest = load_artifact(out).digest
    (first, said), (second, said_again) = sorted(ended, key=lambda each: "is built of the same already" in each[1])
    for row in (digest, "difference from torch", "size"):
        assert row in first
        assert row in second
    for row in ("one clip alone", "all slots busy"):
        assert row in first
        assert row not in second, "nothing was measured"
    for number, stage in enumerate(STAGES[1:], 2):
        assert f"{number}/{len(STAGES)} {stage}\n" in said
    assert "is built of the same already" not in said
    assert f"{out} is built of the same already ({digest}); --force builds it anew" in said_again
    assert {each.name for each in tmp_path.iterdir()} == {"artifact"}


@pytest.mark.parametrize(
    ("low", "high", "never"),
    [(0.2, 0.9, []), (0.2, 1, ["stalled"]), (0, 0.9, ["flowing"]), (0, 1, ["stalled", "flowing"])],
)
def test_a_rule_that_never_gives_a_verdict_is_warned_of(tiny_artifact: Artifact, low, high, never):
    rule = tiny_artifact.manifest.rule.model_copy(update={"low": low, "high": high})
    artifact = replace(tiny_artifact, manifest=tiny_artifact.manifest.model_copy(update={"rule": rule}))
    console = Console(width=300, file=io.StringIO(), record=True)
    console.print(summary(Built(artifact, None, ())))
    assert re.findall(r"its rule calls no clip (\w+), for want of clips", console.export_text()) == never


def test_a_checkpoint_that_is_none_gets_one_line(tmp_path: Path):
    refused = run("--checkpoint", tmp_path, "--out", tmp_path / "out")
    assert refused.returncode == 2
    assert len(refused.stderr.strip().splitlines()) == 1
    assert refused.stderr.strip().startswith("python -m trt_build: ")
    assert "checkpoint.json" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "out").exists()
