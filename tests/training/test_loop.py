"""Training learns, repeats itself to the bit, and stops where it makes no sense."""

import math

import numpy as np
import pytest
import torch

from stream.errors import UserError
from tests.training.data.made import facts
from training.data.clips import Clips
from training.evaluate import score
from training.loop import Budget, Plan, Step, _batches, _rate, train
from training.networks.slowfast import SlowFastConfig

TINY = SlowFastConfig(
    frames=8,
    block="basic",
    depths=(1, 1, 1, 1),
    slow_channels=(8, 8, 8, 16, 16),
    fast_channels=(4, 4, 4, 4, 4),
    stem_kernel=3,
    stem_pool=False,
    dropout=0.0,
)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def moving_or_not(count: int, *, seed: int = 0) -> Clips:
    """Stripes that stay where they are (stalled) or are new in each frame."""
    rng = np.random.default_rng(seed)
    stalled = np.arange(count) % 2 == 0
    stripes = rng.integers(20, 236, (count, 8, 1, 24), dtype=np.uint8)
    stripes[stalled] = stripes[stalled, :1]
    grey = np.repeat(stripes, 24, axis=2)
    pixels = np.stack([grey, np.full_like(grey, 60)], axis=1)
    return Clips.of(pixels, facts(stalled, project_ids="A" * count))


def plan(*, steps: int, **changes) -> Plan:
    return Plan(**{"budget": Budget(steps=steps), "seed": 5, "precision": "fp32", "batch": 8, **changes})


def weights(clips: Clips, the_plan: Plan) -> list[torch.Tensor]:
    return list(train(TINY, clips, the_plan, on_step=lambda _: None).network.state_dict().values())


def test_two_steps_are_reported_and_give_a_network_that_scores():
    seen: list[Step] = []
    fitted = train(TINY, moving_or_not(12), plan(steps=2), on_step=seen.append)
    assert [step.number for step in seen] == [1, 2]
    assert [step.share for step in seen] == [0.5, 1.0]
    assert not fitted.network.training
    logits = score(fitted.network, moving_or_not(5, seed=1), progress=lambda _done, _total: None)
    assert logits.shape == (5,)
    assert np.isfinite(logits).all()


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    clips = moving_or_not(12)
    first, second, other = (weights(clips, plan(steps=3, seed=seed)) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_sixteen_clips_are_learnt_by_heart():
    clips = moving_or_not(16)
    network = train(TINY, clips, plan(steps=60, learning_rate=1e-2), on_step=lambda _: None).network
    logits = score(network, clips, progress=lambda _done, _total: None)
    assert ((logits > 0) == clips.stalled).all()


def test_a_budget_of_time_ends_training():
    fitted = train(TINY, moving_or_not(8), plan(steps=0, budget=Budget(seconds=0.2)), on_step=lambda _: None)
    assert fitted.last.share == 1
    assert fitted.last.number >= 1


def test_half_of_each_batch_is_stalled_and_no_clip_comes_twice_before_all_have_come():
    clips = moving_or_not(40).take(np.array([0, *range(1, 40, 2), 2, 4, 6]))  # 4 stalled, 20 flowing
    batches = [batch for batch, _ in zip(_batches(clips, plan(steps=1)), range(5), strict=False)]
    assert all(batch.stalled.sum() == 4 for batch in batches)
    flowing = [
        name
        for batch in batches
        for name, stalled in zip(batch.clip_ids.tolist(), batch.stalled, strict=True)
        if not stalled
    ]
    assert len(flowing) == len(set(flowing)) == 20


def test_a_loss_that_is_no_number_names_the_step_and_the_clips():
    with pytest.raises(UserError, match=r"the loss is nan at step \d+, clips clip\d+, .*lower --learning-rate"):
        train(TINY, moving_or_not(8), plan(steps=50, learning_rate=1e30, warm_up=0.0), on_step=lambda _: None)


def test_clips_of_one_class_are_refused():
    clips = moving_or_not(8)
    with pytest.raises(UserError, match="all of one class"):
        train(TINY, clips.take(np.flatnonzero(clips.stalled)), plan(steps=1), on_step=lambda _: None)


def test_the_learning_rate_rises_in_a_line_and_falls_as_half_a_cosine():
    assert _rate(0.0, 0.1) < 0.02
    assert _rate(0.1, 0.1) == 1.0
    assert _rate(0.55, 0.1) == pytest.approx(0.5)
    assert _rate(1.0, 0.1) == pytest.approx(0.0)
    assert math.isclose(_rate(0.05, 0.1), 0.5, abs_tol=0.01)
