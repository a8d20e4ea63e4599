"""One member's deliveries: each is taken or refused, and one that wasn't answered is decided before the next."""

from collections.abc import Mapping

from kafka import TopicPartition
from kafka.errors import RetriableError

from stream.broker.contract import Delivery, DeliveryRefused, Position
from stream.broker.membership import Assignment, Membership
from stream.broker.positions import Positions
from stream.broker.transactions import TransactionFailedError, Transactions
from stream.errors import Outage

_SETTLING_TIMEOUT_S = 5.0

At = Mapping[TopicPartition, Position]


class Deliveries:
    """Transactions that are committed only under the assignment that their partitions belong to."""

    def __init__(self, transactions: Transactions, membership: Membership, positions: Positions) -> None:
        self._transactions = transactions
        self._membership = membership
        self._positions = positions
        self._in_doubt: tuple[Delivery, At] | None = None
        """Its commit wasn't answered."""

    def deliver(self, delivery: Delivery) -> None:
        """Writes messages and offsets in one transaction.

        Raises:
            DeliveryRefused: nothing of it is visible.
            Outage: Kafka doesn't answer; ask for the very same again.
            FencedTwiceError, KafkaError: as `Transactions.commit`.
        """
        assert self._in_doubt is None or self._in_doubt[0] == delivery, "another delivery isn't decided yet"
        if self._went_through():
            return
        at = {TopicPartition(each.topic, each.number): position for each, position in delivery.positions.items()}
        assignment = self._checked(delivery.generation, at)
        try:
            self._transactions.commit(delivery.messages, at, assignment.identity)
        except TransactionFailedError as error:
            self._in_doubt = (delivery, at) if error.in_doubt else None
            if not self._went_through():
                raise DeliveryRefused(str(error)) from error

    def _checked(self, generation: int, at: At) -> Assignment:
        assignment = self._membership.assignment
        if assignment is None or not assignment.valid or generation != assignment.generation:
            now = -1 if assignment is None else assignment.generation
            raise DeliveryRefused(f"generation {generation} is not in force, {now} is")
        if not at.keys() <= assignment.partitions | assignment.parting:
            raise DeliveryRefused("some of its partitions are not owned any more")
        return assignment

    def _went_through(self) -> bool:
        """What became of the delivery in doubt, if there is one: a new producer settles it, so it can be read.

        Partitions that others own by now may stand further on; then what we say about them doesn't matter any more.
        """
        self._transactions.settle()
        if self._in_doubt is None:
            return False
        _, at = self._in_doubt
        try:
            now = {each: self._positions.committed(each, timeout_s=_SETTLING_TIMEOUT_S) for each in at}
        except RetriableError as error:
            raise Outage(str(error)) from error
        self._in_doubt = None
        return all(
            (found := now[each]) is not None and (found == wanted or found.next_offset > wanted.next_offset)
            for each, wanted in at.items()
        )
