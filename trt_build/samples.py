"""Samples: labelled clips that a build in lower precision is calibrated on, and others that it is judged on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.clip.spec import ClipSpec
from stream.errors import UserError
from training.data.cache import open_cache
from training.data.clips import Clips, Rows
from training.data.generated import Lot, Purpose, check_presets, generate
from trt_build.settings import LEAST_CALIBRATED, LEAST_JUDGED, BuildSettings

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Samples:
    """No clip is in both parts."""

    calibration: NDArray[np.uint8]
    """`[N, C, T, S, S]`."""
    validation: Clips
    description: str
    """Of both, in words."""


def check_source(settings: BuildSettings, spec: ClipSpec) -> None:
    """Refuses what `draw_samples` would, before anything is loaded for it.

    Raises:
        UserError: the cache can't be read or holds too few clips of either class; or there is no such preset.
    """
    if settings.data:
        _of_cache(settings, spec)
    else:
        check_presets(settings.preset)


def draw_samples(settings: BuildSettings, spec: ClipSpec, progress: Progress) -> Samples:
    """Clips of the cache, both classes as even as it has them; or generated ones.

    Raises:
        UserError: the cache can't be read or holds too few clips of either class; or generated ones can't be kept.
    """
    calibration, validation = _of_cache(settings, spec) if settings.data else _generated(settings, spec, progress)
    source = f"of {settings.data.name}" if settings.data else f"generated as {' and '.join(settings.preset)}"
    words = f"{len(calibration)} clips {source}, judged on {len(validation)} others"
    return Samples(calibration.read(np.arange(len(calibration))), validation, words)


def _of_cache(settings: BuildSettings, spec: ClipSpec) -> tuple[Clips, Clips]:
    assert settings.data
    clips, wanted = open_cache(settings.data, spec).clips, settings.calibration_clips
    stalled = int(clips.stalled.sum())
    holds = f"--data {settings.data} holds {len(clips)} clips, {stalled} of them stalled"
    if min(stalled, len(clips) - stalled) < 2:
        raise UserError(f"{holds}: int8 is calibrated on some of each class and judged on others; prepare more")
    if len(clips) < (needed := wanted + max(wanted, LEAST_JUDGED)):
        raise UserError(
            f"{holds}: too few for --calibration-clips {wanted} and {needed - wanted} to judge on; prepare more"
            + (", or calibrate on fewer" if len(clips) >= LEAST_CALIBRATED + LEAST_JUDGED else "")
        )
    return split(clips, calibration=wanted, validation=settings.validation_clips)


def split(clips: Clips, *, calibration: int, validation: int) -> tuple[Clips, Clips]:
    """Clips to calibrate on and others to judge on, of each class in turn as long as there are any.

    To calibrate on, at most half of each class is taken: stalled clips are rare, and both parts need some.

    Args:
        clips: two of each class at least.
        calibration: clips, at most; half of all can be had.
        validation: clips, at most, of those that are left.
    """
    rng = np.random.default_rng(0)
    classes = [rng.permutation(np.flatnonzero(each)) for each in (clips.stalled, ~clips.stalled)]
    first = _in_turn([rows[: len(rows) // 2] for rows in classes])[:calibration]
    second = _in_turn([rows[~np.isin(rows, first)] for rows in classes])[:validation]
    return clips.take(first), clips.take(second)


def _in_turn(classes: list[Rows]) -> Rows:
    """One row of each class in turn, then what is left of the larger one."""
    turns = np.concatenate([np.arange(len(rows)) for rows in classes])
    return np.concatenate(classes)[np.argsort(turns, kind="stable")]


def _generated(settings: BuildSettings, spec: ClipSpec, progress: Progress) -> tuple[Clips, Clips]:
    def made(clips: int, purpose: Purpose) -> Clips:
        lot = Lot(clips, tuple(settings.preset), 0.5, purpose, seed=0)
        return generate(lot, spec, cache=settings.cache.expanduser(), processes=settings.processes, progress=progress)

    return made(settings.calibration_clips, "training"), made(settings.validation_clips, "choice")
