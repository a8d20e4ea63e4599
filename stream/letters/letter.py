"""Dead letters: what each tells of its reference, and which of them are meant."""

from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from stream.broker.cluster import Cluster
from stream.broker.reading import read_topic
from stream.errors import ClipFault, Reason
from stream.messages import own_headers
from stream.records import (
    OMITTED_HEADER,
    ClipReference,
    KafkaSource,
    Record,
    Rejection,
    parse_reference,
    rejection_of,
    requeued_from,
)
from stream.results.examples import Foremost
from stream.results.extent import milliseconds


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record of the dead-letter topic, and what its headers say."""

    record: Record
    rejection: Rejection

    @property
    def reference(self) -> ClipReference | None:
        """The reference that was rejected; None where it is none, or wasn't kept."""
        try:
            return parse_reference(self.record.value)
        except ClipFault:
            return None

    @property
    def own_headers(self) -> tuple[tuple[str, bytes], ...]:
        """Those that came with the reference."""
        return own_headers(self.record.headers)

    @property
    def omitted(self) -> str | None:
        """How many bytes the reference had, if it was too large to be kept."""
        found = dict(self.record.headers).get(OMITTED_HEADER)
        return None if found is None else found.decode(errors="replace")

    @property
    def source(self) -> KafkaSource:
        """The reference's place."""
        assert isinstance(self.rejection.source, KafkaSource)  # a dead letter's headers name no other
        return self.rejection.source

    @property
    def was(self) -> KafkaSource | None:
        """The dead letter that its reference was before, if it is not the first time."""
        return requeued_from(self.record.headers)


def dead_letter_of(record: Record) -> DeadLetter | None:
    """The dead letter that a record is; None where its headers name no source or no reason."""
    rejection = rejection_of(record.headers)
    return None if rejection is None else DeadLetter(record, rejection)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The dead letters that are meant; what isn't limited may be anything."""

    reasons: frozenset[Reason] = frozenset()
    clip_ids: frozenset[str] = frozenset()
    since: datetime | None = None
    """Of the dead letter's append, as `until`."""
    until: datetime | None = None
    """The time itself is no part of it any more."""

    @property
    def is_limited(self) -> bool:
        """Whether not all are meant."""
        return self != Selection()

    def takes(self, letter: DeadLetter) -> bool:
        """Whether it is one of them."""
        rejection, at_ms = letter.rejection, letter.record.timestamp_ms
        return (
            (not self.reasons or rejection.reason in self.reasons)
            and (not self.clip_ids or rejection.clip_id in self.clip_ids)
            and (self.since is None or at_ms >= milliseconds(self.since))
            and (self.until is None or at_ms < milliseconds(self.until))
        )


def read_letters(cluster: Cluster, topic: str, selection: Selection) -> Generator[DeadLetter, None, None]:
    """The dead letters of a topic that are meant, in order within their partition; raises as `read_topic` does.

    Records that are no dead letters are left out: an audit tells of them.
    """
    with closing(read_topic(cluster, topic)) as records:
        for record in records:
            letter = dead_letter_of(record)
            if letter and selection.takes(letter):
                yield letter


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest of some dead letters, the very newest last, as in a log."""

    letters: list[DeadLetter]
    of: int
    """How many there were."""


def newest(letters: Iterable[DeadLetter], limit: int) -> Newest:
    """The `limit` that were appended last, in whichever partition; no more than these are held in memory."""
    kept = Foremost[DeadLetter](limit)
    for number, letter in enumerate(letters):
        kept.add(letter, rank=(letter.record.timestamp_ms, number))
    return Newest(list(reversed(kept.kept)), kept.count)
