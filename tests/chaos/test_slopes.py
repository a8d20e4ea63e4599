"""The judge of the soak: noise is no leak, and a leak isn't hidden by noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.slopes import Limit, fit

MINUTES = 25
SECONDS = np.arange(0, MINUTES * 60, 2.0)
MEMORY = Limit("memory", "MiB", 12.0, "made up")


def noise(seed: int, sigma: float) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, sigma, len(SECONDS))


@given(seed=st.integers(0, 2**32 - 1), level=st.floats(10, 1000))
def test_noise_is_flat(seed: int, level: float):
    assert fit(MEMORY, SECONDS, level + noise(seed, 2.0)).judgement == "flat"


@given(seed=st.integers(0, 2**32 - 1))
def test_a_leak_is_found_in_noise_and_never_called_flat(seed: int):
    leak = 24.0 * SECONDS / 3600  # 10 MiB in all
    assert fit(MEMORY, SECONDS, 200 + leak + noise(seed, 2.0)).judgement == "grows"
    assert fit(MEMORY, SECONDS, 200 + leak + noise(seed, 10.0)).judgement != "flat"


def test_one_descriptor_in_five_minutes_is_a_leak():
    limit = Limit("descriptors", "", 1.0, "made up")
    assert fit(limit, SECONDS, 40 + SECONDS // 300).judgement == "grows"


def test_a_saw_tooth_and_a_few_peaks_are_flat():
    saw_tooth = 8 * (SECONDS % 60) / 60
    peaks = np.where(SECONDS % 500 < 10, 300.0, 0.0)
    assert fit(MEMORY, SECONDS, 200 + saw_tooth + peaks).judgement == "flat"


def test_a_single_step_is_no_leak():
    assert fit(MEMORY, SECONDS, np.where(SECONDS < 300, 200.0, 206.0)).judgement == "flat"


def test_what_shrinks_is_flat():
    assert fit(MEMORY, SECONDS, 200 - 24.0 * SECONDS / 3600).judgement == "flat"


def test_too_short_a_look_at_much_noise_is_not_clear():
    assert fit(MEMORY, SECONDS[:20], 200 + noise(1, 10.0)[:20]).judgement == "not clear"


def test_the_slope_is_that_of_the_line():
    assert fit(MEMORY, SECONDS, 5 + SECONDS / 3600).an_hour == pytest.approx(1.0)
    with pytest.raises(ValueError, match="2 samples"):
        fit(MEMORY, [0, 1], [0, 1])
