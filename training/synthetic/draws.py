"""Two laws that NumPy's generators don't have, as single numbers."""

import math

import numpy as np


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number whose logarithm is uniform."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def sign(rng: np.random.Generator) -> float:
    """-1 or 1."""
    return -1.0 if rng.random() < 0.5 else 1.0
