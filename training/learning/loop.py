"""The training loop: balanced batches, AdamW with a cosine, averaged weights, batch norm measured again at the end.

Whatever is drawn in a step is a function of the seed and the step's number, and all else that a step depends on is in
`State`. So a run that was killed goes on as if it had not been: with a budget of steps, to the same bits.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, update_bn

from stream.clip.spec import ClipSpec
from stream.errors import UserError
from stream.processes.interrupts import uninterrupted
from training.data.clips import Clips
from training.data.splits import check_both_classes
from training.learning.augment import augment, seeded
from training.learning.batches import Batch, Sampler, batches
from training.networks import Network
from training.recipe import Recipe

_NORM_BATCHES = 64
"""Batches that the statistics of batch norm are measured on, for the averaged weights have never seen any."""
_STEPS_FOR_NORM = 8
"""At least so many for each of these batches, which are in no budget: that adds 5 % at most."""
_LOSSES = 50
_SHOWN = 8
"""Clips that are named where a step fails."""
_DROPOUT, _AUGMENT = 1, 2
"""Which kind of chance a generator is for."""

_Tensors = tuple[Tensor, ...] | list[Tensor]
Precision = Literal["bf16-mixed", "32-true"]


class Diverged(UserError):  # noqa: N818 - a thing that happens, as Outage is
    """The loss or its gradient is no number any more."""


@dataclass(frozen=True, slots=True)
class Budget:
    """When training ends: after a number of steps, or else when this much time has passed."""

    steps: int = 0
    seconds: float = 0.0
    clock: Callable[[], float] = time.monotonic
    """`time.process_time` counts the seconds that all threads compute, whatever else the machine does."""

    @classmethod
    def of_passes(cls, passes: float, *, clips: int, batch: int) -> Self:
        """As many steps as show so many times as many clips as there are."""
        return cls(steps=math.ceil(passes * clips / batch))

    def share(self, step: int, seconds: float) -> float:
        """How much of it is used up, 0 to 1; the learning rate follows it."""
        return min(1.0, step / self.steps if self.steps else seconds / self.seconds)


@dataclass(frozen=True, slots=True)
class Step:
    """What is reported after each step."""

    number: int
    share: float
    """Of the budget."""
    loss: float
    """Mean over the last steps."""
    learning_rate: float
    clips_per_s: float


@dataclass
class State:
    """All that a step depends on beside the seed; saved, it is what a run goes on from."""

    network: Network
    average: AveragedModel
    optimizer: torch.optim.Optimizer
    losses: deque[float]
    step: int = 0
    seconds: float = 0.0
    """Used up of the budget, by its clock."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a loop tells while it runs."""

    on_step: Callable[[Step], None]
    on_batch: Callable[[Tensor], None] = lambda _: None
    """Told the first batch as the network sees it, `uint8 [N, C, T, S, S]`."""
    on_state: Callable[[State], None] = lambda _: None
    """May save the state, after each step."""


def best_precision(*, cuda: bool) -> Precision:
    """bf16 where the device multiplies it: on such a CPU a step takes about 0.4 of the time that it takes in fp32."""
    if cuda:
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32-true"
    return "bf16-mixed" if torch.cpu.get_capabilities().get("avx512_bf16") else "32-true"


def begin(network: Network, recipe: Recipe) -> State:
    """The state before the first step."""
    average = AveragedModel(network, multi_avg_fn=_averaging(recipe.ema_decay))
    optimizer = torch.optim.AdamW(_groups(network, recipe.weight_decay), lr=0.0)
    return State(network, average, optimizer, deque(maxlen=_LOSSES))


