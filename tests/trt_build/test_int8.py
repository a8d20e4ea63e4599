"""int8 is built where it keeps the network's verdicts, on clips that are hard enough to tell, and refused elsewhere."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stream.engine.artifact import Agreement, Artifact, load_artifact
from stream.engine.golden import check_golden
from stream.engine.open import open_engine
from stream.engine.quiet import ov
from stream.errors import UserError
from stream.verdict import DecisionRule
from tests.trt_build.conftest import CLIPS
from tests.trt_build.test_comparison import facts as labelled
from training.checkpoint import load_checkpoint, save_checkpoint
from training.data.clips import Facts
from training.networks import Network
from training.scoring import score
from trt_build.agreement import check_agreement, check_telling
from trt_build.build import build
from trt_build.cpu.int8 import EXACT, quantise
from trt_build.cpu.isa import logits_by_set
from trt_build.samples import draw_samples
from trt_build.settings import BuildSettings

SHIPPED = Path(__file__).parents[2] / "stream" / "model" / "checkpoint"


def placed(tmp_path: Path, few: dict[str, object], threshold: Callable[[NDArray[np.float32]], float]) -> BuildSettings:
    """The shipped network with one threshold, where the logits of the clips to judge on say; settings to build it.

    They ask for fewer clips than any user may: what is copied is not validated.
    """
    network, card = load_checkpoint(SHIPPED)
    settings = BuildSettings.model_validate({"checkpoint": tmp_path / "checkpoint", "out": tmp_path / "out", **few})
    settings = settings.model_copy(update={"calibration_clips": CLIPS, "validation_clips": CLIPS})
    clips = draw_samples(settings, card.spec, lambda *_: None).validation
    logits = np.sort(score(network, clips, progress=lambda *_: None))
    at = DecisionRule().probability(threshold(logits))
    rule = DecisionRule(low=at, high=at, decide=at)
    save_checkpoint(settings.checkpoint, network, card.model_copy(update={"rule": rule}))
    return settings


def raise_a_channel(network: Network, *, by: float) -> None:
    """Within the slow path's blocks the first channel grows, and what takes it shrinks it: all logits stay."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if ".slow.0.branch.a_bn" in name:
                parameter[0] *= by
            if ".slow.0.branch.last.weight" in name:
                parameter[:, 0] /= by


def clear(logits: NDArray[np.float32]) -> float:
    """The middle of the widest gap of the sorted logits between their quarters."""
    inner = logits[len(logits) // 4 : -len(logits) // 4]
    widest = np.diff(inner).argmax()
    return float(inner[widest : widest + 2].mean())


@pytest.fixture(scope="session")
def int8_artifact(few: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return build(placed(tmp_path_factory.mktemp("int8"), few, clear), begin=lambda _: None).artifact


def test_convolutions_are_computed_in_eight_bits(int8_artifact: Artifact):
    model = ov.Core().read_model(int8_artifact.path / "model.xml")
    kinds = [op.get_type_name() for op in model.get_ordered_ops()]
    weights = [op for op in model.get_ordered_ops() if op.get_type_name() == "Constant" and len(op.shape) == 5]
    assert kinds.count("FakeQuantize") >= kinds.count("Convolution") > 0
    in_eight_bits = sum(op.get_element_type() == ov.Type.i8 for op in weights)
    assert in_eight_bits == kinds.count("Convolution") - EXACT


def test_the_manifest_says_what_the_verdicts_were_held_against(int8_artifact: Artifact):
    manifest = int8_artifact.manifest
    assert manifest.precision == "int8"
    assert manifest.proof is not None
    assert manifest.proof.tolerance is None
    found = manifest.proof.agreement
    assert found is not None
    assert (found.clips, found.flips) == (CLIPS, 0)
    assert 0.99 <= found.correlation < 1
    assert found.description == f"{CLIPS} clips generated as demo and field, judged on {CLIPS} others"


def test_a_worker_takes_it(int8_artifact: Artifact):
    engine = open_engine(load_artifact(int8_artifact.path))
    try:
        check_golden(int8_artifact, engine)
    finally:
        engine.close()


def test_it_allows_for_what_other_instruction_sets_make_of_it(int8_artifact: Artifact, tiny_artifact: Artifact):
    assert int8_artifact.manifest.proof is not None
    assert tiny_artifact.manifest.proof is not None
    assert int8_artifact.manifest.proof.golden_tolerance >= tiny_artifact.manifest.proof.golden_tolerance


def test_a_network_that_eight_bits_can_not_hold_is_refused_with_its_layers(few: dict[str, object], tmp_path: Path):
    """One channel a thousand times the others, and what reads it a thousandth: the same function, in fp32."""
    settings = placed(tmp_path, few, clear)
    network, card = load_checkpoint(settings.checkpoint)
    raise_a_channel(network, by=1000)
    save_checkpoint(settings.checkpoint, network, card)
    with pytest.raises(UserError, match=r"int8 is refused: .*largest behind stages\.\d\.\w+\.[\w.]+, "):
        build(settings, begin=lambda _: None)
    assert {each.name for each in tmp_path.iterdir()} == {"checkpoint"}


def test_a_cpu_that_can_not_be_stood_in_for_gets_one_line(tmp_path: Path):
    with pytest.raises(UserError, match=r"^int8 can't be scored as a CPU with AVX2 does it: .+; build with"):
        logits_by_set(tmp_path / "absent.xml", np.zeros((1, 2, 16, 64, 64), np.uint8))


def of_200(*, right: int) -> tuple[NDArray[np.bool_], Facts]:
    """Of 200 clips, half of them stalled, so many of each half are told right."""
    facts = dataclasses.replace(labelled([True] * 100 + [False] * 100), project_ids=np.full(200, "A"))
    called = np.concatenate([np.arange(100) < right, np.arange(100) >= right])
    return called, facts


def test_clips_that_can_not_show_what_changes_are_refused():
    """A network that errs on none of them, and those that are no better than chance, or always say the same."""
    check_telling(*of_200(right=99))
    check_telling(*of_200(right=65))
    with pytest.raises(UserError, match=r"on 200 clips, 100 of them stalled, that the network tells apart without"):
        check_telling(*of_200(right=100))
    chance = r"on 200 clips, 100 of them stalled: the network's own MCC there, .+\], is not clearly above 0"
    for right in (0, 50, 52):
        with pytest.raises(UserError, match=chance):
            check_telling(*of_200(right=right))
    with pytest.raises(UserError, match=chance):
        check_telling(np.zeros(200, np.bool_), of_200(right=0)[1])


def test_nothing_is_printed_while_a_model_is_quantised(fp32: Path, clips, capfd):
    quantise(ov.convert_model(fp32), clips[:1])
    assert capfd.readouterr() == ("", "")


GOOD = Agreement(clips=1000, description="", correlation=0.9995, flips=0.004, mcc=0.8, mcc_engine=0.795)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"correlation": 0.98}, r"its logits correlate by 0\.9800 with fp32's \(limit 0\.99\)"),
        ({"correlation": float("nan")}, "its logits correlate by nan"),
        ({"flips": 0.006}, r"0\.60% of 1000 verdicts are others \(limit 0\.5%\)"),
        ({"mcc_engine": 0.78}, r"MCC falls from 0\.800 to 0\.780 \(limit 0\.01 less\)"),
    ],
)
def test_each_limit_is_kept(changes: dict[str, float], said: str):
    check_agreement(GOOD, layers=lambda: pytest.fail("nothing is wrong"))
    with pytest.raises(UserError, match=said):
        check_agreement(GOOD.model_copy(update=changes), layers=lambda: ["first", "second"])
