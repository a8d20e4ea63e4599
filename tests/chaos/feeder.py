"""Keeps references ahead of the workers, so that there is always something to lose."""

import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from kafka import TopicPartition
from kafka.errors import KafkaError

from stream.broker.cluster import Cluster
from stream.broker.contract import Message
from stream.broker.writing import Writer
from stream.records import ClipReference

LOOK_EVERY_S = 0.5
ASK_FOR_S = 5.0


class Feeder:
    """A thread that writes references as the group commits; a context manager.

    Args:
        cluster: where.
        topic: of the references; nobody else writes there, and none of it is deleted.
        group: of the workers.
        partitions: of the topic.
        given: the references, without end.
        ahead: so many are to be unfinished at any time.
    """

    def __init__(
        self, cluster: Cluster, *, topic: str, group: str, partitions: int, given: Iterator[ClipReference], ahead: int
    ) -> None:
        self._cluster = cluster
        self._topic = topic
        self._partitions = [TopicPartition(topic, number) for number in range(partitions)]
        # What is pending in a transaction isn't waited for: this is no audit.
        self._consumer = cluster.consumer(group_id=group, isolation_level="read_uncommitted")
        self._given = given
        self._ahead = ahead
        self._feeding = threading.Event()
        self._ended = threading.Event()
        self._feeding.set()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="feeder", daemon=True)
        self.written = 0
        self.committed = 0
        self.backlogs: list[int] = []
        """The unfinished references at each look while feeding."""

    @property
    def backlog(self) -> int:
        return self.written - self.committed

    def check(self) -> None:
        """Raises what ended the thread."""
        if self._fault:
            raise self._fault

    def stop_feeding(self) -> None:
        """From here on the backlog shrinks."""
        self._feeding.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self._consumer.close()

    def _run(self) -> None:
        try:
            with Writer(self._cluster) as writer:
                while not self._ended.is_set():
                    if self._feeding.is_set():
                        self._feed(writer)
                    self._look()
                    self._ended.wait(LOOK_EVERY_S)
        except BaseException as fault:  # noqa: BLE001 - it belongs to the one who checks
            self._fault = fault

    def _feed(self, writer: Writer) -> None:
        for _ in range(max(0, self._ahead - self.backlog)):
            reference = next(self._given)
            writer.write(Message(self._topic, reference.clip_id.encode(), reference.to_json()))
            self.written += 1
        writer.flush()

    def _look(self) -> None:
        try:
            found = [self._consumer.committed(each, timeout_ms=ASK_FOR_S * 1000) or 0 for each in self._partitions]
        except KafkaError:  # brokers are away; they are asked again
            return
        self.committed = sum(found)
        if self._feeding.is_set():
            self.backlogs.append(self.backlog)
