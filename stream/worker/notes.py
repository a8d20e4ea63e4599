"""What is committed as a short text beside a partition's offset: what its next owner has to know of the way so far.

`in-a-row=3 rejected=40/310 skip=1204,1377`: the three references before the offset were rejected, so were 40 of
about the last 310, and two that are still to come are to be rejected unseen. A note that says nothing is empty.
"""

import re
from dataclasses import dataclass, replace
from typing import Self

LIMIT_BYTES = 4096
"""Kafka takes no longer one: `offset.metadata.max.bytes` of its brokers, by default."""
_NOTE = re.compile(
    r"(?:in-a-row=(?P<in_a_row>\d{1,9}))? ?(?:rejected=(?P<rejected>\d{1,9})/(?P<of>\d{1,9}))? ?"
    r"(?:skip=(?P<skip>\d{1,19}(?:,\d{1,19})*))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Counts of the references before an offset, and which of those after it an operator wants skipped."""

    in_a_row: int = 0
    """Rejections without a verdict among them, up to the offset."""
    rejected: int = 0
    """Rejections among the last `of` references."""
    of: int = 0
    """A moving count, begun at the first rejection: halved, as `rejected` is, when it has grown to twice its size."""
    skip: frozenset[int] = frozenset()
    """Offsets."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a note; one of another's making, left by a tool that moved the offsets, says nothing."""
        match = _NOTE.fullmatch(text)
        if match is None:
            return cls()
        skip = frozenset(int(each) for each in match["skip"].split(",")) if match["skip"] else frozenset()
        in_a_row, rejected, of = (int(match[name] or 0) for name in ("in_a_row", "rejected", "of"))
        return cls(in_a_row=in_a_row, rejected=rejected, of=of, skip=skip)

    @property
    def text(self) -> str:
        """As it is committed."""
        said = [f"in-a-row={self.in_a_row}"] if self.in_a_row else []
        said += [f"rejected={self.rejected}/{self.of}"] if self.rejected else []
        said += [f"skip={','.join(map(str, sorted(self.skip)))}"] if self.skip else []
        return " ".join(said)

    def counting(self, *, rejected: bool, about: int) -> Self:
        """One reference further; the moving count keeps between `about` references and twice as many."""
        some = self.rejected + rejected
        of = self.of + 1 if some else 0
        parts = 2 if of >= 2 * about else 1
        in_a_row = self.in_a_row + 1 if rejected else 0
        return replace(self, in_a_row=in_a_row, rejected=some // parts, of=of // parts)

    def at(self, next_offset: int) -> Self:
        """Without what lies before the offset."""
        return replace(self, skip=frozenset(each for each in self.skip if each >= next_offset))
