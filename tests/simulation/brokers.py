"""The brokers' side of a simulated Kafka: logs, transactions with their epochs and time-outs, and one group.

The rules are those that were seen on a real Apache Kafka, the one that harms included: offsets that are sent without
any identity are taken unchecked (`Group.admit`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from kafka import TopicPartition
from kafka.errors import CommitFailedError, InvalidProducerEpochError, ProducerFencedError
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata

from tests.simulation.group import Group
from tests.simulation.log import Log, Transaction
from tests.simulation.machines import EPOCH_S, Time

JOIN_S, METADATA_S = 30.0, 10.0
SETTLING_S = 20.0
"""A commit whose answer was lost on the way may still be under way for so long."""


@dataclass(slots=True, eq=False)
class _Owner:
    """Of a transactional.id."""

    epoch: int = -1
    transaction: Transaction | None = None


class Brokers:
    """All brokers of a cluster as one, and what time does to them."""

    def __init__(
        self,
        time: Time,
        topic: str,
        outputs: dict[str, int],
        *,
        max_message_bytes: int,
        session_s: float,
        transaction_s: float,
    ) -> None:
        self.time = time
        self.topic = topic
        self.max_message_bytes = max_message_bytes
        self.transaction_s = transaction_s
        self.logs: dict[TopicPartition, Log] = {}
        self.outputs = outputs
        self.heartbeats: list[Callable[[], None]] = []
        """Of the clients' own threads, which go on while a process is busy."""
        self.committed: Callable[[Transaction], None] = lambda transaction: None
        """Told of each transaction once it is visible."""
        self.group = Group(lambda: self.known, session_s=session_s, join_s=JOIN_S)
        self.known: list[TopicPartition] = []
        """Partitions that the group's leader has heard of."""
        self._heard_at_s = 0.0
        self._owners: dict[str, _Owner] = {}
        self._on_the_way: list[tuple[str, int]] = []
        self._down = False
        for name, count in outputs.items():
            for number in range(count):
                self._add_log(TopicPartition(name, number), start=0)

    def _add_log(self, partition: TopicPartition, *, start: int) -> Log:
        self.logs[partition] = Log(partition, start=start)
        return self.logs[partition]

    def add_partition(self, *, start: int = 0) -> Log:
        """One more of the topic that is read; the group hears of it a while later."""
        return self._add_log(TopicPartition(self.topic, len(self.partitions())), start=start)

    def partitions(self) -> list[TopicPartition]:
        return [each for each in self.logs if each.topic == self.topic]

    def now_ms(self) -> int:
        return int((EPOCH_S + self.time.now) * 1000)

    # What time brings.

    @property
    def down(self) -> bool:
        return self._down

    @down.setter
    def down(self, down: bool) -> None:
        if self._down and not down:
            self.group.restart(now=self.time.now)
        self._down = down

    def pass_time(self, seconds: float) -> None:
        self.time.now += seconds
        if self._down:
            return
        for beat in self.heartbeats:
            beat()
        self._deliver_late_requests()
        for owner in self._owners.values():
            self._time_out(owner)
        if self.time.now - self._heard_at_s >= METADATA_S:
            self._refresh()
        self.group.expire(now=self.time.now)

    def _refresh(self) -> None:
        self._heard_at_s = self.time.now
        if self.known != self.partitions():
            self.known = self.partitions()
            self.group.rebalance(now=self.time.now)

    def _time_out(self, owner: _Owner) -> None:
        transaction = owner.transaction
        if transaction is None:
            return
        age_s = self.time.now - transaction.began_s
        if transaction.state == "committing" and age_s > SETTLING_S:
            self._settle(owner, "committed")
        elif transaction.state == "open" and age_s > self.transaction_s:
            owner.epoch += 1
            self._settle(owner, "aborted")

    def _deliver_late_requests(self) -> None:
        requests, self._on_the_way = self._on_the_way, []
        for transactional_id, epoch in requests:
            owner = self._owners[transactional_id]
            if owner.epoch == epoch and owner.transaction:
                self._settle(owner, "committed")

    # Transactions.

    def init_producer(self, transactional_id: str) -> int:
        """The new epoch; what the last owner left open is aborted, what it committed is completed."""
        owner = self._owners.setdefault(transactional_id, _Owner())
        if owner.transaction is not None:
            self._settle(owner, "committed" if owner.transaction.state == "committing" else "aborted")
        owner.epoch += 1
        return owner.epoch

    def transaction(self, transactional_id: str, epoch: int, *, writes: bool = False) -> Transaction:
        """The open one, begun if there is none."""
        owner = self._owners[transactional_id]
        if owner.epoch != epoch:
            raise (InvalidProducerEpochError if writes else ProducerFencedError)(transactional_id)
        if owner.transaction is None:
            owner.transaction = Transaction(self.time.now)
        return owner.transaction

    def commit_offsets(
        self,
        transaction: Transaction,
        offsets: dict[TopicPartition, OffsetAndMetadata],
        identity: ConsumerGroupMetadata,
    ) -> None:
        if self._down:
            raise CommitFailedError
        self.group.admit(identity)
        transaction.offsets.update(offsets)

    def end(self, transactional_id: str, epoch: int, *, commit: bool, halfway: bool = False) -> None:
        transaction = self.transaction(transactional_id, epoch)
        if halfway:
            transaction.state, transaction.began_s = "committing", self.time.now
        else:
            self._settle(self._owners[transactional_id], "committed" if commit else "aborted")

    def end_later(self, transactional_id: str, epoch: int) -> None:
        """The request to commit is still on its way."""
        self._on_the_way.append((transactional_id, epoch))

    def _settle(self, owner: _Owner, how: str) -> None:
        transaction, owner.transaction = owner.transaction, None
        assert transaction is not None
        transaction.state = "committed" if how == "committed" else "aborted"
        for log in transaction.logs.values():
            log.settle(transaction)
        if how == "committed":
            self.group.committed.update(transaction.offsets)
            self.committed(transaction)

    def pending(self, partition: TopicPartition) -> bool:
        """Whether offsets of the partition stand in a transaction that isn't settled."""
        return any(owner.transaction and partition in owner.transaction.offsets for owner in self._owners.values())
