"""Which clips a command trains, validates and tests on, as its settings say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stream.clip.spec import ClipSpec
from training.data.clips import Clips
from training.data.folder import read_folder
from training.data.generated import Purpose, Recipe, generate
from training.data.splits import check_both_classes, hold_out
from training.progress import Bars
from training.settings import CalibrateSettings, ClipsSettings, EvaluateSettings, FitSettings, PredictSettings

_SHOWN = 10
"""Unread clips that are named."""


@dataclass(frozen=True, slots=True)
class FitSets:
    """What `fit` needs."""

    training: Clips
    validation: Clips
    description: str
    """In words, for the checkpoint's card."""


def fit_sets(settings: FitSettings, spec: ClipSpec, bars: Bars) -> FitSets:
    """Clips to train on, half of them stalled where they are generated, and clips to choose the rule on."""
    if settings.data:
        training, validation = hold_out(
            _read(settings, settings.data, spec, bars), share=settings.validation_share, seed=settings.seed
        )
        check_both_classes(training.stalled, "training")
        check_both_classes(validation.stalled, "validation")
        words = f"{len(training)} clips of the folder {settings.data.name}, {training.stalled.mean():.1%} stalled"
        return FitSets(training, validation, words)
    recipe = partial(Recipe, presets=tuple(settings.preset), seed=settings.seed)
    recipes = (
        recipe(clips=settings.clips, stalled_share=0.5, purpose="training"),
        recipe(clips=settings.validation_clips, stalled_share=settings.prevalence, purpose="validation"),
    )
    training, validation = (_generate(settings, each, spec, bars) for each in recipes)
    return FitSets(training, validation, f"{recipes[0].describe()}; validated on {recipes[1].describe()}")


@dataclass(frozen=True, slots=True)
class NamedSet:
    """Clips to measure a network on."""

    name: str
    description: str
    """In words."""
    clips: Clips


@dataclass(frozen=True, slots=True)
class PredictionSet:
    """Clips to predict; their labels don't count."""

    clips: Clips
    unread: Mapping[str, str]
    """Why each clip that could not be read couldn't, by clip_id."""


def evaluation_sets(settings: EvaluateSettings, spec: ClipSpec, bars: Bars) -> Iterator[NamedSet]:
    """Sets to measure a network on: the folder, or one for each preset."""
    if settings.data:
        yield _folder(settings, settings.data, spec, bars)
        return
    for preset in settings.preset:
        yield _generated(settings, (preset,), "test", spec, bars)


def calibration_set(settings: CalibrateSettings, spec: ClipSpec, bars: Bars) -> NamedSet:
    """Clips to choose a rule on: the folder, or generated ones, with all presets in turn."""
    if settings.data:
        return _folder(settings, settings.data, spec, bars)
    return _generated(settings, tuple(settings.preset), "validation", spec, bars)


def prediction_set(settings: PredictSettings, spec: ClipSpec, bars: Bars) -> PredictionSet:
    """Clips to predict, and those that should be and can't."""
    found = read_folder(
        settings.data, spec, processes=settings.processes, progress=bars.clips(f"read {settings.data.name}")
    )
    return PredictionSet(found.clips, {each.clip_id: str(each.fault) for each in found.unread})


def _folder(settings: ClipsSettings, folder: Path, spec: ClipSpec, bars: Bars) -> NamedSet:
    return NamedSet(folder.name, f"clips of the folder {folder.name}", _read(settings, folder, spec, bars))


def _generated(
    settings: EvaluateSettings | CalibrateSettings,
    presets: tuple[str, ...],
    purpose: Purpose,
    spec: ClipSpec,
    bars: Bars,
) -> NamedSet:
    recipe = Recipe(
        clips=settings.clips,
        presets=presets,
        stalled_share=settings.stalled_share,
        purpose=purpose,
        seed=settings.seed,
    )
    return NamedSet(" and ".join(presets), recipe.describe(), _generate(settings, recipe, spec, bars))


def _generate(settings: ClipsSettings, recipe: Recipe, spec: ClipSpec, bars: Bars) -> Clips:
    return generate(
        recipe,
        spec,
        cache=settings.cache.expanduser(),
        processes=settings.processes,
        progress=bars.clips(f"generate for {recipe.purpose}"),
    )


def _read(settings: ClipsSettings, folder: Path, spec: ClipSpec, bars: Bars) -> Clips:
    found = read_folder(folder, spec, processes=settings.processes, progress=bars.clips(f"read {folder.name}"))
    if found.unlabelled:
        bars.say(f"{found.unlabelled} clips of {folder} have no label and were left out")
    if found.unread:
        bars.say(f"{len(found.unread)} labelled clips of {folder} could not be read and were left out:")
        for unread in found.unread[:_SHOWN]:
            bars.say(f"  {unread.clip_id}: {unread.fault}")
        if len(found.unread) > _SHOWN:
            bars.say("  ...")
    return found.clips
