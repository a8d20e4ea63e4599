"""Labelled clips that two artifacts are compared on: the same ones, each as its artifact takes them."""

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel

from stream.engine.artifact import Artifact
from stream.errors import UserError
from training.data.cache import open_cache
from training.data.clips import Clips
from training.data.generated import Lot
from training.data.splits import check_both_classes
from training.fields import differing
from training.progress import Bars
from training.sources import generated, known_projects, selection_of, words_of
from trt_build.tool_settings import DiffSettings


@dataclass(frozen=True, slots=True)
class SharedClips:
    """The same N clips twice, in the same order."""

    a: Clips
    b: Clips
    description: str
    """In words."""


class _Training(BaseModel):
    """What counts here of what a manifest tells of the training."""

    projects: tuple[str, ...] = ()
    rule_projects: tuple[str, ...] = ()


def shared_clips(settings: DiffSettings, a: Artifact, b: Artifact, bars: Bars) -> SharedClips:
    """Clips of the cache where one is given; else generated ones, which can be cut for any spec.

    Raises:
        UserError: the cache can't be read, holds clips cut for another spec, or clips of one class only.
    """
    found = _generated(settings, a, b, bars) if settings.data is None else _kept(settings, a, b)
    check_both_classes(found.a.stalled, "compared")
    return found


def _kept(settings: DiffSettings, a: Artifact, b: Artifact) -> SharedClips:
    assert settings.data is not None
    if a.manifest.spec != b.manifest.spec:
        parts = ", ".join(
            f"{name} {one} and {other}" for name, one, other in differing(a.manifest.spec, b.manifest.spec)
        )
        raise UserError(
            f"--data {settings.data}: clips of a cache are cut in one way, and the two artifacts take them in two "
            f"({parts}); leave --data out to compare them on generated clips"
        )
    clips = open_cache(settings.data, a.manifest.spec, selection_of(settings)).clips
    words = words_of(clips, settings.data, settings)
    return SharedClips(clips, clips, words + _seen(clips, "A", a) + _seen(clips, "B", b))


def _seen(clips: Clips, name: str, artifact: Artifact) -> str:
    told = _Training.model_validate(artifact.manifest.training.get("training", {}))
    return known_projects(clips, [*told.projects, *told.rule_projects], f"{name} learnt from or its rule rests on")


def _generated(settings: DiffSettings, a: Artifact, b: Artifact, bars: Bars) -> SharedClips:
    lot = Lot(
        clips=settings.clips,
        presets=tuple(settings.preset),
        stalled_share=settings.stalled_share,
        purpose="test",
        seed=settings.seed,
    )
    made = {each.digest: _sorted(generated(settings, lot, each, bars)) for each in {a.manifest.spec, b.manifest.spec}}
    return SharedClips(made[a.manifest.spec.digest], made[b.manifest.spec.digest], lot.describe())


def _sorted(clips: Clips) -> Clips:
    return clips.take(np.argsort(clips.facts.clip_ids))
