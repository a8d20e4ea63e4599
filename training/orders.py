"""What commands are asked for, as their settings say: a fit's order, the run it is, and the card of what came of it."""

from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
import torch

from stream.clip.spec import ClipSpec
from stream.errors import UserError
from training.calibrate import choose_rule
from training.checkpoint import CheckpointCard, TrainingSummary
from training.learning.augment import can_shrink
from training.learning.fitting import Member, Order, Scores, planned
from training.learning.loop import Budget, Precision, best_precision
from training.learning.start import read_start
from training.learning.states import RunCard
from training.measures import evaluate
from training.measures.coverage import Limits
from training.networks import network_named
from training.recipe import RECIPES, changed, scale_of
from training.settings import CalibrateSettings, ContestSettings, EvaluateSettings, FitSettings
from training.sources import FitSets

_PRECISIONS: dict[str, Precision] = {"bf16": "bf16-mixed", "fp32": "32-true"}


def precision_of(settings: FitSettings | ContestSettings) -> Precision:
    """What is computed in."""
    return _PRECISIONS.get(settings.precision) or best_precision(cuda=torch.cuda.is_available())


def budget_of(settings: FitSettings) -> Budget:
    """How long each network is trained, where no passes are given."""
    scale = scale_of(settings.recipe)
    steps, minutes = settings.steps, settings.minutes
    if not steps and not minutes:
        steps, minutes = scale.steps, scale.minutes
    return Budget(steps=steps or 0, seconds=60 * (minutes or 0))


def order_of(settings: FitSettings, spec: ClipSpec) -> Order:
    """The order for clips of a spec.

    Raises:
        UserError: the recipe is changed where it has no such part, or into one that makes no sense; the weights to
            begin from can't be read or don't fit.
    """
    network, recipe = network_named(settings.network, spec), changed(RECIPES[settings.recipe], settings.change)
    asked = any(change.startswith("augmentation.shrink_px=") for change in settings.change)
    if asked and recipe.augmentation.shrink_px and not can_shrink(spec):
        raise UserError(
            f"--change augmentation.shrink_px={recipe.augmentation.shrink_px:g} does nothing to clips of extra "
            f"{spec.extra} and outside {spec.outside}: leave it out, or take clips of extra distance and outside zero"
        )
    return Order(
        network=network,
        spec=spec,
        recipe=recipe,
        budget=budget_of(settings),
        seed=settings.seed,
        views=settings.views,
        save_every_s=settings.save_every_s,
        start=read_start(settings.init, network) if settings.init else None,
        passes=settings.passes,
    )


def run_of(settings: FitSettings, order: Order, sets: FitSets, *, processes: int) -> RunCard:
    """What this run is, so that only the same one goes on with it."""
    count = settings.folds or settings.members
    how = f"{count} {'fold' if settings.folds else 'network'}{'s' if count > 1 else ''}"
    seen = f", {order.views} views" if order.views > 1 else ""
    begin = f", begun from {order.start.words}" if order.start else ""
    return RunCard(
        network=order.network,
        spec=order.spec,
        recipe=order.recipe,
        seed=order.seed,
        budget=_length_of(settings),
        members=f"{how}{seen}{begin}",
        dataset=f"{sets.description}; the rule chosen on {sets.chosen_on}",
        clips=sets.digest,
        precision=precision_of(settings),
        processes=processes,
    )


def _length_of(settings: FitSettings) -> str:
    if settings.passes:
        return f"{settings.passes:g} passes"
    budget = budget_of(settings)
    return f"{budget.steps} steps" if budget.steps else f"{budget.seconds / 60:g} minutes"


def card_of(
    settings: FitSettings, order: Order, members: Sequence[Member], chosen_on: Scores, sets: FitSets
) -> CheckpointCard:
    """The card of the joined network, with the rule that is chosen on clips that it was not trained on."""
    limits = Limits(error=settings.error, missed=settings.missed)
    prior = order.recipe.prior(members[0].task.training.stalled)
    rule = choose_rule(chosen_on.logits, chosen_on.stalled, prior=prior, prevalence=settings.prevalence, limits=limits)
    summary = TrainingSummary(
        version=version("stall-stream"),
        torch=torch.__version__,
        seed=order.seed,
        steps=sum(each.steps for each in members),
        batch=order.recipe.batch,
        minutes=round(sum(each.minutes for each in members), 1),
        precision=precision_of(settings),
        loss=round(float(np.mean([each.loss for each in members])), 4),
        members=len(members),
        projects=sets.projects,
        rule_projects=tuple(np.unique(chosen_on.project_ids).tolist()) if sets.projects else (),
        generated=sets.generated,
        recipe=order.recipe,
        validation=evaluate(chosen_on.logits, chosen_on.stalled, rule, projects=chosen_on.project_ids),
        limits=limits,
    )
    if order.start:
        summary = order.start.noted_in(summary)
    return CheckpointCard(
        network=planned(order, len(members)),
        spec=order.spec,
        rule=rule,
        training=summary,
        dataset=sets.description,
        chosen_on=sets.chosen_on,
    )


def limits_of(settings: EvaluateSettings | CalibrateSettings, card: CheckpointCard) -> Limits:
    """What the user says, and else what the checkpoint promises."""
    promised = card.training.limits or Limits()
    return promised.model_copy(update=settings.model_dump(include={"error", "missed"}, exclude_none=True))
