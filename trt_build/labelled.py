"""Labelled clips that two artifacts are compared on: the same ones, each as its artifact takes them."""

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel

from stream.engine.artifact import Artifact
from stream.errors import UserError
from training.data.cache import open_cache, spec_flags
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
        UserError: a cache can't be read, holds clips cut for another spec, or clips of one class only; of two, their
            labels differ.
    """
    found = _generated(settings, a, b, bars) if settings.data is None else _kept(settings, a, b)
    check_both_classes(found.a.stalled, "compared")
    return found


def _kept(settings: DiffSettings, a: Artifact, b: Artifact) -> SharedClips:
    assert settings.data is not None
    spec_a, spec_b = a.manifest.spec, b.manifest.spec
    parts = ", ".join(f"{name} {one} and {other}" for name, one, other in differing(spec_a, spec_b))
    if parts and settings.data_b is None:
        raise UserError(
            f"--data {settings.data}: clips of a cache are cut in one way, and the two artifacts take them in two "
            f"({parts}); prepare the same clips with {spec_flags(spec_b, spec_a)} and give their folder by --data-b"
        )
    if settings.data_b and not parts:
        raise UserError("--data-b would change nothing: both artifacts take clips as --data holds them; leave it out")
    clips = clips_b = _sorted(open_cache(settings.data, spec_a, selection_of(settings)).clips)
    words = words_of(clips, settings.data, settings)
    if settings.data_b:
        clips, clips_b = matched(clips, open_cache(settings.data_b, spec_b).clips)
        words = f"{len(clips)} clips that {settings.data_b.name} holds, too, of {words}"
    return SharedClips(clips, clips_b, words + _seen(clips, "A", a) + _seen(clips, "B", b))


def matched(a: Clips, b: Clips) -> tuple[Clips, Clips]:
    """The clips that are in both, in one order.

    Raises:
        UserError: there are none, or one is stalled in one and flowing in the other.
    """
    ids, rows_a, rows_b = np.intersect1d(a.facts.clip_ids, b.facts.clip_ids, return_indices=True)
    if not len(ids):
        raise UserError("--data and --data-b have no clip in common; prepare the second from the first's source")
    a, b = a.take(rows_a), b.take(rows_b)
    if (other := ids[a.stalled != b.stalled]).size:
        raise UserError(
            f"--data and --data-b label {len(other)} of their clips differently, as {other[0]}; prepare both again "
            "from the same tables"
        )
    return a, b


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
