"""The binned classifier finds what there is to find, and nothing where there is nothing."""

import numpy as np

from stream.measures import Confusion
from training.probes.binned import cross_validated_calls


def mcc(stalled, called) -> float:
    return Confusion.of(zip(np.asarray(stalled).tolist(), np.asarray(called).tolist(), strict=True)).mcc


def test_noise_tells_nothing():
    rng = np.random.default_rng(1)
    stalled = rng.random(2000) < 0.3
    assert abs(mcc(stalled, cross_validated_calls(rng.normal(size=(2000, 2)), stalled))) < 0.06


def test_a_law_of_two_numbers_together_is_found():
    rng = np.random.default_rng(2)
    features = rng.normal(size=(2000, 2))
    stalled = (features > 0).sum(axis=1) == 1  # either alone tells nothing
    assert mcc(stalled, cross_validated_calls(features, stalled)) > 0.9
    assert abs(mcc(stalled, cross_validated_calls(features[:, :1], stalled))) < 0.1


def test_a_number_that_takes_few_values_is_told_apart_by_them():
    rng = np.random.default_rng(3)
    stalled = rng.random(600) < 0.3
    assert cross_validated_calls(stalled[:, None].astype(float), stalled).tolist() == stalled.tolist()
