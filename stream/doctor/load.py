"""What a worker did between two samples of its metrics."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from stream.doctor.sample import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Rates and shares of the time between."""

    name: str
    """Of the worker, as the user gave it."""
    restarted: bool
    """It was started anew between the two."""
    shares: Mapping[str, float]
    """Of the time, that its thread was in each state."""
    in_hand: Mapping[str, float]
    """Clips in each stage at a time, on average."""
    capacity: Mapping[str, float]
    took_s: Mapping[str, float]
    """By a clip in each stage, on average; stages that no clip has left are missing."""
    rebalances: int
    refused: int
    reader_restarts: int
    from_the_future: int
    partitions: frozenset[int]
    owned: int
    memory: float
    """Share of the bytes that may be held, at the end."""

    @classmethod
    def between(cls, first: Sample, second: Sample, *, name: str) -> Self:
        """The load of the time between two samples; of the second alone where the worker was started anew meanwhile."""
        seconds = second.at_s - first.at_s
        restarted = second.running_s < first.running_s + seconds / 2
        if restarted:
            first, seconds = second.at_birth(), second.running_s
        stage_s = {stage: since - first.stage_s.get(stage, 0.0) for stage, since in second.stage_s.items()}
        through = {stage: now - first.stage_clips.get(stage, 0.0) for stage, now in second.stage_clips.items()}
        seconds = max(seconds, 1e-9)
        return cls(
            name=name,
            restarted=restarted,
            shares={state: (s - first.state_s.get(state, 0.0)) / seconds for state, s in second.state_s.items()},
            in_hand={stage: s / seconds for stage, s in stage_s.items()},
            capacity=second.capacity,
            took_s={stage: stage_s[stage] / clips for stage, clips in through.items() if clips},
            rebalances=round(second.rebalances - first.rebalances),
            refused=round(second.refused - first.refused),
            reader_restarts=round(second.reader_restarts - first.reader_restarts),
            from_the_future=round(second.from_the_future - first.from_the_future),
            partitions=second.partitions,
            owned=second.owned,
            memory=second.memory,
        )
