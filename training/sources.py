"""Which clips a command trains, validates and tests on, as its settings say."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stream.clip.spec import ClipSpec
from stream.errors import UserError
from stream.fetch import Patience, S3Access, SourceOptions
from training import words
from training.data.cache import Manifest, open_cache
from training.data.clips import Clips
from training.data.generated import Lot, Purpose, generate
from training.data.metadata import read_tables
from training.data.prepare import Videos, prepare
from training.data.selection import Selection
from training.data.splits import check_both_classes, hold_out
from training.measures.coverage import Limits
from training.measures.needed import Basis
from training.measures.seen import Seen
from training.progress import Bars
from training.recipe import scale_of
from training.settings import (
    CalibrateSettings,
    ClipsSettings,
    ContestSettings,
    EvaluateSettings,
    FitSettings,
    PredictSettings,
    PrepareSettings,
    SelectionSettings,
    VideosSettings,
)
from training.submission import read_order
from training.synthetic.folder import LABELS, METADATA

if TYPE_CHECKING:
    from training.checkpoint import CheckpointCard  # it needs torch, and not all that uses this module does


_SHARE_TO_CHOOSE_ON = 0.3
"""Least share of stalled clips among generated ones that a rule is chosen on, which are weighted to its prevalence."""
_OUT_OF_FOLD = (
    "the same clips, each by the score of the one network that hasn't seen it, not by their average, which is served"
)


@dataclass(frozen=True, slots=True)
class FitSets:
    """What `fit` needs."""

    training: Clips
    validation: Clips | None
    """What the rule is chosen on; None where folds are asked for, which leave no clip out."""
    description: str
    """In words, for the checkpoint's card: what is trained on."""
    digest: str
    """Of what says which clips these are: of others, a run is another one."""
    projects: tuple[str, ...] = ()
    """Whose kept clips are trained on; of those that are generated meanwhile there are always new ones."""
    generated: bool = False
    chosen_on: str = ""
    """In words: what the rule is chosen on."""


def spec_of(settings: FitSettings | ContestSettings) -> ClipSpec:
    """How the clips to train on are read: a cache says it itself.

    Raises:
        UserError: the cache can't be read, or its clips were read otherwise than asked.
    """
    if settings.data is None:
        return settings.spec
    return open_cache(settings.data, settings.spec if "spec" in settings.model_fields_set else None).manifest.spec


def fit_sets(settings: FitSettings, spec: ClipSpec, bars: Bars) -> FitSets:
    """Clips to train on, half of them stalled where they are generated, and clips to choose the rule on.

    Raises:
        UserError: the cache can't be read or written, or a set lacks a class.
    """
    sets = _recorded(settings, settings.data) if settings.data else _generated(settings, spec, bars)
    check_both_classes(sets.training.stalled, "training")
    if sets.validation is not None:
        check_both_classes(sets.validation.stalled, "validation")
    limits, chosen_on = Limits(error=settings.error, missed=settings.missed), sets.validation or sets.training
    basis = Basis.of(chosen_on.stalled, prevalence=settings.prevalence, limits=limits)
    for lack in basis.shortfalls():
        bars.say(words.never(lack, basis))
    return sets


def _recorded(settings: FitSettings, folder: Path) -> FitSets:
    cache = open_cache(folder, selection=selection_of(settings))
    clips, generated = cache.clips, cache.contents.generated
    which = cache.manifest.model_dump_json() + selection_of(settings).model_dump_json()
    digest = hashlib.sha256(which.encode()).hexdigest()[:16]
    told = f"{words_of(clips, folder, settings)}, {_stalled(clips)}"
    if settings.folds:
        in_folds = f"{told}, in {settings.folds} folds"
        return FitSets(clips, None, in_folds, digest, clips.projects, generated=generated, chosen_on=_OUT_OF_FOLD)
    training, validation = hold_out(clips, share=settings.validation_share, seed=settings.seed)
    projects = validation.projects
    way_out = (
        f"kept apart is project {' and '.join(projects)}: give more projects, another --validation-share, or --folds"
    )
    check_both_classes(validation.stalled, "validation", otherwise=way_out)
    apart = f"kept apart (project {', '.join(projects)})"
    told += f"; {len(validation)} of them {apart}"
    if set(training.projects) & set(projects):
        told += ": of the only project, so clips of one animal are on both sides"
    chosen_on = f"{len(validation)} clips {apart}, {_stalled(validation)}"
    return FitSets(training, validation, told, digest, training.projects, generated=generated, chosen_on=chosen_on)


def _stalled(clips: Clips) -> str:
    return f"{words.percent(float(clips.stalled.mean()))} stalled"


def _generated(settings: FitSettings, spec: ClipSpec, bars: Bars) -> FitSets:
    lot, scale = partial(Lot, presets=tuple(settings.preset), seed=settings.seed), scale_of(settings.recipe)
    trained_on = lot(clips=settings.clips or scale.clips, stalled_share=0.5, purpose="training")
    training, digest = generated(settings, trained_on, spec, bars), trained_on.digest(spec)
    if settings.folds:
        in_folds = f"{trained_on.describe()}, in {settings.folds} folds"
        return FitSets(training, None, in_folds, digest, generated=True, chosen_on=_OUT_OF_FOLD)
    chosen_on = lot(
        clips=settings.validation_clips or scale.validation_clips,
        stalled_share=max(settings.prevalence, _SHARE_TO_CHOOSE_ON),
        purpose="validation",
    )
    validation = generated(settings, chosen_on, spec, bars)
    return FitSets(training, validation, trained_on.describe(), digest, generated=True, chosen_on=chosen_on.describe())


