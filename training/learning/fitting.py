"""Fits networks as an order says: one, several that differ by their seed, or one for each fold; kept as one network."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import nn

from stream.clip.spec import ClipSpec
from training.data.clips import Clips
from training.data.splits import folds
from training.learning.board import Board
from training.learning.loop import Budget, Hooks, State, Step, begin, train
from training.learning.start import Start
from training.learning.states import MemberFolder
from training.learning.watch import Watch
from training.networks import AverageConfig, Network, NetworkConfig, SingleConfig, Views, build, join
from training.recipe import Recipe
from training.scoring import score

_LOOKS = 10
"""At the clips kept apart, in a training."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be fitted."""

    network: SingleConfig
    spec: ClipSpec
    recipe: Recipe
    budget: Budget
    """Of each network, where `passes` is not given."""
    seed: int
    views: Views = 1
    """Mirrored and turned copies of a clip whose logits are averaged, within the network."""
    save_every_s: float = 60.0
    start: Start | None = None
    passes: float | None = None
    """Clips that a network sees, in multiples of those that it trains on."""

    def budget_for(self, clips: Clips) -> Budget:
        """The budget of a network that trains on these clips."""
        if self.passes is None:
            return self.budget
        return Budget.of_passes(self.passes, clips=len(clips), batch=self.recipe.batch)


@dataclass(frozen=True, slots=True)
class Task:
    """One network of an order: what it trains on, and what it is kept from."""

    name: str
    training: Clips
    held_out: Clips | None
    """Of a fold: scored afterwards by this network alone."""
    watched: Clips | None
    """Scored now and then while it is trained."""
    seed: int


@dataclass(frozen=True, slots=True)
class Member:
    """A network that has been fitted."""

    task: Task
    network: Network
    steps: int
    loss: float
    minutes: float


def seeds(training: Clips, order: Order, count: int, *, watched: Clips | None) -> Iterator[Task]:
    """As many networks on the same clips, each with a seed of its own."""
    for number in range(count):
        yield Task(f"member-{number}", training, None, watched, order.seed + number)


def in_folds(clips: Clips, order: Order, count: int) -> Iterator[Task]:
    """One network for each part of the clips, trained on all others.

    Raises:
        UserError: the clips can't be split so, by project.
    """
    fold = folds(clips, count=count, seed=order.seed)
    for number in range(count):
        training, held_out = (clips.take(np.flatnonzero(each)) for each in (fold != number, fold == number))
        yield Task(f"member-{number}", training, held_out, held_out, order.seed + number)


def fit(
    order: Order,
    task: Task,
    *,
    fabric: Fabric,
    folder: Path,
    on_step: Callable[[Step], None],
    say: Callable[[str], None],
) -> Member:
    """Fits one network, from where a run in this folder was left.

    Raises:
        UserError: a class is missing, the loss is no longer a number, or the state can't be read or written.
    """
    kept = MemberFolder(folder / task.name, every_s=order.save_every_s)
    if (done := kept.finished()) is not None:
        weights, facts = done
        network = build(order.network)
        network.load_state_dict(weights)
        return Member(task, network.eval(), int(facts["steps"]), facts["loss"], facts["minutes"])
    state = begin(_untrained(order, task, fabric), order.recipe)
    kept.load(state)
    budget = order.budget_for(task.training)
    try:
        with Board(kept.path, first_step=state.step, say=say) if fabric.is_global_zero else nullcontext() as board:
            hooks = Hooks(lambda _: None)
            if board is not None:
                hooks = _hooks(board, kept, on_step, _watching(board, budget, task))
            averaged = train(
                state, task.training, order.spec, order.recipe, budget, seed=task.seed, fabric=fabric, hooks=hooks
            )
    except (KeyboardInterrupt, SystemExit):
        if fabric.is_global_zero:
            kept.save(state)
            say(f"stopped after step {state.step} of {task.name}; the same command with --resume goes on")
        raise
    member = Member(task, averaged.cpu(), state.step, sum(state.losses) / len(state.losses), state.seconds / 60)
    if fabric.is_global_zero:
        kept.finish(averaged.state_dict(), {"steps": state.step, "loss": member.loss, "minutes": member.minutes})
    return member


def _untrained(order: Order, task: Task, fabric: Fabric) -> Network:
    torch.manual_seed(task.seed)
    network = build(order.network)
    if order.start:
        order.start.give(network)
    if fabric.world_size > 1 and fabric.device.type == "cuda":  # it has no kernel for CPUs
        nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    return network


def _hooks(board: Board, kept: MemberFolder, on_step: Callable[[Step], None], look: Callable[[State], None]) -> Hooks:
    def show(step: Step) -> None:
        board.step(step)
        on_step(step)

    def keep(state: State) -> None:
        kept.save_if_due(state)
        look(state)

    return Hooks(on_step=show, on_batch=board.batch, on_state=keep)


def _watching(board: Board, budget: Budget, task: Task) -> Callable[[State], None]:
    """Looks at the watched clips whenever another tenth of the budget is used up."""
    if task.watched is None:
        return lambda _state: None
    watch, looked_at = Watch(task.watched), 0

    def look(state: State) -> None:
        nonlocal looked_at
        tenth = int(_LOOKS * budget.share(state.step, state.seconds))
        if tenth > looked_at:
            looked_at = tenth
            board.point(state.step, watch.look(state.network))

    return look


def planned(order: Order, count: int) -> NetworkConfig:
    """The configuration of what so many members will be joined to."""
    if count == 1 and order.views == 1:
        return order.network
    return AverageConfig(members=(order.network,) * count, views=order.views)


def joined(members: Sequence[Member], order: Order) -> Network:
    """The members as one network, which averages their logits over the order's views."""
    networks = [each.network for each in members]
    return networks[0] if len(networks) == 1 and order.views == 1 else join(networks, views=order.views)


@dataclass(frozen=True, slots=True)
class Scores:
    """Logits of clips that were not trained on, `[N]` each."""

    logits: NDArray[np.float32]
    stalled: NDArray[np.bool_]
    project_ids: NDArray[np.str_]


def scores(network: Network, clips: Clips, progress: Progress, *, device: torch.device) -> Scores:
    """Of a network, which is moved to the device."""
    return Scores(score(network.to(device), clips, progress=progress), clips.stalled, clips.facts.project_ids)


def out_of_fold(members: Sequence[Member], order: Order, progress: Progress, *, device: torch.device) -> Scores:
    """Each clip is scored by the one network that was not trained on it. Their average will be a little better."""
    held_out = [(each, each.task.held_out) for each in members if each.task.held_out]
    total, found = sum(len(clips) for _, clips in held_out), list[Scores]()
    for each, clips in held_out:
        of_all = _part_of(progress, before=sum(len(part.logits) for part in found), total=total)
        found.append(scores(joined([each], order), clips, of_all, device=device))
    return Scores(*(np.concatenate([getattr(part, field.name) for part in found]) for field in fields(Scores)))


def _part_of(progress: Progress, *, before: int, total: int) -> Progress:
    """Tells of one part of the clips as of all of them."""
    return lambda done, _: progress(before + done, total)
