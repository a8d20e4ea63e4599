"""Where partitions end, so that it can be told how far their reading is behind."""

from collections.abc import Callable, Collection

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import RetriableError

from stream.broker.guards import next_offset

_ASK_EVERY_S = 10.0
_ASKING_TIMEOUT_S = 0.5


class Ends:
    """The ends of a consumer's partitions.

    Each fetch tells them; a partition that is paused is not fetched from, so its end is asked for.
    """

    def __init__(self, consumer: KafkaConsumer, *, clock: Callable[[], float]) -> None:
        self._consumer = consumer
        self._clock = clock
        self._answers: dict[TopicPartition, int] = {}
        self._ask_again_s = 0.0

    def ask(self, partitions: Collection[TopicPartition]) -> None:
        """Asks Kafka for the ends of these, unless it has been asked a moment ago; does without where it is silent."""
        if not partitions or self._clock() < self._ask_again_s:
            return
        self._ask_again_s = self._clock() + _ASK_EVERY_S
        try:
            self._answers = self._consumer.end_offsets(list(partitions), timeout_ms=int(_ASKING_TIMEOUT_S * 1000))
        except RetriableError:  # as a time-out is
            self._answers = {}

    def unread(self, partition: TopicPartition) -> int | None:
        """Offsets from the next one that is read to the end; None where either isn't known yet."""
        told = (self._consumer.highwater(partition), self._answers.get(partition))
        ends, at = [end for end in told if end is not None], next_offset(self._consumer, partition)
        return None if at is None or not ends else max(0, max(ends) - at)
