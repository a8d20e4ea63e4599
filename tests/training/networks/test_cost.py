"""Costs are the published ones where there are any, and a time is a time."""

import pytest

from stream.clip.spec import ClipSpec
from tests.training.networks.made import TINY
from training.networks import AverageConfig
from training.networks.cost import cost, gflops, parameters
from training.networks.slowfast import R50_4X16, R50_8X8, R50_HALF

RGB = {"mean": (0.45,) * 3, "std": (0.225,) * 3, "outputs": 400}


@pytest.mark.parametrize(("preset", "gmacs"), [(R50_8X8, 65.71), (R50_4X16, 36.1)])
def test_arithmetic_is_what_the_model_zoo_of_pyslowfast_states_for_256_pixels(preset, gmacs):
    assert gflops(preset.variant(**RGB), (3, 32, 256, 256)) / 2 == pytest.approx(gmacs, rel=0.01)


def test_half_the_width_is_a_quarter_of_the_parameters():
    assert parameters(R50_HALF) == pytest.approx(8.43e6, rel=0.001)
    assert parameters(R50_HALF) / parameters(R50_8X8) == pytest.approx(0.25, rel=0.01)


def test_an_average_costs_its_members_times_its_views():
    one, shape = gflops(TINY, (2, 8, 32, 32)), (2, 8, 32, 32)
    assert gflops(AverageConfig(members=(TINY, TINY), views=4), shape) == pytest.approx(8 * one)
    assert parameters(AverageConfig(members=(TINY, TINY), views=4)) == 2 * parameters(TINY)


def test_a_cost_says_it_all_for_one_spec():
    found = cost(TINY, ClipSpec(frames=8, size=32))
    assert found.parameters == parameters(TINY)
    assert found.gflops == gflops(TINY, (2, 8, 32, 32))
    assert 0 < found.cpu_ms < cost(TINY.variant(slow_channels=(64,) * 5), ClipSpec(frames=8, size=64)).cpu_ms
