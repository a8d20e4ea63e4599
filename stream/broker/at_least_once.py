"""At least once, for brokers that allow no transactions: outcomes are written, and then positions committed.

Who dies in between has written outcomes that come again from the partition's next owner. None is ever missing.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from kafka import KafkaProducer
from kafka.errors import (
    CommitFailedError,
    KafkaError,
    KafkaTimeoutError,
    RebalanceInProgressError,
    RetriableError,
)

from stream.broker.cluster import Cluster
from stream.broker.contract import Delivery, DeliveryRefused
from stream.broker.guards import end_producer, send
from stream.broker.handshakes import RefusedError
from stream.broker.membership import Member
from stream.broker.positions import At, at_of, to_offsets
from stream.broker.transactions import NEVER_TAKEN, RECONNECT_TIMEOUT_S
from stream.errors import Outage, UserError


@dataclass(frozen=True, slots=True)
class _Begun:
    """A delivery whose messages are on their way."""

    delivery: Delivery
    futures: Sequence[Any]


class AtLeastOnce:
    """An idempotent producer, and commits that only the partitions' owner can make.

    Args:
        member: whose.

    Raises:
        UserError: the cluster is not reachable.
    """

    def __init__(self, member: Member) -> None:
        self._member = member
        self._producer: KafkaProducer | None = self._open(member.cluster)
        self._begun: _Begun | None = None

    def deliver(self, delivery: Delivery) -> None:
        """Writes messages, and then commits positions.

        Raises:
            DeliveryRefused: its positions are not committed, whatever of its messages can be read.
            Outage: Kafka doesn't answer; ask for the very same again: what is under way is waited for, not resent.
            KafkaError: one of NEVER_TAKEN.
        """
        assert self._begun is None or self._begun.delivery == delivery, "another delivery isn't over yet"
        at = at_of(delivery.positions)
        try:
            self._require_settled(delivery, at)
            if self._begun is None:
                self._begun = self._begin(delivery)
            self._await(self._begun.futures)
            self._commit(at)
        except Outage:
            raise
        except BaseException:
            self._begun = None
            raise
        self._begun = None

    def close(self) -> None:
        """Ends the producer."""
        if self._producer is not None:
            end_producer(self._producer)

    def _require_settled(self, delivery: Delivery, at: At) -> None:
        """Kafka takes no commit while a join is under way, and what is written by then would be written again."""
        self._member.vouch(delivery.generation, at)
        if self._member.membership.joining:
            raise DeliveryRefused("the group's members are changing")

    def _begin(self, delivery: Delivery) -> _Begun:
        try:
            if self._producer is None:
                self._producer = self._open(replace(self._member.cluster, connect_timeout_s=RECONNECT_TIMEOUT_S))
            return _Begun(delivery, [send(self._producer, each) for each in delivery.messages])
        except RefusedError:
            raise
        except UserError as error:
            raise Outage(str(error)) from error
        except KafkaTimeoutError as error:  # it waits for where the topic's partitions are
            self._give_up()
            raise Outage(str(error)) from error

    def _open(self, cluster: Cluster) -> KafkaProducer:
        timeout_ms = int(self._member.timeout_s * 1000)
        return cluster.producer(linger_ms=0, request_timeout_ms=timeout_ms, max_block_ms=timeout_ms)

    def _give_up(self) -> None:
        self.close()
        self._producer = None

    def _await(self, futures: Sequence[Any]) -> None:
        """Until all have arrived. One that failed is gone for this producer, while later ones may have arrived."""
        give_up_at = time.monotonic() + self._member.timeout_s
        try:
            for future in futures:
                future.get(timeout=max(0.0, give_up_at - time.monotonic()))
        except NEVER_TAKEN:
            raise
        except KafkaError as error:
            if not future.is_done:
                raise Outage(f"no answer for {self._member.timeout_s:g} s") from error
            self._give_up()
            raise DeliveryRefused(str(error)) from error

    def _commit(self, at: At) -> None:
        try:
            self._member.consumer.commit(to_offsets(at), timeout_ms=self._member.timeout_s * 1000)
        except (CommitFailedError, RebalanceInProgressError) as error:
            raise DeliveryRefused(str(error)) from error
        except RetriableError as error:
            raise Outage(str(error)) from error
