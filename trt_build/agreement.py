"""Agreement: whether an engine in int8 still gives the network's verdicts, on clips that are not easy."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stream.engine.artifact import Agreement, Proof
from stream.engine.contract import Engine
from stream.engine.golden import difference
from stream.errors import UserError
from stream.verdict import DecisionRule
from training.data.clips import Facts
from training.measures.bootstrap import Redrawn
from training.measures.calls import mcc_of
from training.measures.evaluation import two_classes
from training.measures.ranking import Bools
from training.networks import Network
from training.scoring import score
from training.words import bounded
from trt_build.comparison import Judged
from trt_build.export import names_of_layers
from trt_build.samples import Progress, Samples
from trt_build.scoring import score_clips
from trt_build.target import ONNX, Outputs, Target
from trt_build.verify import GOLDEN_TOLERANCE, PIXEL_TOLERANCE, worst_difference

LEAST_CORRELATION, MOST_FLIPS, MOST_MCC_LOST = 0.99, 0.005, 0.01
_MARGIN = 2.0
"""On what other machines were seen to differ by."""
_LOOKED_AT = 16
"""Clips by which layers are compared."""
_NAMED = 3
"""Layers that are named where int8 is refused."""

Logits = NDArray[np.float32]


def verify_by_verdicts(
    network: Network,
    engine: Engine,
    clips: NDArray[np.uint8],
    samples: Samples,
    *,
    rule: DecisionRule,
    target: Target,
    folder: Path,
    progress: Progress,
) -> Proof:
    """Proves that an engine in int8 gives the network's verdicts.

    Args:
        network: in torch.
        engine: opened from the folder.
        clips: `[N, C, T, S, S]` that every engine is held against.
        samples: to judge on.
        rule: that makes verdicts of logits.
        target: that compiled the engine.
        folder: of the artifact.
        progress: told of clips that are scored.

    Raises:
        UserError: too many verdicts change, or the clips can't show it.
    """
    found = compare(network, engine, samples, rule, progress=progress)
    some = samples.validation.read(np.arange(_LOOKED_AT))
    names = names_of_layers(folder / ONNX)
    check_agreement(found, layers=lambda: [names.get(each, each) for each in noisiest(*target.layers(folder, some))])
    return Proof(
        clips=len(clips),
        max_difference=worst_difference(network, engine, clips),
        tolerance=None,
        golden_tolerance=max(_MARGIN * _spread(target.scored_elsewhere(folder, clips)), GOLDEN_TOLERANCE["fp32"]),
        pixel_tolerance=PIXEL_TOLERANCE,
        agreement=found,
    )


def compare(network: Network, engine: Engine, samples: Samples, rule: DecisionRule, *, progress: Progress) -> Agreement:
    """Scores the validation clips by both.

    Raises:
        UserError: the clips can't show what int8 changes.
    """
    clips = samples.validation
    exact = score(network, clips, progress=progress)
    judged = Judged.of(exact, rule)
    check_telling(judged.called, clips.facts)
    lowered = score_clips(engine, clips, progress=lambda _done, _all: None)
    judged_engine = Judged.of(lowered, rule)
    prevalence = float(clips.stalled.mean())
    mcc, mcc_engine = (mcc_of(each.called, clips.stalled, prevalence=prevalence) for each in (judged, judged_engine))
    return Agreement(
        clips=len(clips),
        description=samples.description,
        correlation=float(np.corrcoef(exact, lowered)[0, 1]),
        flips=float(np.mean(judged.verdicts != judged_engine.verdicts)),
        mcc=mcc,
        mcc_engine=mcc_engine,
    )


def check_telling(called: Bools, facts: Facts) -> None:
    """Refuses clips that can't show what int8 changes: all too easy for the network, or hardly told apart by it.

    Args:
        called: `[N]`, those that the network calls stalled.
        facts: of the clips.

    Raises:
        UserError: saying which.
    """
    stalled = facts.stalled
    redrawn = Redrawn.of(stalled, facts.project_ids)
    mcc = two_classes(called, stalled, redrawn, prevalence=float(stalled.mean()))["mcc"]
    assert mcc is not None  # it is 0 where all calls are the same
    clips = f"{len(facts)} clips, {int(stalled.sum())} of them stalled"
    if mcc.value >= 1:
        raise UserError(
            f"int8 can't be judged on {clips}, that the network tells apart without an error; give harder ones by "
            "--data or --preset field, or more by --validation-clips"
        )
    if mcc.low <= 0:
        raise UserError(
            f"int8 can't be judged on {clips}: the network's own MCC there, {bounded(mcc)}, is not clearly above 0; "
            "give more clips, or such as it was trained for, by --data, or train on"
        )


def check_agreement(found: Agreement, *, layers: Callable[[], list[str]]) -> None:
    """Refuses what changes too many verdicts.

    Args:
        found: by `compare`.
        layers: names those behind which most of the error has gathered, worst first.

    Raises:
        UserError: saying what is off, and by how much.
    """
    faults = []
    if not found.correlation >= LEAST_CORRELATION:
        faults.append(f"its logits correlate by {found.correlation:.4f} with fp32's (limit {LEAST_CORRELATION:g})")
    if found.flips > MOST_FLIPS:
        faults.append(f"{found.flips:.2%} of {found.clips} verdicts are others (limit {MOST_FLIPS:.1%})")
    if found.mcc - found.mcc_engine > MOST_MCC_LOST:
        faults.append(f"MCC falls from {found.mcc:.3f} to {found.mcc_engine:.3f} (limit {MOST_MCC_LOST:g} less)")
    if faults:
        raise UserError(
            f"int8 is refused: {'; '.join(faults)}; its error, gathered from layer to layer, is largest behind "
            f"{', '.join(layers())}. Build with --precision fp32, or calibrate on clips more like those that it will "
            "judge (--data)"
        )


def noisiest(exact: Outputs, lowered: Outputs) -> list[str]:
    """The layers whose output is most off, relative to its size; worst first.

    An output is off by what all layers before it have lost, too.
    """
    noise = {name: _relative(lowered[name] - exact[name], exact[name]) for name in exact.keys() & lowered.keys()}
    return sorted(noise, key=lambda name: -noise[name])[:_NAMED]


def _relative(off: NDArray[np.float32], whole: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(off) / max(float(np.linalg.norm(whole)), 1e-12))


def _spread(scored: list[Logits]) -> float:
    return float(np.max([difference(one, other).max() for one, other in combinations(scored, 2)]))
