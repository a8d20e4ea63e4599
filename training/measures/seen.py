"""Seen: what of a set of clips a checkpoint knows, for there it looks better than it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from training.data.clips import Clips


@dataclass(frozen=True, slots=True)
class Seen:
    """Projects of a set."""

    by_network: tuple[str, ...] = ()
    """It was trained on clips of these."""
    by_rule: tuple[str, ...] = ()
    """Its rule was chosen on clips of these."""

    @classmethod
    def of(cls, clips: Clips, by_network: Sequence[str], by_rule: Sequence[str]) -> Self:
        """Of these clips, what a checkpoint with these projects knows."""
        network, rule = (tuple(each for each in clips.projects if each in known) for known in (by_network, by_rule))
        return cls(network, rule)

    def __bool__(self) -> bool:
        return bool(self.by_network or self.by_rule)
