"""A transactional producer that is thrown away at the first error: what it holds then can't be trusted."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from kafka import KafkaProducer, TopicPartition
from kafka.errors import (
    AuthorizationError,
    FencedInstanceIdError,
    InvalidProducerEpochError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    OffsetMetadataTooLargeError,
    ProducerFencedError,
    RecordListTooLargeError,
    UnsupportedVersionError,
)
from kafka.structs import ConsumerGroupMetadata

from stream.broker.cluster import Cluster
from stream.broker.contract import Message, Position
from stream.broker.guards import bound_waits, end_producer, root_of, send
from stream.broker.handshakes import RefusedError
from stream.broker.positions import to_offsets
from stream.errors import Outage, UserError

log = logging.getLogger(__name__)

_FENCED_AGAIN_WITHIN_S = 60.0
RECONNECT_TIMEOUT_S = 5.0  # the worker's thread waits: others must be heard in between
NEVER_TAKEN = (
    AuthorizationError,
    FencedInstanceIdError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    OffsetMetadataTooLargeError,
    RecordListTooLargeError,
    UnsupportedVersionError,
)
"""Sending the same again would fail the same way."""


class TransactionFailedError(Exception):
    """The transaction was not seen to commit; its fate is settled by `Transactions.settle`."""

    def __init__(self, reason: str, *, in_doubt: bool) -> None:
        super().__init__(reason)
        self.in_doubt = in_doubt
        """The commit had been asked for: it may have gone through."""


class FencedTwiceError(Exception):
    """Another process uses the same transactional.id; rebuilding once more would fence it in turn, for ever."""


class Transactions:
    """Momentary transactions under one transactional.id.

    Args:
        cluster: where to.
        transactional_id: no other living process may use it.
        timeout_s: the broker aborts a transaction that is open for longer.
        clock: seconds, monotonic.

    Raises:
        UserError: the cluster is not reachable.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        transactional_id: str,
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._id = transactional_id
        self._timeout_s = timeout_s
        self._fenced_at = -math.inf
        self._producer: KafkaProducer | None = self._open(cluster)

    def commit(
        self,
        messages: Iterable[Message],
        positions: Mapping[TopicPartition, Position],
        identity: ConsumerGroupMetadata,
    ) -> None:
        """Writes messages and offsets in one transaction.

        Args:
            messages: to be written.
            positions: to be committed for the group.
            identity: of the group's member, as it was when it got these partitions.

        Raises:
            TransactionFailedError: it did not go through, or it is not known; `settle` makes it known.
            Outage: as `settle`.
            FencedTwiceError: another process uses the same transactional.id.
            KafkaError: one of NEVER_TAKEN; it can never go through.
        """
        producer = self.settle()
        in_doubt = False
        try:
            producer.begin_transaction()
            futures = [send(producer, each) for each in messages]
            producer.send_offsets_to_transaction(to_offsets(positions), identity)
            producer.flush(timeout=self._timeout_s)
            for future in futures:  # flush doesn't raise, and commit can succeed although a record was lost
                future.get(timeout=self._timeout_s)
            in_doubt = True
            producer.commit_transaction()
        except KafkaError as error:
            if isinstance(root := root_of(error), NEVER_TAKEN):
                raise root from None
            self._give_up(error)
            raise TransactionFailedError(str(error), in_doubt=in_doubt) from error

    def settle(self) -> KafkaProducer:
        """Makes a new producer after a failure: it aborts, or completes, what the old one left, which is known then.

        Raises:
            Outage: the cluster doesn't answer; call it again.
            RefusedError: it doesn't let us in any more.
        """
        if self._producer is None:
            try:
                self._producer = self._open(replace(self._cluster, connect_timeout_s=RECONNECT_TIMEOUT_S))
            except (RefusedError, *NEVER_TAKEN):
                raise
            except (UserError, KafkaError) as error:
                raise Outage(str(error)) from error
        return self._producer

    def close(self) -> None:
        """Ends the producer."""
        if self._producer is not None:
            end_producer(self._producer)

    def _give_up(self, error: KafkaError) -> None:
        """A used producer may commit offsets of its failed transaction, hang on a time-out or fence a living one."""
        if isinstance(error, (ProducerFencedError, InvalidProducerEpochError)):
            if self._clock() < self._fenced_at + _FENCED_AGAIN_WITHIN_S:
                raise FencedTwiceError(f"the transactional.id {self._id!r} is used by another process") from error
            self._fenced_at = self._clock()
        log.warning("a transaction failed (%s); going on with a new producer", error)
        assert self._producer is not None
        end_producer(self._producer)
        self._producer = None

    def _open(self, cluster: Cluster) -> KafkaProducer:
        timeout_ms = int(self._timeout_s * 1000)
        producer = cluster.producer(
            transactional_id=self._id,
            transaction_timeout_ms=timeout_ms,
            request_timeout_ms=timeout_ms,  # an answer that comes later is of no use
            max_block_ms=timeout_ms,  # a send waits for where the topic's partitions are
            linger_ms=0,
        )
        try:
            bound_waits(producer, self._timeout_s)
            producer.init_transactions()
        except BaseException:
            end_producer(producer)
            raise
        return producer
