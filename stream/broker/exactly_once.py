"""Exactly once: each delivery is taken or refused, and one that wasn't answered is decided before the next."""

from kafka.errors import RetriableError

from stream.broker.contract import Delivery, DeliveryRefused
from stream.broker.membership import Member
from stream.broker.positions import At, Positions, at_of
from stream.broker.transactions import TransactionFailedError, Transactions
from stream.errors import Outage

_SETTLING_TIMEOUT_S = 5.0


class ExactlyOnce:
    """Transactions that are committed only under the assignment that their partitions belong to.

    Args:
        member: whose.

    Raises:
        UserError: the cluster is not reachable, or allows no transactions.
    """

    def __init__(self, member: Member) -> None:
        self._member = member
        self._transactions = member.cluster.ask(
            lambda: Transactions(
                member.cluster,
                transactional_id=member.client_id,  # never one that lives on: two owners would fence each other
                timeout_s=member.timeout_s,
                clock=member.clock,
            )
        )
        self._positions = Positions(member.consumer, member.group)
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
        at = at_of(delivery.positions)
        assignment = self._member.vouch(delivery.generation, at)
        try:
            self._transactions.commit(delivery.messages, at, assignment.identity)
        except TransactionFailedError as error:
            self._in_doubt = (delivery, at) if error.in_doubt else None
            if not self._went_through():
                raise DeliveryRefused(str(error)) from error

    def close(self) -> None:
        """Ends the producer."""
        self._transactions.close()

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
