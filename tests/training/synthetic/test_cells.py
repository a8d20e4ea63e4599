"""Cells are dark gaps in plasma: resting ones stay, flowing ones pass, a plug lies where it was put."""

import numpy as np
import pytest

from training.synthetic.cells import PERIOD_PX, STEPS_PER_PX, Cells, Plug, gap_patterns
from training.synthetic.motion import Motion

PLANES = np.arange(40)


def patterns(plug: Plug | None = None, *, smear_px: float = 0.0) -> np.ndarray:
    cells = Cells(length_px=6.0, spacing_px=14.0, order=4.0, plug=plug)
    return gap_patterns(cells, np.random.default_rng(0), blur_px=0.8, smear_px=smear_px)


def stretch(pattern: np.ndarray, low_px: float, high_px: float) -> np.ndarray:
    return pattern[round(low_px * STEPS_PER_PX) : round(high_px * STEPS_PER_PX)]


def test_gaps_take_up_their_share_of_the_vessel():
    resting, flowing = patterns()
    assert len(resting) == PERIOD_PX * STEPS_PER_PX
    assert 0 <= resting.min() <= resting.max() <= 1
    assert resting.mean() == pytest.approx(6 / 14 * 0.8, rel=0.25)  # their mean depth is .8, a few are long
    assert np.array_equal(resting, flowing)


def test_flow_smears_gaps_and_takes_no_light():
    resting, flowing = patterns(smear_px=3.0)
    assert flowing.std() < 0.7 * resting.std()
    assert flowing.mean() == pytest.approx(resting.mean(), abs=0.02)


@pytest.mark.parametrize(
    ("kind", "dark", "bright"),
    [("clump", (-9, 9), None), ("white cell", (-9, 9), (-27, -13)), ("plasma", (-14, -12), (-9, 9))],
)
def test_a_plug_lies_where_it_was_put(kind, dark, bright):
    resting = patterns(Plug(kind, at_px=300.0, length_px=20.0))[0]
    assert stretch(resting, 300 + dark[0], 300 + dark[1]).min() > 0.6
    if bright:
        assert stretch(resting, 300 + bright[0], 300 + bright[1]).max() < 0.3


def test_cells_rest_in_their_part_and_their_time_only():
    motion = Motion(speed_px=50.0, drift_px=0.1, wiggle_px=0.0, stalled=(10, 30), part=(0.5, 1.0))
    rests = motion.rests(PLANES, steps=101)
    assert rests[10:30, 50:].all()
    assert rests.sum() == 20 * 51


def test_resting_cells_drift_from_their_anchor_and_flowing_ones_go_their_way():
    motion = Motion(speed_px=-50.0, drift_px=0.1, wiggle_px=0.0, stalled=(0, 40), anchor=20)
    rest, flow = motion.phases(40, np.random.default_rng(0))
    assert rest == pytest.approx(0.1 * (PLANES - 20))
    assert (np.diff(flow) <= -25).all()
    assert np.diff(flow).mean() == pytest.approx(-50, rel=0.15)
