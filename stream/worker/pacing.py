"""When outcomes are delivered: gathered while others come that can go along, and sooner where somebody waits."""

from dataclasses import dataclass
from enum import Enum


class Haste(Enum):
    """How pressing a delivery is."""

    NONE = "more outcomes are to come"
    SOME = "a partition changes hands and has stood still for long enough, but what is in hand is to be read, too"
    UTMOST = "it is all that somebody waits for"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """How deliveries follow each other."""

    interval_s: float = 0.1
    """They come so often."""
    share: float = 0.2
    """At most this share of the time is spent in them: where they are slow they come less often, and are larger.
    Nothing is read meanwhile, and with several brokers each may take longer than it takes to read a clip."""
    longest_rest_s: float = 0.5
    """But they rest no longer: a rebalance may come on top, and no partition is to stand still for 2 s."""
    size: int = 100
    """So many outcomes wait for nothing."""


class Pace:
    """The pace of one worker's deliveries."""

    def __init__(self, pacing: Pacing) -> None:
        self._pacing = pacing
        self._soonest_s = self._next_s = 0.0

    def is_due(self, outcomes: int, haste: Haste, *, now: float) -> bool:
        """Whether so many outcomes are to be delivered now."""
        if haste is Haste.UTMOST or outcomes >= self._pacing.size:
            return True
        return now >= (self._soonest_s if haste is Haste.SOME else self._next_s)

    def delivered(self, *, begun_s: float, ended_s: float) -> None:
        """A delivery took this time; a member's first one is slow."""
        took_s = ended_s - begun_s
        rest_s = min(took_s / self._pacing.share - took_s, self._pacing.longest_rest_s)
        self._next_s = max(begun_s + self._pacing.interval_s, ended_s + rest_s)
        self._soonest_s = min(ended_s + self._pacing.interval_s, self._next_s)
