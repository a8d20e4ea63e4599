"""`python -m training fit`: trains networks, chooses their rule on clips kept apart, writes both as one checkpoint."""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from training import words
from training.checkpoint import CARD, RUN, CheckpointCard, check_folder, save_checkpoint
from training.learning.devices import join_processes
from training.learning.fitting import Order, Task, fit, in_folds, joined, out_of_fold, planned, scores, seeds
from training.learning.states import check_finished, close_run, open_run
from training.measures.needed import Basis
from training.orders import card_of, order_of, precision_of, run_of
from training.outfile import check_folder_writable
from training.progress import Bars
from training.runs import is_open
from training.settings import FitSettings
from training.sources import FitSets, fit_sets, spec_of


def run(settings: FitSettings) -> int:
    """Trains networks, chooses their rule on clips kept apart, and writes both as one checkpoint."""
    order, folder = order_of(settings, spec_of(settings)), settings.out / RUN
    check_folder(settings.out, planned(order, settings.folds or settings.members), order.spec)
    finished = settings.resume and (settings.out / CARD).exists() and not is_open(folder)
    if not finished:
        check_folder_writable(settings.out)
    fabric = join_processes(precision_of(settings), threads=settings.threads)
    with Bars(shown=fabric.is_global_zero) as bars:
        if order.start:
            bars.say(f"begun from {order.start.words}")
        with fabric.rank_zero_first():
            sets = fit_sets(settings, order.spec, bars)
        if order.start:
            order.start.check_unknown(sets)
        tasks = list(_tasks(settings, order, sets))
        if fabric.is_global_zero:
            asked = run_of(settings, order, sets, processes=fabric.world_size)
            if finished:
                check_finished(folder, asked)
            else:
                open_run(folder, asked, resume=settings.resume)
        if finished:
            bars.say(f"{settings.out} is finished: calibrate changes its thresholds, without --resume it begins anew")
            return 0
        members = [
            fit(order, task, fabric=fabric, folder=folder, on_step=bars.training(task.name), say=bars.say)
            for task in tasks
        ]
        if not fabric.is_global_zero:
            return 0
        torch.set_num_threads(settings.threads)  # the other processes have nothing more to do
        network, device = joined(members, order), fabric.device
        if sets.validation is None:
            chosen_on = out_of_fold(members, order, bars.clips("validate"), device=device)
        else:
            chosen_on = scores(network, sets.validation, bars.clips("validate"), device=device)
    card = card_of(settings, order, members, chosen_on, sets)
    save_checkpoint(settings.out, network, card)
    close_run(folder)
    _tell(card, settings.out, bars.say)
    return 0


def _tasks(settings: FitSettings, order: Order, sets: FitSets) -> Iterator[Task]:
    if settings.folds:
        return in_folds(sets.training, order, settings.folds)
    return seeds(sets.training, order, settings.members, watched=sets.validation)


def _tell(card: CheckpointCard, out: Path, say: Callable[[str], None]) -> None:
    found = card.training.validation
    assert found is not None
    say(
        f"{card.training.steps} steps in {card.training.minutes} minutes; validation MCC {found.mcc.value:.3f} "
        f"({found.clips} clips, {words.percent(found.prevalence)} stalled; the thresholds were chosen on them); "
        f"checkpoint in {out}"
    )
    assert card.training.limits is not None
    stalled = round(found.prevalence * found.clips)
    basis = Basis(found.clips - stalled, stalled, card.rule.prevalence, card.training.limits)
    for lack in basis.lacks(low=card.rule.low, high=card.rule.high):
        say(words.never(lack, basis))
