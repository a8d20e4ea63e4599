"""A study of clips that were never recorded."""

from dataclasses import replace
from functools import cache

import numpy as np

from stream.verdict import DecisionRule
from tests.training.data.made import facts
from tests.training.measures.made import bell
from training.data.clips import Clips
from training.measures.coverage import Limits
from training.measures.seen import Seen
from training.measures.study import Study, study

RULE = DecisionRule(temperature=1.0, prior=0.5, prevalence=0.3, low=0.1, high=0.9, decide=0.4)


@cache
def studied(
    *,
    clip_id: str = "clip.mp4",
    project_ids: str = "ACDEFG",
    name: str = "field",
    rule: DecisionRule = RULE,
) -> tuple[Study, Clips]:
    """120 clips of 4 frames of 16 pixels; one of them has a name of its own and is the worst mistake."""
    logits, stalled = bell(120, share=0.4, apart=5)
    logits[0] = -20  # it is stalled
    known = facts(stalled, project_ids=project_ids * (120 // len(project_ids)))
    names = known.clip_ids.astype(object)
    names[0] = clip_id
    known = replace(known, clip_ids=names.astype(str), num_frames=np.arange(120, dtype=np.int32) + 17)
    pixels = np.random.default_rng(0).integers(0, 255, (120, 2, 4, 16, 16), np.uint8)
    return study(name, "made up", known, logits, rule, Limits(), seen=Seen()), Clips.of(pixels, known)