def train(
    state: State,
    clips: Clips,
    spec: ClipSpec,
    recipe: Recipe,
    budget: Budget,
    *,
    seed: int,
    fabric: Fabric,
    hooks: Hooks,
) -> Network:
    """Trains until the budget is used up and gives the network with averaged weights, in evaluation mode.

    Args:
        state: where to begin; it is carried forward in place.
        clips: labelled clips of `spec`.
        spec: how they were made.
        recipe: how to train.
        budget: when to end.
        seed: of batches, augmentation and dropout.
        fabric: the processes and devices that take part; each calls this function, in its main thread.
        hooks: are told what happens; what they take counts for no budget of time.

    Raises:
        Diverged: the loss is no longer a number.
        UserError: a class is missing, a batch is too small for its parts, or processes begin at different steps.
    """
    check_both_classes(clips.stalled, "training")
    _check_shared(state, recipe, fabric)
    sampler = Sampler(clips.stalled, batch=recipe.batch, stalled_in_batch=recipe.stalled_in_batch, seed=seed)
    source = batches(clips, sampler, first=state.step, part=fabric.global_rank, parts=fabric.world_size)
    loop = _Loop(state, spec, recipe, seed, fabric)
    first, spent = state.step, state.seconds
    while (share := budget.share(state.step, state.seconds)) < 1:
        began = budget.clock()
        batch = next(source)
        pixels = loop.varied(batch)
        rate = recipe.learning_rate * _rate(share, recipe.warm_up)
        with uninterrupted():  # so that the state is always that after a whole step
            loss = loop.step(pixels, batch, rate)
            state.step, state.seconds = batch.step + 1, fabric.broadcast(state.seconds + budget.clock() - began)
            state.losses.append(loss)
        if batch.step == first:
            hooks.on_batch(pixels)
        done = budget.share(state.step, state.seconds)
        speed = (state.step - first) * recipe.batch / (state.seconds - spent)
        hooks.on_step(Step(state.step, done, sum(state.losses) / len(state.losses), rate, speed))
        hooks.on_state(state)
    norms = min(_NORM_BATCHES, max(1, state.step // _STEPS_FOR_NORM))
    with torch.no_grad():
        update_bn((loop.varied(next(source)) for _ in range(norms)), state.average)
    averaged = state.average.module
    assert isinstance(averaged, Network)
    source.close()
    return averaged.eval()


def _check_shared(state: State, recipe: Recipe, fabric: Fabric) -> None:
    """Whether the processes that take part can share each batch, and begin at the same step."""
    if recipe.accumulate * fabric.world_size > recipe.batch:
        raise UserError(
            f"a batch of {recipe.batch} can't be cut into {recipe.accumulate} parts for each of {fabric.world_size} "
            "processes; give a larger --change batch=..."
        )
    if fabric.broadcast(state.step) != state.step:
        raise UserError("the processes don't go on from the same step: give a run's folder that all of them share")


class _Loop:
    """One step after another."""

    def __init__(self, state: State, spec: ClipSpec, recipe: Recipe, seed: int, fabric: Fabric) -> None:
        self._state, self._spec, self._recipe, self._seed, self._fabric = state, spec, recipe, seed, fabric
        state.average.to(fabric.device)
        self._network, self._optimizer = fabric.setup(state.network.train(), state.optimizer)
        state.optimizer.load_state_dict(state.optimizer.state_dict())  # brings what was saved to the weights' device

    def varied(self, batch: Batch) -> Tensor:
        """The batch's clips on their device, varied."""
        draws = seeded(self._seed, _AUGMENT, batch.step, self._fabric.global_rank, device=self._fabric.device)
        clips = torch.from_numpy(batch.pixels).to(self._fabric.device)
        return augment(clips, self._recipe.augmentation, self._spec, draws)

    def step(self, pixels: Tensor, batch: Batch, rate: float) -> float:
        """Moves the weights once; gives the loss."""
        recipe, parts = self._recipe, self._recipe.accumulate
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        torch.manual_seed(seeded(self._seed, _DROPOUT, batch.step, self._fabric.global_rank).initial_seed())
        stalled = torch.from_numpy(batch.stalled).to(pixels.device).float()
        weight = torch.tensor(recipe.stalled_weight, device=pixels.device)
        self._optimizer.zero_grad()
        total = torch.zeros((), device=pixels.device)
        for part in range(parts):
            with self._fabric.no_backward_sync(self._network, enabled=part < parts - 1):
                logits = self._network(pixels[part::parts])
                losses = nn.functional.binary_cross_entropy_with_logits(
                    logits, stalled[part::parts], pos_weight=weight, reduction="sum"
                )
                loss = losses * self._fabric.world_size / recipe.batch  # processes are averaged, whatever their shares
                self._fabric.backward(loss)
            total += loss.detach()
        everywhere = self._fabric.all_reduce(total, reduce_op="mean")
        assert isinstance(everywhere, Tensor)
        norm = self._fabric.clip_gradients(
            self._network, self._optimizer, max_norm=recipe.clip_norm, error_if_nonfinite=False
        )
        self._check(everywhere, norm, batch)
        self._optimizer.step()
        self._state.average.update_parameters(self._state.network)
        return everywhere.item()

    def _check(self, loss: Tensor, norm: Tensor | None, batch: Batch) -> None:
        """Before the weights are moved, so that what is saved is always sound."""
        for name, value in (("loss", loss), ("gradient's length", norm)):
            if value is not None and not torch.isfinite(value):
                some = ", ".join(batch.clip_ids[:_SHOWN].tolist()) + (", ..." if len(batch.clip_ids) > _SHOWN else "")
                raise Diverged(
                    f"the {name} is {value.item()} at step {batch.step + 1}, clips {some}; look at them, or begin "
                    f"again in another --out with less than --change learning_rate={self._recipe.learning_rate:g}"
                )


def _rate(share: float, warm_up: float) -> float:
    """Share of the highest rate: a straight line up, then half a cosine down to 0."""
    if share < warm_up:
        return (share + 1e-3) / (warm_up + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * (share - warm_up) / (1 - warm_up)))


def _groups(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Parameters with an axis beyond their channels decay."""
    parameters = list(network.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _averaging(decay: float) -> Callable[[_Tensors, _Tensors, Tensor | int], None]:
    """An exponential moving average; after n steps it keeps at most (1 + n) / (10 + n), so it follows at first."""

    @torch.no_grad()
    def average(averaged: _Tensors, current: _Tensors, seen: Tensor | int) -> None:
        steps = int(seen)
        torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + steps) / (10 + steps)))

    return average
