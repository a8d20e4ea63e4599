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
from training.learning.loop import Budget, Diverged, Hooks, State, Step, _rate, begin, train
from training.learning.states import MemberFolder
from training.networks import Network, build
from training.networks.slowfast import SlowFastConfig
from training.recipe import RECIPES, Recipe
from training.scoring import score

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


def test_the_average_is_the_one_computed_by_hand():
    """After n steps it keeps (1 + n) / (10 + n) of itself, `ema_decay` at most; the first step is taken whole."""
    for decay, expected in ((0.995, (1.0, 2 / 11 + 3 * 9 / 11)), (0.1, (1.0, 0.1 + 3 * 0.9))):
        last = min(decay, 3 / 12) * expected[1] + (1 - min(decay, 3 / 12)) * 7
        state = new(SMALL.variant(ema_decay=decay))
        for now, averaged in zip((1.0, 3.0, 7.0), (*expected, last), strict=True):
            for weight in state.network.parameters():
                torch.nn.init.constant_(weight, now)
            state.average.update_parameters(state.network)
            for weight in state.average.module.parameters():
                torch.testing.assert_close(weight, torch.full_like(weight, averaged))


@pytest.mark.parametrize("norm", [1e-3, 1e-2])
def test_long_gradients_are_shortened_to_the_limit(norm: float):
    lengths: list[float] = []

    def measure(state: State) -> None:
        gradients = [p.grad.flatten() for p in state.network.parameters() if p.grad is not None]
        lengths.append(float(torch.cat(gradients).norm()))

    hooks = Hooks(on_step=lambda _: None, on_state=measure)
    run(moving_or_not(8), steps=2, recipe=SMALL.variant(clip_norm=norm), hooks=hooks)
    assert lengths == pytest.approx([norm, norm], rel=1e-3)


@pytest.mark.parametrize("weight", [1.0, 5.0])
def test_stalled_clips_count_so_many_times_in_the_loss(weight: float):
    recipe = SMALL.variant(stalled_weight=weight, stalled_share=0.25)  # 2 stalled, 6 flowing
    state, seen = new(recipe), list[Step]()
    head = state.network.head
    assert isinstance(head, torch.nn.Linear)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.constant_(head.bias, 0.7)  # the logit of each clip
    run(moving_or_not(16), steps=1, recipe=recipe, state=state, hooks=Hooks(on_step=seen.append))
    stalled, flowing = math.log1p(math.exp(-0.7)), math.log1p(math.exp(0.7))
    assert seen[0].loss == pytest.approx((2 * weight * stalled + 6 * flowing) / 8, rel=1e-5)


def test_norms_and_biases_do_not_decay_and_all_else_does():
    state = new(SMALL.variant(weight_decay=0.3))
    decay = {id(p): group["weight_decay"] for group in state.optimizer.param_groups for p in group["params"]}
    for module in state.network.modules():
        for name, weight in module.named_parameters(recurse=False):
            plain = name == "bias" or isinstance(module, torch.nn.BatchNorm3d)
            assert decay.pop(id(weight)) == (0.0 if plain else 0.3)
    assert not decay


def test_batch_norm_is_measured_again_for_the_averaged_weights():
    norms = [each for each in run(moving_or_not(16), steps=16).modules() if isinstance(each, torch.nn.BatchNorm3d)]
    assert norms
    for norm in norms:
        assert norm.num_batches_tracked == 2  # one for each 8 steps
        assert norm.running_mean is not None
        assert norm.running_mean.abs().max() > 0
