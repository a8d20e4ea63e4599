"""Which clips a command trains, validates and tests on, as its settings say."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stream.clip.spec import ClipSpec
from stream.errors import UserError
from stream.fetch import Patience, S3Access, SourceOptions
from training.data.cache import Manifest, open_cache
from training.data.clips import Clips
from training.data.generated import Recipe, generate
from training.data.metadata import read_tables
from training.data.prepare import Videos, prepare
from training.data.selection import Selection
from training.data.splits import check_both_classes, hold_out
from training.progress import Bars
from training.settings import ClipsSettings, EvaluateSettings, FitSettings, PrepareSettings
from training.synthetic.folder import LABELS, METADATA


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
            open_cache(settings.data, spec).clips, share=settings.validation_share, seed=settings.seed
        )
        check_both_classes(training.stalled, "training")
        check_both_classes(validation.stalled, "validation")
        words = f"{len(training)} clips of {settings.data.name}, {training.stalled.mean():.1%} stalled"
        return FitSets(training, validation, words)
    recipe = partial(Recipe, presets=tuple(settings.preset), seed=settings.seed)
    recipes = (
        recipe(clips=settings.clips, stalled_share=0.5, purpose="training"),
        recipe(clips=settings.validation_clips, stalled_share=settings.prevalence, purpose="validation"),
    )
    training, validation = (_generate(settings, each, spec, bars) for each in recipes)
    return FitSets(training, validation, f"{recipes[0].describe()}; validated on {recipes[1].describe()}")


def evaluation_sets(settings: EvaluateSettings, spec: ClipSpec, bars: Bars) -> Iterator[tuple[str, Clips]]:
    """Sets to measure a network on, by name: the cache, or one for each preset."""
    if settings.data:
        yield settings.data.name, open_cache(settings.data, spec).clips
        return
    for preset in settings.preset:
        recipe = Recipe(
            clips=settings.clips,
            presets=(preset,),
            stalled_share=settings.stalled_share,
            purpose="test",
            seed=settings.seed,
        )
        yield preset, _generate(settings, recipe, spec, bars)


def _generate(settings: ClipsSettings, recipe: Recipe, spec: ClipSpec, bars: Bars) -> Clips:
    return generate(
        recipe,
        spec,
        cache=settings.cache.expanduser(),
        processes=settings.processes,
        progress=bars.clips(f"generate for {recipe.purpose}"),
    )


def prepared(settings: PrepareSettings, bars: Bars) -> Manifest:
    """Makes or completes the cache that the settings ask for."""
    catalogue = read_tables(
        _table(settings.metadata, settings, METADATA, "--metadata"),
        _table(settings.labels, settings, LABELS, "--labels"),
    )
    access = S3Access(
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        unsigned=settings.s3_unsigned,
        virtual_hosted=settings.s3_virtual_hosted,
    )
    options = SourceOptions(s3=access, patience=Patience.of(settings.fetch_timeout_s), connections=settings.fetches)
    return prepare(
        catalogue,
        Selection(
            subset=settings.subset,
            projects=tuple(settings.projects),
            stalled_crowd_min=settings.stalled_crowd_min,
            flowing_crowd_max=settings.flowing_crowd_max,
            flowing_per_stalled=settings.flowing_per_stalled,
            maximum=settings.maximum,
            seed=settings.seed,
        ),
        Videos.at(settings.source, options),
        spec=settings.spec,
        out=settings.out,
        processes=settings.processes,
        fetches=settings.fetches,
        progress=bars.clips("read"),
    )


def _table(given: Path | None, settings: PrepareSettings, name: str, flag: str) -> Path:
    if given is None and "://" in settings.source:
        raise UserError(f"{flag} is missing: --source {settings.source} is no folder that could hold {name}")
    return given or Path(settings.source) / name
