"""Agreement: whether an engine of lower precision still gives the network's verdicts, on clips that are not easy."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stream.engine.artifact import Agreement
from stream.engine.contract import Engine
from stream.engine.golden import score_all
from stream.errors import UserError
from stream.verdict import DecisionRule
from training.evaluate import score
from training.measures import mcc_at
from training.measures.evaluation import probabilities_of
from training.networks import Network
from trt_build.samples import Progress, Samples

LEAST_CORRELATION, MOST_FLIPS, MOST_MCC_LOST = 0.99, 0.005, 0.01
_BATCH = 64

Logits = NDArray[np.float32]


def compare(network: Network, engine: Engine, samples: Samples, rule: DecisionRule, *, progress: Progress) -> Agreement:
    """Scores the validation clips by both."""
    clips = samples.validation
    exact = score(network, clips, progress=progress)
    lowered = _scored(engine, samples)
    labels = [_labels(each, rule) for each in (exact, lowered)]
    return Agreement(
        clips=len(clips),
        description=samples.description,
        correlation=float(np.corrcoef(exact, lowered)[0, 1]),
        flips=float(np.mean(labels[0] != labels[1])),
        mcc=_mcc(exact, clips.stalled, rule),
        mcc_engine=_mcc(lowered, clips.stalled, rule),
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


def _scored(engine: Engine, samples: Samples) -> Logits:
    clips, size = samples.validation, engine.batch_sizes[-1]
    parts = (np.arange(start, min(start + _BATCH, len(clips))) for start in range(0, len(clips), _BATCH))
    return np.concatenate([score_all(engine, clips.read(part), batch_size=size) for part in parts])


def _labels(logits: Logits, rule: DecisionRule) -> NDArray[np.str_]:
    return np.array([rule.label(each) for each in probabilities_of(logits, rule).tolist()])


def _mcc(logits: Logits, stalled: NDArray[np.bool_], rule: DecisionRule) -> float:
    called = probabilities_of(logits, rule) >= rule.decide
    return float(mcc_at(called[stalled].mean(), called[~stalled].mean(), float(stalled.mean())))
