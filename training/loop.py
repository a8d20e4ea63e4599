"""The training loop: balanced batches, AdamW with a cosine, averaged weights, batch norm measured again at the end."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, update_bn

from stream.errors import UserError
from training.augment import augment
from training.data.clips import Clips
from training.data.splits import check_both_classes
from training.networks import Network, NetworkConfig, build

PRIOR = 0.5
"""Share of stalled clips in each batch."""
_NORM_BATCHES = 64
"""Batches that the statistics of batch norm are measured on, for the averaged weights have never seen any."""
_LOSSES = 50

_Tensors = tuple[Tensor, ...] | list[Tensor]
Precision = Literal["bf16", "fp32"]


@dataclass(frozen=True, slots=True)
class Budget:
    """When training ends: after a number of steps, or a time."""

    steps: int = 0
    seconds: float = 0.0

    def share(self, step: int, seconds: float) -> float:
        """How much of it is used up, 0 to 1; the learning rate follows it."""
        return min(1.0, step / self.steps if self.steps else seconds / self.seconds)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train."""

    budget: Budget
    seed: int
    precision: Precision
    batch: int = 32
    learning_rate: float = 3e-3
    """Highest."""
    weight_decay: float = 0.05
    """Of convolutions and the head; batch norm and biases have none."""
    warm_up: float = 0.05
    """Share of the budget in which the rate rises from 0."""
    ema_decay: float = 0.995
    """The averaged weights keep this much of themselves at each step, less in the first steps."""
    clip_norm: float = 1.0
    """Longer gradients are shortened to this."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is reported after each step."""

    number: int
    share: float
    """Of the budget."""
    loss: float
    """Mean over the last steps."""
    clips_per_s: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """What training gives."""

    network: Network
    """With averaged weights, in evaluation mode."""
    last: Step
    minutes: float


@dataclass(frozen=True, slots=True)
class _Batch:
    pixels: NDArray[np.uint8]
    stalled: NDArray[np.bool_]
    clip_ids: NDArray[np.str_]


def best_precision() -> Precision:
    """bf16 where this CPU multiplies it: there a step takes about 0.4 of the time that it takes in fp32."""
    return "bf16" if torch.cpu.get_capabilities().get("avx512_bf16") else "fp32"


def train(config: NetworkConfig, clips: Clips, plan: Plan, *, on_step: Callable[[Step], None]) -> Fitted:
    """Trains a network from random weights. With a budget of steps, one thread and one seed it gives the same bits.

    Raises:
        UserError: a class is missing, or the loss is no longer a number.
    """
    check_both_classes(clips.stalled, "training")
    torch.manual_seed(plan.seed)
    network = build(config).train()
    average = AveragedModel(network, multi_avg_fn=_averaging(plan.ema_decay))
    optimizer = torch.optim.AdamW(_groups(network, plan.weight_decay), lr=0.0)
    batches = _batches(clips, plan)
    losses: deque[float] = deque(maxlen=_LOSSES)
    number, share, started = 0, 0.0, time.monotonic()
    while share < 1:
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate * _rate(share, plan.warm_up)
        batch = next(batches)
        losses.append(_step(network, optimizer, batch, plan))
        average.update_parameters(network)
        number += 1
        if not math.isfinite(losses[-1]):
            raise UserError(
                f"the loss is {losses[-1]} at step {number}, clips {', '.join(batch.clip_ids.tolist())}; "
                f"lower --learning-rate {plan.learning_rate:g} or look at these clips"
            )
        seconds = time.monotonic() - started
        share = plan.budget.share(number, seconds)
        step = Step(number, share, sum(losses) / len(losses), number * plan.batch / seconds)
        on_step(step)
    update_bn((torch.from_numpy(next(batches).pixels) for _ in range(min(_NORM_BATCHES, 4 * number))), average)
    averaged = average.module
    assert isinstance(averaged, Network)
    return Fitted(averaged.eval(), step, (time.monotonic() - started) / 60)


def _step(network: Network, optimizer: torch.optim.Optimizer, batch: _Batch, plan: Plan) -> float:
    with torch.autocast("cpu", torch.bfloat16, enabled=plan.precision == "bf16"):
        logits = network(torch.from_numpy(batch.pixels))
    loss = nn.functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(batch.stalled).float())
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
    nn.utils.clip_grad_norm_(network.parameters(), plan.clip_norm)
    optimizer.step()
    return loss.item()


def _batches(clips: Clips, plan: Plan) -> Iterator[_Batch]:
    """Augmented batches without end, as many stalled clips as flowing ones in each."""
    rng = np.random.default_rng(plan.seed)
    stalled = round(PRIOR * plan.batch)
    draws = [
        _draws(np.flatnonzero(clips.stalled == label), count, rng)
        for label, count in ((True, stalled), (False, plan.batch - stalled))
    ]
    while True:
        batch = clips.take(np.concatenate([next(draw) for draw in draws]))
        yield _Batch(augment(batch.read(np.arange(len(batch))), rng), batch.stalled, batch.facts.clip_ids)


def _draws(indices: NDArray[np.intp], count: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """`count` of the indices at a time; none comes twice before all have come once."""
    queue = np.empty(0, np.intp)
    while True:
        while len(queue) < count:
            queue = np.concatenate([queue, rng.permutation(indices)])
        yield queue[:count]
        queue = queue[count:]


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
