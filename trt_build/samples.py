"""Samples: labelled clips that a build in lower precision is calibrated on, and others that it is judged on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.clip.spec import ClipSpec
from stream.errors import UserError
from training.data.cache import open_cache
from training.data.clips import Clips
from training.data.generated import Lot, Purpose, generate
from training.data.splits import check_both_classes
from trt_build.settings import BuildSettings

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Samples:
    """No clip is in both parts."""

    calibration: NDArray[np.uint8]
    """`[N, C, T, S, S]`."""
    validation: Clips
    description: str
    """Of both, in words."""


def draw_samples(settings: BuildSettings, spec: ClipSpec, progress: Progress) -> Samples:
    """Clips of the cache, both classes as even as it has them; or generated ones.

    Raises:
        UserError: the cache can't be read or holds too few, or clips of one class only.
    """
    if settings.data:
        drawn = _of_cache(open_cache(settings.data, spec).clips, settings)
    else:
        drawn = _generated(settings, spec, progress)
    calibration, validation = drawn
    for name, clips in (("calibration", calibration), ("validation", validation)):
        check_both_classes(clips.stalled, name)
    source = f"of {settings.data.name}" if settings.data else f"generated as {' and '.join(settings.preset)}"
    words = f"{len(calibration)} clips {source}, judged on {len(validation)} others"
    return Samples(calibration.read(np.arange(len(calibration))), validation, words)


def _of_cache(clips: Clips, settings: BuildSettings) -> tuple[Clips, Clips]:
    wanted = settings.calibration_clips
    if len(clips) < 2 * wanted:
        raise UserError(
            f"--data {settings.data} holds {len(clips)} clips: too few for --calibration-clips {wanted} and as many to "
            f"judge on; prepare more; or give fewer, 32 at least"
        )
    rng = np.random.default_rng(0)
    classes = [rng.permutation(np.flatnonzero(each)) for each in (clips.stalled, ~clips.stalled)]
    turns = np.concatenate([np.arange(len(each)) for each in classes])
    order = np.concatenate(classes)[np.argsort(turns, kind="stable")]  # one of each class in turn, then what is left
    return clips.take(order[:wanted]), clips.take(order[wanted : wanted + settings.validation_clips])


def _generated(settings: BuildSettings, spec: ClipSpec, progress: Progress) -> tuple[Clips, Clips]:
    def made(clips: int, purpose: Purpose) -> Clips:
        lot = Lot(clips, tuple(settings.preset), 0.5, purpose, seed=0)
        return generate(lot, spec, cache=settings.cache.expanduser(), processes=settings.processes, progress=progress)

    return made(settings.calibration_clips, "training"), made(settings.validation_clips, "choice")
