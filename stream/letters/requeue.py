"""Sends dead letters back to the references' topic, each once, whoever asks for it and however often.

What says that one was sent back stands in Kafka alone: a header of the reference that it became, which goes on to that
one's outcome. So it is written in the very transaction that sends the letter, and outlives the references' retention.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from typing import Literal

from stream.broker.cluster import Cluster
from stream.broker.contract import Message
from stream.broker.once import OnceWriter
from stream.broker.reading import read_topic
from stream.errors import Reason
from stream.letters.letter import DeadLetter, Selection, read_letters
from stream.messages import OutcomeTopics
from stream.records import KafkaSource, requeued_from
from stream.terminal.wording import counted

Left = Literal["sent_before", "not_kept", "elsewhere"]
_BATCH_LETTERS, _BATCH_BYTES = 200, 4_000_000


@dataclass(slots=True)
class Requeued:
    """What became of the dead letters that were meant."""

    sent: Counter[Reason] = field(default_factory=Counter)
    left: Counter[Left] = field(default_factory=Counter)


def requeue(
    cluster: Cluster,
    clips: str,
    outcomes: OutcomeTopics,
    selection: Selection,
    *,
    dry_run: bool = False,
    told: Callable[[DeadLetter], None] = lambda _letter: None,
) -> Requeued:
    """Sends the selected dead letters back: key, value and headers as they came, and where they come from.

    Args:
        cluster: where.
        clips: topic of the references.
        outcomes: topics of theirs.
        selection: which.
        dry_run: only find out which it would be.
        told: gets each that is sent, or would be, once it is.

    Raises:
        UserError: Kafka is not reachable, a topic is missing, or another process does the same now.
    """
    done = Requeued()
    # The writer comes first: nobody else sends any back between the look at what was sent and the sending.
    with nullcontext() if dry_run else OnceWriter(cluster, name=f"stall-requeue-{outcomes.dead_letters}") as writer:
        before = _sent_before(cluster, clips, outcomes)

        def why_left(letter: DeadLetter) -> Left | None:
            if letter.source.topic != clips:
                return "elsewhere"
            if letter.record.source in before:
                return "sent_before"
            return None if letter.omitted is None else "not_kept"

        with closing(read_letters(cluster, outcomes.dead_letters, selection)) as selected:
            for batch in _batches(_remaining(selected, why_left, done.left)):
                if writer is not None:
                    writer.write([_reference_again(clips, letter) for letter in batch])
                for letter in batch:
                    done.sent[letter.rejection.reason] += 1
                    told(letter)
    return done


def _sent_before(cluster: Cluster, clips: str, outcomes: OutcomeTopics) -> set[KafkaSource]:
    """References first: one that is deleted meanwhile has its outcome by then."""
    return {
        letter
        for topic in (clips, outcomes.verdicts, outcomes.dead_letters)
        for record in read_topic(cluster, topic, wait_for_open=True)
        if (letter := requeued_from(record.headers)) and letter.topic == outcomes.dead_letters
    }


def _remaining(
    letters: Iterator[DeadLetter], why_left: Callable[[DeadLetter], Left | None], left: Counter[Left]
) -> Iterator[DeadLetter]:
    """Those that can be sent; counts the others."""
    for letter in letters:
        why = why_left(letter)
        if why is None:
            yield letter
        else:
            left[why] += 1


def _reference_again(topic: str, letter: DeadLetter) -> Message:
    headers = (*letter.own_headers, letter.record.source.requeued_header())
    return Message(topic, letter.record.key, letter.record.value, headers)


def _batches(letters: Iterator[DeadLetter]) -> Iterator[list[DeadLetter]]:
    """Some at a time: a transaction that is open keeps workers from what comes after it."""
    batch: list[DeadLetter] = []
    size_bytes = 0
    for letter in letters:
        batch.append(letter)
        size_bytes += len(letter.record.value or b"")
        if len(batch) >= _BATCH_LETTERS or size_bytes >= _BATCH_BYTES:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch


def sentences(done: Requeued, *, dry_run: bool) -> Iterator[str]:
    """What a person is told."""
    by_reason = ", ".join(f"{count} {reason}" for reason, count in sorted(done.sent.items()))
    would_be = "would be sent back" if dry_run else "sent back"
    yield f"{counted(done.sent.total(), 'dead letter')} {would_be}{f': {by_reason}' if by_reason else ''}"
    said: Mapping[Left, str] = {
        "sent_before": "sent back before",
        "not_kept": "too large to be kept, so their producer has to send them again",
        "elsewhere": "of references of another topic, which would have to be named as --clips-topic",
    }
    for why, count in sorted(done.left.items()):
        yield f"{counted(count, 'was', 'were')} left: {said[why]}"
