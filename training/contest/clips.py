"""The clips of a contest, as its settings say: parts of a cache by project, or sets that are generated."""

from collections.abc import Sequence
from functools import cache

from stream.clip.spec import ClipSpec
from training.contest.contest import Split, Splits
from training.contest.trials import Part
from training.data.generated import Lot, Purpose, kept_at
from training.progress import Bars
from training.settings import ContestSettings
from training.sources import generated as make


def contest_splits(settings: ContestSettings, bars: Bars) -> Splits:
    """The clips of a contest: parts of the cache by project, or generated ones, made for each spec that asks."""
    count = settings.folds
    if settings.data:
        folder = settings.data.resolve()

        def part(*numbers: int) -> Part:
            return Part(cache=folder, folds=tuple(number % count for number in numbers), count=count)

        tested = range(count if settings.all_folds else 1)
        return lambda _spec: [
            Split(part(*range(test + 2, test + count)), part(test + 1), {folder.name: part(test)}) for test in tested
        ]

    def made(spec: ClipSpec) -> Sequence[Split]:
        def part(purpose: Purpose, presets: Sequence[str], clips: int, share: float) -> Part:
            lot = Lot(clips, tuple(presets), share, purpose, settings.seed)
            make(settings, lot, spec, bars)
            return Part(cache=kept_at(lot, spec, settings.cache.expanduser()))

        training = part("training", settings.preset, settings.clips, 0.5)
        validation = part("validation", settings.preset, settings.validation_clips, settings.prevalence)
        tests = {each: part("choice", [each], settings.test_clips, settings.prevalence) for each in settings.preset}
        return [Split(training, validation, tests)]

    return cache(made)
