"""How an outcome goes to Kafka: a verdict as JSON, a dead letter as the reference came; both say what they answer."""

from collections.abc import Iterator
from dataclasses import dataclass

from stream.broker.contract import Message
from stream.records import OMITTED_HEADER, Outcome, Record, Rejection, Verdict, requeued_from

OURS = "stall-"
"""Begins the names of our headers. A reference's own are not copied: what they tell of it is written anew."""
MESSAGE_LIMIT_BYTES = 1_000_000
"""Below the brokers' `message.max.bytes` (1 MiB by default) and the producer's `max_request_size`."""
_TOPIC_LIMIT = 249
"""Characters that a topic's name has at most: Kafka's rule."""
_PER_MESSAGE_BYTES, _PER_HEADER_BYTES = 64, 10
"""More than Kafka's record format adds: lengths, offsets, time stamps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeTopics:
    """Where outcomes go, and how large they may be there."""

    verdicts: str
    dead_letters: str
    message_limit_bytes: int = MESSAGE_LIMIT_BYTES

    def message(self, record: Record, outcome: Outcome) -> Message:
        """The message that tells the outcome of a record: the fullest that the broker takes.

        The reference's own headers (`traceparent` and the like) are copied first, then ours follow. What would be
        too large loses the reference's headers, a dead letter its value and at last its key, too.
        """
        forms = self._verdict(record, outcome) if isinstance(outcome, Verdict) else self._dead_letter(record, outcome)
        form = next(forms)
        while _size_bytes(form) > self.message_limit_bytes and (smaller := next(forms, None)):
            form = smaller
        return form

    def _verdict(self, record: Record, verdict: Verdict) -> Iterator[Message]:
        key, value = verdict.clip_id.encode(), verdict.model_dump_json().encode()
        ours = (*record.source.headers(), *_was_requeued(record))
        yield Message(self.verdicts, key, value, (*own_headers(record.headers), *ours))
        yield Message(self.verdicts, key, value, ours)

    def _dead_letter(self, record: Record, rejection: Rejection) -> Iterator[Message]:
        ours = (*rejection.headers(), *_was_requeued(record))
        yield Message(self.dead_letters, record.key, record.value, (*own_headers(record.headers), *ours))
        size = 0 if record.value is None else len(record.value)
        bare = (*ours, (OMITTED_HEADER, str(size).encode()))
        yield Message(self.dead_letters, record.key, None, bare)
        yield Message(self.dead_letters, None, None, bare)


def own_headers(headers: tuple[tuple[str, bytes], ...]) -> tuple[tuple[str, bytes], ...]:
    """Those that came with the reference, `traceparent` and the like."""
    return tuple((name, value) for name, value in headers if not name.startswith(OURS))


def _was_requeued(record: Record) -> tuple[tuple[str, bytes], ...]:
    """Outcomes outlive references, so they must tell, too, which dead letter was sent back."""
    letter = requeued_from(record.headers)
    return (letter.requeued_header(),) if letter and len(letter.topic) <= _TOPIC_LIMIT else ()


def _size_bytes(message: Message) -> int:
    texts = [message.key, message.value]
    for name, value in message.headers:
        texts += (name.encode(), value)
    fixed = _PER_MESSAGE_BYTES + _PER_HEADER_BYTES * len(message.headers)
    return fixed + sum(len(text or b"") for text in texts)  # Kafka lets a header's value be null, too
