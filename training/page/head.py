"""Head: which checkpoint was measured, and how it came to be."""

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Self

from stream.clip.spec import ClipSpec
from stream.verdict import DecisionRule
from training import words
from training.checkpoint import CheckpointCard
from training.measures.coverage import Limits


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above the measures."""

    checkpoint: str
    """The folder, as the user named it."""
    weights_sha256: str
    network: str
    """In words."""
    training: str
    """In words: on what, for how long."""
    spec: ClipSpec
    rule: DecisionRule
    chosen_on: str | None
    """In words: what the rule was chosen on; None where it is not recorded."""
    limits: Limits | None
    """That the rule was chosen to keep; None where it is not recorded."""
    version: str
    """Of this package, which measures."""
    made: datetime

    @classmethod
    def of(cls, card: CheckpointCard, folder: Path, *, parameters: int) -> Self:
        """The head of a page that is made now."""
        training = card.training
        return cls(
            checkpoint=str(folder),
            weights_sha256=card.weights_sha256,
            network=f"{card.network.architecture}, {parameters / 1e6:.2f} M parameters",
            training=f"{card.dataset}; {training.steps} steps of {training.batch} clips, {training.minutes:g} minutes",
            spec=card.spec,
            rule=card.rule,
            chosen_on=card.chosen_on,
            limits=training.limits,
            version=version("stall-stream"),
            made=datetime.now(UTC),
        )

    @property
    def sees(self) -> str:
        """What the network sees of a clip, in words."""
        return words.clip_spec(self.spec)
