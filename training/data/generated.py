"""Clips made by the generator for a set of a given purpose, kept as a crop cache. Needs no torch."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from stream.clip import prepare
from stream.clip.spec import ClipSpec
from stream.errors import UserError
from training.data.cache import Origin, open_cache, read_manifest
from training.data.cache_writer import CacheWriter
from training.data.clips import Clips
from training.data.journal import ReadClip
from training.pools import pool
from training.synthetic import GENERATOR_VERSION, PRESETS, Scene, crop, sample_scene

Purpose = Literal["training", "validation", "test", "choice"]
"""What a set is for; `choice` compares networks and recipes, so that nothing is chosen on test clips."""
_PURPOSES: tuple[Purpose, ...] = ("training", "validation", "test", "choice")


@dataclass(frozen=True, slots=True)
class Lot:
    """Which clips are generated: the same lot gives the same pixels."""

    clips: int
    presets: tuple[str, ...]
    """Taken in turn."""
    stalled_share: float
    purpose: Purpose
    """Sets of different purpose share no clip, whatever their seeds."""
    seed: int

    def describe(self) -> str:
        """The lot in words, for a card."""
        return (
            f"{self.clips} generated clips (generator {GENERATOR_VERSION}, presets {' and '.join(self.presets)}, "
            f"{self.purpose} seed {self.seed}), {100 * self.stalled_share:.3g} % stalled"
        )

    def labels(self) -> NDArray[np.bool_]:
        """`[clips]`, whether each clip is stalled; the share is met to the nearest clip."""
        stalled = np.arange(self.clips) < round(self.stalled_share * self.clips)
        return np.random.default_rng(self.seed).permutation(stalled)

    def clip_id(self, index: int) -> str:
        """The name of a clip, which no other set has."""
        return f"{self.purpose}-{self.seed}-{index}"

    def digest(self, spec: ClipSpec) -> str:
        """Names the pixels in a cache."""
        presets = [asdict(PRESETS[name]) for name in self.presets]
        facts = [GENERATOR_VERSION, presets, spec.model_dump(), asdict(self)]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def generate(lot: Lot, spec: ClipSpec, *, cache: Path, processes: int, progress: Callable[[int, int], None]) -> Clips:
    """Clips of a lot, from the cache where they have been generated before; where that was ended, it goes on.

    Raises:
        UserError: there is no such preset, or the cache can't be written.
    """
    check_presets(lot.presets)
    folder = kept_at(lot, spec, cache)
    manifest = read_manifest(folder)
    if manifest is None or manifest.contents is None:
        origin = Origin(source=lot.describe(), digests={"lot": lot.digest(spec)})
        with CacheWriter(folder, spec, origin, flag="--cache") as writer:
            _fill(writer, lot, spec, processes, progress)
            writer.finish(writer.find(_wanted(lot)), digests={}, generated=True)
    return open_cache(folder, spec).clips


def check_presets(names: Iterable[str]) -> None:
    """Raises UserError where there is no preset of a name."""
    if unknown := [name for name in names if name not in PRESETS]:
        raise UserError(f"--preset {unknown[0]}: no such preset; there are {', '.join(PRESETS)}")


def kept_at(lot: Lot, spec: ClipSpec, cache: Path) -> Path:
    """The folder that a lot's clips are kept in."""
    return cache / f"{lot.purpose}-{lot.digest(spec)}"


def _wanted(lot: Lot) -> pl.DataFrame:
    labels = lot.labels()
    return pl.DataFrame(
        {
            "clip_id": [lot.clip_id(index) for index in range(lot.clips)],
            "stalled": labels,
            "crowd_score": pl.Series([None] * lot.clips, dtype=pl.Float64),
            "tier1": [True] * lot.clips,
            "micro": [False] * lot.clips,
            "nano": [False] * lot.clips,
        }
    )


def _fill(writer: CacheWriter, lot: Lot, spec: ClipSpec, processes: int, progress: Callable[[int, int], None]) -> None:
    labels = lot.labels()
    left = [index for index in range(lot.clips) if lot.clip_id(index) not in writer.kept]
    with pool(processes, ready=prepare) as executor:
        made = executor.map(partial(_generate_clip, lot, spec), left, labels[left].tolist(), chunksize=8)
        for done, (clip, pixels) in enumerate(made, start=lot.clips - len(left) + 1):
            writer.add(clip, pixels)
            progress(done, lot.clips)


def _generate_clip(lot: Lot, spec: ClipSpec, index: int, stalled: bool) -> tuple[ReadClip, NDArray[np.uint8]]:  # noqa: FBT001 - called by map
    scene = draw_scene(lot, index, stalled)
    facts = ReadClip(
        clip_id=lot.clip_id(index),
        project_id=scene.project,
        num_frames=scene.num_frames,
        box=scene.outline.box,
    )
    return facts, crop(scene, spec)


def draw_scene(lot: Lot, index: int, stalled: bool) -> Scene:  # noqa: FBT001 - as above
    """One clip of a lot, undrawn; `stalled` is its label."""
    # A synthesized folder's seeds are (seed, index), with an implied 0 behind: no set shares a clip with one.
    rng = np.random.default_rng([lot.seed, index, 1 + _PURPOSES.index(lot.purpose)])
    return sample_scene(rng, preset=PRESETS[lot.presets[index % len(lot.presets)]], stalled=stalled)
