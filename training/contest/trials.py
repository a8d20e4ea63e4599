"""Trials: trainings of equal length, one for each thing to compare; kept as they end, so a killed series goes on.

Equal in cost: on a CPU each takes the same seconds of it on one thread, so that neither a second load on the machine
nor its number of cores decides a comparison. Or equal in what is seen: as many passes over the clips, whatever they
cost. Thresholds are chosen on validation clips, measures are of test clips.
"""

import hashlib
import io
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from stream.clip.spec import ClipSpec
from training.data.cache import MANIFEST, open_cache
from training.data.clips import Clips
from training.data.splits import folds
from training.learning.loop import Budget, Diverged, Hooks, Precision, begin, train
from training.networks import NetworkConfig, Views, build, join
from training.outfile import write_whole
from training.own_code import digest_of, places_of
from training.pools import pool
from training.recipe import Recipe
from training.scoring import score

Device = Literal["cpu", "cuda"]

_SOURCES = (
    *("training/contest/trials.py", "training/recipe.py", "training/scoring.py", "training/networks"),
    *("training/learning/augment.py", "training/learning/batches.py", "training/learning/loop.py"),
)
"""What decides what a training comes to: with another it is another trial."""


class Length(BaseModel):
    """How long each trial of a series trains."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    minutes: float
    """Of one thread of the CPU, or of the clock where a GPU computes."""
    passes: float | None = None
    """Instead: clips seen, in multiples of those that it trains on."""

    def budget(self, *, clips: int, batch: int, device: Device) -> Budget:
        """The budget of a training on so many clips."""
        if self.passes is not None:
            return Budget.of_passes(self.passes, clips=clips, batch=batch)
        return Budget(seconds=60 * self.minutes, clock=time.process_time if device == "cpu" else time.monotonic)


class Part(BaseModel):
    """Clips of a cache: all of them, or those of some of its folds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cache: Path
    folds: tuple[int, ...] = (0,)
    count: int = 1
    """Folds that the cache is dealt into, by project."""

    def open(self, spec: ClipSpec) -> Clips:
        """The clips, whose pixels are read when they are asked for."""
        clips = open_cache(self.cache, spec).clips
        if self.count == 1:
            return clips
        return clips.take(np.flatnonzero(np.isin(folds(clips, count=self.count, seed=0), self.folds)))


class Trial(BaseModel):
    """One training of a series."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: NetworkConfig
    recipe: Recipe
    spec: ClipSpec
    seed: int
    length: Length
    precision: Precision
    device: Device
    views: tuple[Views, ...] = (1,)
    """Each of them is scored, by the one network."""
    training: Part
    scored: tuple[Part, ...]
    """What is scored afterwards."""

    @property
    def digest(self) -> str:
        """Names its result: the same trial on the same clips is not run again."""
        told = [self.model_dump_json(), version("stall-stream"), torch.__version__, _code()]
        for part in (self.training, *self.scored):
            told += [(part.cache / MANIFEST).read_text(), _clips(part, self.spec)]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial."""

    trial: Trial
    steps: int
    logits: Mapping[Views, tuple[NDArray[np.float32], ...]]
    """By each number of views `[N]` of each part that was scored; all equal where the training diverged."""


@cache
def _clips(part: Part, spec: ClipSpec) -> str:
    """Digest of which clips these are, however they are dealt into folds."""
    return hashlib.sha256("\n".join(part.open(spec).facts.clip_ids.tolist()).encode()).hexdigest()


@cache
def _code() -> str:
    return digest_of(*places_of(_SOURCES))


def run(trials: Sequence[Trial], *, out: Path, jobs: int, on_end: Callable[[int, int], None]) -> list[Outcome]:
    """Runs the trials that have no result in `out` yet, `jobs` at a time, and gives all outcomes in their order.

    Raises:
        UserError: a cache can't be read, or a result can't be written.
    """
    waiting = {trial.digest: trial for trial in trials if not _path(out, trial).exists()}
    done = len({trial.digest for trial in trials}) - len(waiting)
    on_end(done, done + len(waiting))
    with pool(jobs, ready=partial(torch.set_num_threads, 1)) as executor:
        futures = [executor.submit(_run, trial, out) for trial in waiting.values()]
        for ended, future in enumerate(as_completed(futures), start=done + 1):
            future.result()
            on_end(ended, done + len(waiting))
    return [_load(trial, out) for trial in trials]


def _run(trial: Trial, out: Path) -> None:
    torch.manual_seed(trial.seed)
    state = begin(build(trial.network), trial.recipe)
    training = trial.training.open(trial.spec)
    scored = [part.open(trial.spec) for part in trial.scored]
    try:
        network = train(
            state,
            training,
            trial.spec,
            trial.recipe,
            trial.length.budget(clips=len(training), batch=trial.recipe.batch, device=trial.device),
            seed=trial.seed,
            fabric=Fabric(accelerator=trial.device, devices=1, precision=trial.precision),
            hooks=Hooks(on_step=lambda _: None),
        )
        seen = [join([network], views=views) if views > 1 else network for views in trial.views]
        logits = [score(each, clips, progress=lambda _done, _total: None) for each in seen for clips in scored]
    except Diverged:
        logits = [np.zeros(len(clips), np.float32) for _ in trial.views for clips in scored]
    buffer = io.BytesIO()
    np.savez(buffer, *logits, steps=np.array(state.step))
    write_whole(_path(out, trial), buffer.getvalue())


def _load(trial: Trial, out: Path) -> Outcome:
    with np.load(_path(out, trial)) as saved:
        parts = len(trial.scored)
        logits = {
            views: tuple(saved[f"arr_{place * parts + number}"] for number in range(parts))
            for place, views in enumerate(trial.views)
        }
        return Outcome(trial, int(saved["steps"]), logits)


def _path(out: Path, trial: Trial) -> Path:
    return out / f"{trial.digest}.npz"
