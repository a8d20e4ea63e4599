"""How an outcome goes to Kafka: a verdict as JSON, a dead letter as the reference came; both say what they answer."""

from collections.abc import Iterator
from dataclasses import dataclass

from stream.broker.contract import Message
from stream.records import Outcome, Record, Rejection, Verdict

OURS = "stall-"
"""Begins the names of our headers. A reference that carries some was a dead letter once: they are not copied."""
MESSAGE_LIMIT_BYTES = 1_000_000
"""Below the brokers' `message.max.bytes` (1 MiB by default) and the producer's `max_request_size`."""
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
        key, value, ours = verdict.clip_id.encode(), verdict.model_dump_json().encode(), record.source.headers()
        yield Message(self.verdicts, key, value, (*_copied(record), *ours))
        yield Message(self.verdicts, key, value, ours)

    def _dead_letter(self, record: Record, rejection: Rejection) -> Iterator[Message]:
        ours = rejection.headers()
        yield Message(self.dead_letters, record.key, record.value, (*_copied(record), *ours))
        size = 0 if record.value is None else len(record.value)
        bare = (*ours, (f"{OURS}omitted-value-bytes", str(size).encode()))
        yield Message(self.dead_letters, record.key, None, bare)
        yield Message(self.dead_letters, None, None, bare)


def _copied(record: Record) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, value) for name, value in record.headers if not name.startswith(OURS))


def _size_bytes(message: Message) -> int:
    texts = [message.key, message.value]
    for name, value in message.headers:
        texts += (name.encode(), value)
    fixed = _PER_MESSAGE_BYTES + _PER_HEADER_BYTES * len(message.headers)
    return fixed + sum(len(text or b"") for text in texts)  # Kafka lets a header's value be null, too
