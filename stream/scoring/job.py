"""A clip on its way through a scorer."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from stream.records import ClipReference, KafkaSource, Source, Timings
from stream.scoring.stores import Attempts

Stage = Literal["fetch", "read", "score"]
TokenT = TypeVar("TokenT", bound=Hashable)


@dataclass(slots=True, eq=False)
class Job(Generic[TokenT]):
    """A clip on its way."""

    token: TokenT
    reference: ClipReference
    source: Source
    attempts: Attempts
    """To fetch it."""
    seconds: dict[Stage, float] = field(default_factory=dict)
    """What each stage took."""
    held_bytes: int = 0
    cancelled: bool = False

    @property
    def name(self) -> str:
        """Of what is judged, for whoever looks for a defect."""
        return self.source.place if isinstance(self.source, KafkaSource) else self.source.file

    def timings(self) -> Timings:
        """To 0.1 ms."""
        return Timings(**{f"{stage}_s": round(seconds, 4) for stage, seconds in self.seconds.items()})
