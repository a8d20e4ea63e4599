"""What whoever trains on prepared clips should know of them: the known traps of such sets, where they are met."""

import math
from collections.abc import Iterator, Mapping

import polars as pl

from training.data.journal import BOX
from training.data.leak import amount_features, box_features, guessed_mcc, project_features
from training.data.metadata import Catalogue
from training.data.selection import Selection

BOX_SIZE = "box size"
_COMPETITION_BOX_MCC = 0.16
"""See `leak`."""
_LEAKS = 0.1
"""An MCC that is worth a warning."""
_TOO_OFTEN = 2.0
_WORTH_SAYING = 0.05
"""A project is told of that has this share of the clips, and so many times its share of all clips."""


def leaks(index: pl.DataFrame) -> dict[str, float]:
    """The MCC of guessing the labels of an index from what shows no vessel; nothing where there are too few clips."""
    stalled = index["stalled"].to_numpy()
    features = {
        BOX_SIZE: box_features(index.select(BOX).to_numpy()),
        "project": project_features(index["project_id"].to_numpy().astype(str)),
        "length": amount_features(index["num_frames"].to_numpy()),
    }
    if (index["size_bytes"] > 0).all():  # generated clips have no file
        features["file size"] = amount_features(index["size_bytes"].to_numpy())
    found = {name: guessed_mcc(each, stalled) for name, each in features.items()}
    return {name: round(mcc, 3) for name, mcc in found.items() if not math.isnan(mcc)}


def notes(
    catalogue: Catalogue, selection: Selection, index: pl.DataFrame, leaked: Mapping[str, float]
) -> tuple[str, ...]:
    """Sentences for the manifest and for the user.

    Args:
        catalogue: what was selected from.
        selection: what was wanted.
        index: the clips that were read, as in the cache.
        leaked: their `leaks`.
    """
    told = (*_labels(catalogue, index), *_no_stalled(selection, index), *_projects(catalogue, selection, index))
    return (*told, *_guesses(leaked))


def _labels(catalogue: Catalogue, index: pl.DataFrame) -> Iterator[str]:
    if catalogue.unlabelled:
        yield f"{catalogue.unlabelled} clips of the metadata have no label and are left out"
    for project in set(catalogue.uncrowded) & set(index["project_id"]):
        yield f"project {project}: no crowd has seen its clips, so their crowd scores of 0 are taken as unknown"
    overruled = index.filter(~pl.col("stalled") & (pl.col("crowd_score") >= 0.5))
    if len(overruled):
        where = ", ".join(overruled["project_id"].unique().sort())
        yield f"{len(overruled)} flowing clips have a crowd score of 0.5 or more ({where}): experts overruled it"
    stalled = index.filter("stalled")
    if noisy := len(stalled.filter(~pl.col("tier1"))):
        yield f"{noisy} of {len(stalled)} stalled clips are from outside of tier1: their label is the crowd's alone"


def _no_stalled(selection: Selection, index: pl.DataFrame) -> Iterator[str]:
    if not index["stalled"].any():
        look = f"ask for more than {selection.words}, or look" if selection.words else "look"
        yield f"no clip is stalled: nothing can be trained or measured on these alone; {look} at --labels"


def _guesses(leaked: Mapping[str, float]) -> Iterator[str]:
    for name, mcc in leaked.items():
        known = f" ({_COMPETITION_BOX_MCC} in the competition)" if name == BOX_SIZE else ""
        danger = ": a network may learn that instead of the vessel" if mcc >= _LEAKS else ""
        yield f"{name} alone guesses the label with an MCC of {mcc:.2f}{known}{danger}"


def _projects(catalogue: Catalogue, selection: Selection, index: pl.DataFrame) -> Iterator[str]:
    of_all = dict(catalogue.clips["project_id"].value_counts(normalize=True).iter_rows())
    for project, share in index["project_id"].value_counts(normalize=True).sort("project_id").iter_rows():
        if share >= _WORTH_SAYING and share > _TOO_OFTEN * of_all[project]:
            of_both = f"{100 * share:.1f} % of the clips, and {100 * of_all[project]:.1f} % of all labelled ones"
            yield f"project {project} has {of_both}"
    if (per_stalled := selection.flowing_per_stalled) is None or selection.maximum is not None:
        return
    counts = index.group_by("project_id").agg(pl.col("stalled").sum(), flowing=(~pl.col("stalled")).sum())
    for project, stalled, flowing in counts.sort("project_id").iter_rows():
        if flowing < per_stalled * stalled:
            yield f"project {project} has {flowing} flowing clips for {stalled} stalled ones, fewer than were asked for"
