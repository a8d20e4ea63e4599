"""Clips made by the generator for a set of a given purpose, cached as one array. Needs no torch."""

import hashlib
import json
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stream.clip import prepare
from stream.clip.spec import ClipSpec
from stream.errors import UserError
from stream.lifeline import serve_parent
from training.data.clips import Clips, Facts
from training.synthetic import GENERATOR_VERSION, PRESETS, Scene, crop, sample_scene

Purpose = Literal["training", "validation", "test"]
_PURPOSES: tuple[Purpose, ...] = ("training", "validation", "test")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Which clips are generated: the same recipe gives the same pixels."""

    clips: int
    presets: tuple[str, ...]
    """Taken in turn."""
    stalled_share: float
    purpose: Purpose
    """Sets of different purpose share no clip, whatever their seeds."""
    seed: int

    def describe(self) -> str:
        """The recipe in words, for a card."""
        return (
            f"{self.clips} generated clips (generator {GENERATOR_VERSION}, presets {' and '.join(self.presets)}, "
            f"{self.purpose} seed {self.seed}), {self.stalled_share:.0%} stalled"
        )

    def labels(self) -> NDArray[np.bool_]:
        """`[clips]`, whether each clip is stalled; the share is met to the nearest clip."""
        stalled = np.arange(self.clips) < round(self.stalled_share * self.clips)
        return np.random.default_rng(self.seed).permutation(stalled)

    def digest(self, spec: ClipSpec) -> str:
        """Names the pixels in a cache."""
        presets = [asdict(PRESETS[name]) for name in self.presets]
        facts = [GENERATOR_VERSION, presets, spec.model_dump(), asdict(self)]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def generate(
    recipe: Recipe, spec: ClipSpec, *, cache: Path, processes: int, progress: Callable[[int, int], None]
) -> Clips:
    """Clips of a recipe, from the cache where they have been generated before.

    Raises:
        UserError: there is no such preset, or the cache can't be written.
    """
    if unknown := [name for name in recipe.presets if name not in PRESETS]:
        raise UserError(f"--preset {unknown[0]}: no such preset; there are {', '.join(PRESETS)}")
    path = cache / f"{recipe.purpose}-{recipe.digest(spec)}.npy"
    labels = recipe.labels()
    try:
        if not path.exists():
            _generate_file(path, recipe, labels, spec, processes, progress)
    except OSError as error:
        raise UserError(f"--cache {cache}: {error.strerror or error}; give a folder that can be written") from None
    return Clips.of(np.load(path, mmap_mode="r"), _facts(recipe, labels))


def _facts(recipe: Recipe, labels: NDArray[np.bool_]) -> Facts:
    scenes = [draw_scene(recipe, index, stalled) for index, stalled in enumerate(labels.tolist())]
    return Facts(
        clip_ids=np.array([f"{recipe.purpose}-{recipe.seed}-{index}" for index in range(recipe.clips)]),
        project_ids=np.array([scene.project for scene in scenes]),
        stalled=labels,
        num_frames=np.array([scene.num_frames for scene in scenes], np.int32),
        boxes=np.array([scene.outline.box for scene in scenes], np.int32),
        size_bytes=np.zeros(recipe.clips, np.int64),
        crowd_scores=np.full(recipe.clips, np.nan, np.float32),
    )


def _generate_file(
    path: Path,
    recipe: Recipe,
    labels: NDArray[np.bool_],
    spec: ClipSpec,
    processes: int,
    progress: Callable[[int, int], None],
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".partial")
    try:
        pixels = np.lib.format.open_memmap(unfinished, "w+", np.uint8, (recipe.clips, *spec.shape))
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, context, initializer=_start_process) as pool:
            try:
                render = partial(_generate_clip, recipe, spec)
                for done, clip in enumerate(pool.map(render, range(recipe.clips), labels.tolist(), chunksize=8)):
                    pixels[done] = clip
                    progress(done + 1, recipe.clips)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        pixels.flush()
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _start_process() -> None:
    serve_parent()
    prepare()


def _generate_clip(recipe: Recipe, spec: ClipSpec, index: int, stalled: bool) -> NDArray[np.uint8]:  # noqa: FBT001 - called by map
    return crop(draw_scene(recipe, index, stalled), spec)


def draw_scene(recipe: Recipe, index: int, stalled: bool) -> Scene:  # noqa: FBT001 - as above
    """One clip of a recipe, undrawn; `stalled` is its label."""
    # A synthesized folder's seeds are (seed, index), with an implied 0 behind: no set shares a clip with one.
    rng = np.random.default_rng([recipe.seed, index, 1 + _PURPOSES.index(recipe.purpose)])
    return sample_scene(rng, preset=PRESETS[recipe.presets[index % len(recipe.presets)]], stalled=stalled)
