"""Scores of clips that were never judged."""

import numpy as np


def bell(count: int, *, share: float, apart: float, seed: int = 0):
    """Logits of two bells: with variance equal to the distance of their means they are calibrated for even classes."""
    rng = np.random.default_rng(seed)
    stalled = rng.random(count) < share
    stalled[:2] = True, False
    logits = np.where(stalled, apart / 2, -apart / 2) + rng.normal(0, np.sqrt(apart), count)
    return logits.astype(np.float32), stalled


def projects(count: int, *, of: int = 6):
    """Each clip's, in turn."""
    return np.array([f"P{number % of}" for number in range(count)])
