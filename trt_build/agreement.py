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
from training.measures.calls import mcc_of
from training.networks import Network
from training.scoring import score
from trt_build.comparison import Judged
from trt_build.samples import Progress, Samples
from trt_build.scoring import score_clips
from trt_build.target import Outputs, Target
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
    check_agreement(found, layers=lambda: noisiest(*target.layers(folder, some)))
    return Proof(
        clips=len(clips),
        max_difference=worst_difference(network, engine, clips),
        tolerance=None,
        golden_tolerance=max(_MARGIN * _spread(target.scored_elsewhere(folder, clips)), GOLDEN_TOLERANCE["fp32"]),
        pixel_tolerance=PIXEL_TOLERANCE,
        agreement=found,
    )


def compare(network: Network, engine: Engine, samples: Samples, rule: DecisionRule, *, progress: Progress) -> Agreement:
    """Scores the validation clips by both."""
    clips = samples.validation
    exact = score(network, clips, progress=progress)
    lowered = score_clips(engine, clips, progress=lambda _done, _all: None)
    judged = [Judged.of(logits, rule) for logits in (exact, lowered)]
    prevalence = float(clips.stalled.mean())
    mcc, mcc_engine = (mcc_of(each.called, clips.stalled, prevalence=prevalence) for each in judged)
    return Agreement(
        clips=len(clips),
        description=samples.description,
        correlation=float(np.corrcoef(exact, lowered)[0, 1]),
        flips=float(np.mean(judged[0].verdicts != judged[1].verdicts)),
        mcc=mcc,
        mcc_engine=mcc_engine,
    )


def check_agreement(found: Agreement, *, layers: Callable[[], list[str]]) -> None:
    """Refuses what changes too many verdicts, and what was shown on clips that are too easy to show it.

    Args:
        found: by `compare`.
        layers: names those that lose most, worst first.

    Raises:
        UserError: saying what is off, and by how much.
    """
    if found.mcc >= 1:
        raise UserError(
            f"int8 can't be judged on {found.clips} clips that the network tells apart without an error; give harder "
            "ones by --data or --preset field, or more by --validation-clips"
        )
    faults = []
    if not found.correlation >= LEAST_CORRELATION:
        faults.append(f"its logits correlate by {found.correlation:.4f} with fp32's (limit {LEAST_CORRELATION:g})")
    if found.flips > MOST_FLIPS:
        faults.append(f"{found.flips:.2%} of {found.clips} verdicts are others (limit {MOST_FLIPS:.1%})")
    if found.mcc - found.mcc_engine > MOST_MCC_LOST:
        faults.append(f"MCC falls from {found.mcc:.3f} to {found.mcc_engine:.3f} (limit {MOST_MCC_LOST:g} less)")
    if faults:
        raise UserError(
            f"int8 is refused: {'; '.join(faults)}; the layers that it changes most are {', '.join(layers())}. Build "
            "with --precision fp32, or calibrate on more clips like those that it will judge (--data, "
            "--calibration-clips)"
        )


def noisiest(exact: Outputs, lowered: Outputs) -> list[str]:
    """The layers that int8 changes most, relative to the size of what they give; worst first."""
    noise = {name: _relative(lowered[name] - exact[name], exact[name]) for name in exact.keys() & lowered.keys()}
    return sorted(noise, key=lambda name: -noise[name])[:_NAMED]


def _relative(off: NDArray[np.float32], whole: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(off) / max(float(np.linalg.norm(whole)), 1e-12))


def _spread(scored: list[Logits]) -> float:
    return float(np.max([difference(one, other).max() for one, other in combinations(scored, 2)]))
