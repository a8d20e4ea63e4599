"""What the labels can be guessed from without looking at the vessel: a set that gives much away teaches shortcuts.

In the competition the box of the outline alone reached an MCC of 0.16 (second place's write-up), which was useless in
production.
"""

import math

import numpy as np
from numpy.typing import NDArray

from stream.measures import Confusion

_PARTS = 5
_LEAST = 4 * _PARTS
"""Clips of each class below which nothing is said."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def box_features(boxes: NDArray[np.int32]) -> Floats:
    """Width and height of boxes `[N, 4]` as a quadratic model takes them, `[N, 5]`."""
    width: Floats = np.log(boxes[:, 2] - boxes[:, 0])
    height: Floats = np.log(boxes[:, 3] - boxes[:, 1])
    return np.stack([width, height, width * width, height * height, width * height], axis=1)


def amount_features(amounts: NDArray[np.integer] | Floats) -> Floats:
    """Amounts `[N]`, 0 at least, as a quadratic model takes them, `[N, 2]`."""
    log = np.log1p(amounts)
    return np.stack([log, log * log], axis=1)


def project_features(project_ids: NDArray[np.str_]) -> Floats:
    """Which project each clip is of, `[N, projects]`."""
    is_of: Bools = project_ids[:, None] == np.unique(project_ids)
    return is_of.astype(np.float64)


def guessed_mcc(features: Floats, stalled: Bools, *, seed: int = 0) -> float:
    """MCC of guessing labels `[N]` from features `[N, K]`; NaN for few."""
    if min(np.count_nonzero(stalled), np.count_nonzero(~stalled)) < _LEAST:
        return math.nan
    called = guessed(features, stalled, seed=seed)
    return Confusion.of(zip(stalled.tolist(), called.tolist(), strict=True)).mcc


def guessed(features: Floats, stalled: Bools, *, seed: int = 0) -> Bools:
    """Labels `[N]` guessed from features `[N, K]`, each by a model that has not seen the clip.

    The clips are cut into parts that have the same share of stalled ones. The model is Fisher's discriminant, as least
    squares; its threshold is the best one on the clips it is made from. Fisher 1936, Annals of Eugenics 7:179-188.
    """
    part = np.empty(len(stalled), np.intp)
    rng = np.random.default_rng(seed)
    for label in (True, False):
        of_label = rng.permutation(np.flatnonzero(stalled == label))
        part[of_label] = np.arange(len(of_label)) % _PARTS
    called = np.empty(len(stalled), bool)
    for held in range(_PARTS):
        made_from = part != held
        scores = _scores(features, stalled, made_from)
        called[~made_from] = scores[~made_from] >= best_threshold(scores[made_from], stalled[made_from])
    return called


def _scores(features: Floats, stalled: Bools, made_from: Bools) -> Floats:
    known = features[made_from]
    scale = np.where(known.std(axis=0) > 0, known.std(axis=0), 1)
    inputs = np.column_stack([(features - known.mean(axis=0)) / scale, np.ones(len(features))])
    weights, *_ = np.linalg.lstsq(inputs[made_from], stalled[made_from].astype(np.float64), rcond=None)
    scores: Floats = inputs @ weights
    return scores


def best_threshold(scores: NDArray[np.floating], stalled: Bools) -> float:
    """The score from which on to call stalled for the highest MCC; among equal ones the highest."""
    order = np.argsort(-scores, kind="stable")
    ranked, truth = scores[order], stalled[order].astype(np.float64)
    last_of_score = np.append(np.diff(ranked) != 0, True)
    tp = np.cumsum(truth)[last_of_score]
    called = np.flatnonzero(last_of_score) + 1.0
    n, positive = float(len(truth)), truth.sum()
    # MCC as a covariance: (TP N - called P) / sqrt(called P (N - called) (N - P))
    spread = np.sqrt(np.maximum(called * positive * (n - called) * (n - positive), 1.0))
    return float(ranked[last_of_score][np.argmax((tp * n - called * positive) / spread)])
