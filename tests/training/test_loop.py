"""Training learns, repeats itself to the bit, goes on from where it was, and stops where it makes no sense."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from stream.clip.spec import ClipSpec
from stream.errors import UserError
from tests.training.data.made import facts
from training.data.clips import Clips
from training.loop import Budget, Diverged, Hooks, State, Step, _rate, begin, train
from training.networks import Network, build
from training.networks.slowfast import SlowFastConfig
from training.recipe import RECIPES, Recipe
from training.scoring import score
from training.states import MemberFolder

SPEC = ClipSpec(frames=8, size=24)
TINY = SlowFastConfig(
    frames=8,
    block="basic",
    depths=(1, 1, 1, 1),
    slow_channels=(8, 8, 8, 16, 16),
    fast_channels=(4, 4, 4, 4, 4),
    stem_kernel=3,
    stem_pool=False,
    dropout=0.1,
)
SMALL = RECIPES["full"].variant(batch=8)


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


def new(recipe: Recipe = SMALL, *, seed: int = 5) -> State:
    torch.manual_seed(seed)
    return begin(build(TINY), recipe)


def run(
    clips: Clips,
    *,
    steps: int = 3,
    budget: Budget | None = None,
    recipe: Recipe = SMALL,
    seed: int = 5,
    state: State | None = None,
    hooks: Hooks | None = None,
) -> Network:
    return train(
        state or new(recipe, seed=seed),
        clips,
        SPEC,
        recipe,
        budget or Budget(steps=steps),
        seed=seed,
        fabric=Fabric(accelerator="cpu", devices=1),
        hooks=hooks or Hooks(on_step=lambda _: None),
    )


def same(first: Network, second: Network) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_two_steps_are_reported_and_give_a_network_that_scores():
    seen: list[Step] = []
    first: list[torch.Tensor] = []
    network = run(moving_or_not(12), steps=2, hooks=Hooks(on_step=seen.append, on_batch=first.append))
    assert [step.number for step in seen] == [1, 2]
    assert [step.share for step in seen] == [0.5, 1.0]
    assert [batch.shape for batch in first] == [(8, 2, 8, 24, 24)]
    assert not network.training
    logits = score(network, moving_or_not(5, seed=1), progress=lambda _done, _total: None)
    assert logits.shape == (5,)
    assert np.isfinite(logits).all()


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    first, second, other = (run(moving_or_not(12), seed=seed) for seed in (1, 1, 2))
    assert same(first, second)
    assert not same(first, other)


class Killed(BaseException):
    pass


def test_a_run_that_was_killed_goes_on_to_the_bits_of_the_one_that_was_not(tmp_path: Path):
    clips = moving_or_not(40)
    whole = run(clips, steps=4)
    kept, state = MemberFolder(tmp_path, every_s=0), new()

    def save_and_die(state: State) -> None:
        kept.save(state)
        if state.step == 2:
            raise Killed

    with pytest.raises(Killed):
        run(clips, steps=4, state=state, hooks=Hooks(on_step=lambda _: None, on_state=save_and_die))
    steps: list[Step] = []
    again = new(seed=77)
    kept.load(again)
    resumed = run(clips, steps=4, state=again, hooks=Hooks(on_step=steps.append))
    assert [step.number for step in steps] == [3, 4]
    assert same(whole, resumed)


def test_a_batch_in_parts_gives_the_gradients_of_the_whole():
    """As far as batch norm allows, which sees the parts: here it is frozen."""
    clips, weights = moving_or_not(16), []
    for parts in (1, 4):
        state = new(SMALL)
        for norm in state.network.modules():
            if isinstance(norm, torch.nn.BatchNorm3d):
                norm.momentum = 0.0
                norm.train = lambda mode=True, norm=norm: norm  # type: ignore[method-assign,misc]
                norm.training = False
        for layer in state.network.modules():
            if isinstance(layer, torch.nn.Dropout):
                layer.p = 0.0
        run(clips, steps=1, recipe=SMALL.variant(accumulate=parts), state=state)
        weights.append(torch.cat([p.flatten() for p in state.network.parameters()]))
    torch.testing.assert_close(*weights, rtol=1e-3, atol=2e-5)


def test_sixteen_clips_are_learnt_by_heart():
    clips = moving_or_not(16)
    network = run(clips, steps=60, recipe=RECIPES["plain"].variant(batch=8, learning_rate=1e-2))
    logits = score(network, clips, progress=lambda _done, _total: None)
    assert ((logits > 0) == clips.stalled).all()


def test_a_budget_of_time_ends_training():
    seen: list[Step] = []
    run(moving_or_not(8), budget=Budget(seconds=0.2), hooks=Hooks(on_step=seen.append))
    assert seen[-1].share == 1


def test_a_loss_that_is_no_number_names_the_step_and_the_clips():
    with pytest.raises(
        Diverged,
        match=r"the \w+.* is (nan|inf) at step \d+, clips clip\d+, .*in another --out with less than .*rate=1e\+30",
    ):
        run(moving_or_not(8), steps=50, recipe=SMALL.variant(learning_rate=1e30, warm_up=0.0))


def test_clips_of_one_class_are_refused():
    clips = moving_or_not(8)
    with pytest.raises(UserError, match="all of one class"):
        run(clips.take(np.flatnonzero(clips.stalled)), steps=1)


def test_the_learning_rate_rises_in_a_line_and_falls_as_half_a_cosine():
    assert _rate(0.0, 0.1) < 0.02
    assert _rate(0.1, 0.1) == 1.0
    assert _rate(0.55, 0.1) == pytest.approx(0.5)
    assert _rate(1.0, 0.1) == pytest.approx(0.0)
    assert math.isclose(_rate(0.05, 0.1), 0.5, abs_tol=0.01)
