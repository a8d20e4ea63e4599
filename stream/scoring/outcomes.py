"""Where outcomes are made: a logit becomes a verdict, a fault becomes a rejection."""

from dataclasses import dataclass
from math import isfinite

from stream.clip import Clip
from stream.errors import ClipFault
from stream.records import (
    SCHEMA,
    ClipReference,
    Rejection,
    Source,
    Thresholds,
    Timings,
    Verdict,
)
from stream.verdict import DecisionRule

DETAIL_LIMIT = 500
"""Characters; a detail quotes the reference, which may be anything."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Turns logits into verdicts: the rule, and what it says of itself in each of them."""

    rule: DecisionRule
    artifact: str
    """Digest of the artifact that the logits come from."""
    spec: str
    """Digest of its ClipSpec."""

    def verdict(self, logit: float, clip: Clip, timings: Timings, reference: ClipReference, source: Source) -> Verdict:
        """What is published of a clip.

        Args:
            logit: of the network.
            clip: that the network saw.
            timings: what it took.
            reference: that named the clip.
            source: where the reference came from.

        Raises:
            FloatingPointError: the logit is no finite number; that is the engine's fault, never a clip's.
        """
        if not isfinite(logit):
            raise FloatingPointError(f"the engine gave {logit} for clip {reference.clip_id!r}")
        rule = self.rule
        probability = rule.probability(logit)
        return Verdict(
            schema=SCHEMA,
            clip_id=reference.clip_id,
            verdict=rule.label(probability),
            probability=probability,
            thresholds=Thresholds(low=rule.low, high=rule.high, decide=rule.decide, prevalence=rule.prevalence),
            roi=clip.roi,
            frames=clip.frames,
            artifact=self.artifact,
            spec=self.spec,
            timings=timings,
            source=source,
            project_id=reference.project_id,
            captured_at=reference.captured_at,
            extra=reference.extra,
        )


def reject(fault: ClipFault, *, clip_id: str | None, source: Source) -> Rejection:
    """What is published of a clip that can't be judged."""
    detail = fault.detail[:DETAIL_LIMIT].encode(errors="replace").decode()  # names of files may be no UTF-8
    return Rejection(schema=SCHEMA, clip_id=clip_id, reason=fault.reason, detail=detail, source=source)
