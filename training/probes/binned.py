"""The simplest classifier that can learn any law of a few numbers: bins, and the share of stalled clips in each."""

import numpy as np
from numpy.typing import NDArray

from training.data.leak import best_threshold

Bools = NDArray[np.bool_]


def cross_validated_calls(
    features: NDArray[np.float64], stalled: Bools, *, bins: int = 8, folds: int = 5, seed: int = 0
) -> Bools:
    """Which clips are called stalled, each by a classifier that was made from the other folds.

    Args:
        features: `[N, K]`; each is cut into `bins` quantiles, so there are `bins ** K` cells.
        stalled: `[N]`, the labels.
        bins: of each feature.
        folds: parts of the clips, drawn at random.
        seed: of the folds.

    Returns:
        `[N]`. A clip is called stalled where the share of stalled clips in its cell reaches the threshold that gives
        the highest MCC on the clips that the classifier was made from.
    """
    fold = np.random.default_rng(seed).permutation(len(stalled)) % folds
    called = np.zeros(len(stalled), bool)
    for held in range(folds):
        known = fold != held
        edges = np.quantile(features[known], np.linspace(0, 1, bins + 1)[1:-1], axis=0)
        cells = np.zeros(len(stalled), np.intp)
        for feature, cuts in zip(features.T, edges.T, strict=True):
            cells = cells * bins + np.searchsorted(cuts, feature, side="right")
        shares = _shares(cells[known], stalled[known], bins ** features.shape[1])
        threshold = best_threshold(shares[cells[known]], stalled[known])
        called[~known] = shares[cells[~known]] >= threshold
    return called


def _shares(cells: NDArray[np.intp], stalled: Bools, count: int) -> NDArray[np.float64]:
    """Share of stalled clips in each cell; one clip of the overall share is added, so that no cell is empty."""
    seen = np.bincount(cells, minlength=count)
    found = np.bincount(cells, weights=stalled, minlength=count)
    return np.asarray((found + stalled.mean()) / (seen + 1))
