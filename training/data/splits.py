"""Splits clips by project, so that no animal is on both sides, and refuses sets that leave nothing to tell apart."""

import numpy as np
from numpy.typing import NDArray

from stream.errors import UserError
from training.data.clips import Clips


def check_both_classes(
    stalled: NDArray[np.bool_], name: str, *, otherwise: str = "give clips of both, or more"
) -> None:
    """Refuses labels `[N]` that leave nothing to tell apart; `otherwise` is the way out.

    Raises:
        UserError: naming the set.
    """
    if stalled.all() or not stalled.any():
        raise UserError(f"the {len(stalled)} {name} clips are all of one class; {otherwise}")


def hold_out(clips: Clips, *, share: float, seed: int) -> tuple[Clips, Clips]:
    """Splits clips for training from clips for validation: whole projects, so that no animal is in both.

    They are dealt as folds are, and the fold is held out whose stalled clips come nearest to `share`, .5 at most, of
    all. A set of one project is split clip by clip.
    """
    names = np.unique(clips.facts.project_ids)
    if len(names) > 1:
        fold, counts = deal(clips.stalled, clips.facts.project_ids, count=min(round(1 / share), len(names)), seed=seed)
        wanted = share * counts.sum(axis=0)
        held = fold == min(range(len(counts)), key=lambda each: tuple(np.abs(counts[each] - wanted)))
    else:
        held = np.random.default_rng(seed).permutation(np.arange(len(clips)) < share * len(clips))
    return clips.take(np.flatnonzero(~held)), clips.take(np.flatnonzero(held))


def folds(clips: Clips, *, count: int, seed: int) -> NDArray[np.intp]:
    """Deals clips into folds, whole projects each, with the stalled ones as even as whole projects allow.

    Returns:
        `[N]`, the fold of each clip, 0 to `count` - 1.

    Raises:
        UserError: there are fewer projects than folds, or a fold has no clip of one class.
    """
    names = np.unique(clips.facts.project_ids)
    if len(names) < count:
        raise UserError(f"{len(names)} projects ({', '.join(names)}) can't fill {count} folds: give fewer folds")
    fold, counts = deal(clips.stalled, clips.facts.project_ids, count=count, seed=seed)
    for number, of_number in enumerate(counts.tolist()):
        for label, clips_in_fold in zip(("stalled", "flowing"), of_number, strict=True):
            if not clips_in_fold:
                held = ", ".join(np.unique(clips.facts.project_ids[fold == number]))
                raise UserError(
                    f"fold {number} of {count} (project {held}) has no {label} clip: give fewer folds, or more clips"
                )
    return fold


def deal(
    stalled: NDArray[np.bool_], project_ids: NDArray[np.str_], *, count: int, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Deals labelled clips into folds, whole projects each.

    Args:
        stalled: `[N]`, the labels.
        project_ids: `[N]`.
        count: number of folds.
        seed: decides between equals.

    Returns:
        The fold of each clip `[N]`, and of each fold the stalled and the flowing clips `[count, 2]`.

    Projects are dealt from the one with the most stalled clips on, each into the fold that has the fewest so far; those
    without any into the fold with the fewest flowing ones. That is the longest-first
    rule, which leaves no fold with more than 4/3 of the stalled clips that the best deal would give the fullest one
    (Graham 1969, SIAM Journal on Applied Mathematics 17:416-429).
    """
    names, project = np.unique(project_ids, return_inverse=True)
    of_project = np.stack([np.bincount(project[label], minlength=len(names)) for label in (stalled, ~stalled)], axis=1)
    order = np.random.default_rng(seed).permutation(len(names))
    fold_of = np.empty(len(names), np.intp)
    in_fold = np.zeros((count, 2), np.intp)
    for each in sorted(order.tolist(), key=lambda p: tuple(-of_project[p])):
        first = 0 if of_project[each, 0] else 1
        fold_of[each] = min(range(count), key=lambda fold: tuple(in_fold[fold, first:]))
        in_fold[fold_of[each]] += of_project[each]
    return fold_of[project], in_fold