@dataclass(frozen=True, slots=True)
class NamedSet:
    """Clips to measure a network on."""

    name: str
    description: str
    """In words."""
    clips: Clips
    seen: Seen
    """What of them the checkpoint knows; of generated ones, nothing."""


def evaluation_sets(settings: EvaluateSettings, card: "CheckpointCard", bars: Bars) -> Iterator[NamedSet]:
    """Sets to measure a checkpoint on: the cache, or one for each preset."""
    if settings.data:
        yield _kept(settings.data, settings, card, rule_projects=card.training.rule_projects)
        return
    for preset in settings.preset:
        yield _to_measure(settings, (preset,), "test", card.spec, bars)


def calibration_set(settings: CalibrateSettings, card: "CheckpointCard", bars: Bars) -> NamedSet:
    """Clips to choose a checkpoint's rule on: the cache, or generated ones, with all presets in turn."""
    if settings.data:
        return _kept(settings.data, settings, card, rule_projects=())  # it is replaced
    return _to_measure(settings, tuple(settings.preset), "validation", card.spec, bars)


def selection_of(settings: SelectionSettings) -> Selection:
    """Which clips are wanted, as one value."""
    return Selection(
        subset=settings.subset,
        projects=tuple(settings.projects),
        without=tuple(settings.without),
        stalled_crowd_min=settings.stalled_crowd_min,
        flowing_crowd_max=settings.flowing_crowd_max,
        flowing_per_stalled=settings.flowing_per_stalled,
        maximum=settings.maximum,
    )


def words_of(clips: Clips, folder: Path, settings: SelectionSettings) -> str:
    """Which clips of a cache these are."""
    chosen = selection_of(settings).words
    return f"{len(clips)} clips of {folder.name}" + (f" ({chosen})" if chosen else "")


def _kept(
    folder: Path, settings: SelectionSettings, card: "CheckpointCard", *, rule_projects: Sequence[str]
) -> NamedSet:
    clips = open_cache(folder, card.spec, selection_of(settings)).clips
    seen, told = Seen.of(clips, card.training.projects, rule_projects), words_of(clips, folder, settings)
    told += known_projects(clips, seen.by_network, "it was trained on")
    told += known_projects(clips, seen.by_rule, "its rule rests on")
    return NamedSet(folder.name, told, clips, seen)


def known_projects(clips: Clips, known: Sequence[str], how: str) -> str:
    """Says so where clips are of projects that a network knows, for there it looks better than it is."""
    of_these = clips.take(np.flatnonzero(np.isin(clips.facts.project_ids, known)))
    whose = ", ".join(of_these.projects)
    return f", {len(of_these)} of them of projects that {how} ({whose})" if whose else ""


def _to_measure(
    settings: EvaluateSettings | CalibrateSettings,
    presets: tuple[str, ...],
    purpose: Purpose,
    spec: ClipSpec,
    bars: Bars,
) -> NamedSet:
    lot = Lot(
        clips=settings.clips,
        presets=presets,
        stalled_share=settings.stalled_share,
        purpose=purpose,
        seed=settings.seed,
    )
    return NamedSet(" and ".join(presets), lot.describe(), generated(settings, lot, spec, bars), Seen())


def generated(settings: ClipsSettings, lot: Lot, spec: ClipSpec, bars: Bars) -> Clips:
    """Clips of a lot, made or found in the cache."""
    return generate(
        lot,
        spec,
        cache=settings.cache.expanduser(),
        processes=settings.processes,
        progress=bars.clips(f"generate for {lot.purpose}"),
    )


def prepared(settings: PrepareSettings, bars: Bars) -> Manifest:
    """Makes or completes the cache that the settings ask for."""
    catalogue = read_tables(
        _table(settings.metadata, settings, METADATA, "--metadata"),
        _table(settings.labels, settings, LABELS, "--labels"),
    )
    return prepare(
        catalogue,
        selection_of(settings).model_copy(update={"seed": settings.seed}),
        videos(settings),
        spec=settings.spec,
        out=settings.out,
        processes=settings.processes,
        fetches=settings.fetches,
        progress=bars.clips("read"),
    )


def videos(settings: VideosSettings) -> Videos:
    """Where the videos lie.

    Raises:
        UserError: there is no such place, or nothing can be read from it.
    """
    access = S3Access(
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        unsigned=settings.s3_unsigned,
        virtual_hosted=settings.s3_virtual_hosted,
    )
    options = SourceOptions(s3=access, patience=Patience.of(settings.fetch_timeout_s), connections=settings.fetches)
    return Videos.at(settings.source, options)


def asked_for(settings: PredictSettings) -> list[str]:
    """The clips to predict, in their order: those of the submission format, else all videos of the folder.

    Raises:
        UserError: the file can't be read, or there is none and the source is no folder with videos.
    """
    folder = Path(settings.source)
    if path := settings.submission_format or next(folder.glob("submission_format.csv"), None):
        return read_order(path)
    if not (names := sorted(path.name for path in folder.glob("*.mp4"))):
        raise UserError(f"--submission-format is missing: --source {settings.source} is no folder of .mp4 files")
    return names


def _table(given: Path | None, settings: PrepareSettings, name: str, flag: str) -> Path:
    if given is None and "://" in settings.source:
        raise UserError(f"{flag} is missing: --source {settings.source} is no folder that could hold {name}")
    return given or Path(settings.source) / name
