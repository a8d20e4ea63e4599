"""Writes records in momentary transactions under a name that one process has at a time, the one that took it last."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from kafka import KafkaProducer
from kafka.errors import InvalidProducerEpochError, KafkaError, ProducerFencedError

from stream.broker.cluster import Cluster
from stream.broker.contract import Message
from stream.broker.guards import bound_waits, end_producer, send
from stream.broker.rights import Right, naming
from stream.errors import UserError

_TIMEOUT_S = 10.0


class OnceWriter:
    """The one process that writes under a name; a context manager.

    Once it is entered, whatever others have written under that name is committed or never will be, and they can write
    no more. So what is read from then on tells what remains to be written.

    Args:
        cluster: where to.
        name: the transactional.id.

    Raises:
        UserError: the cluster is not reachable, or doesn't allow it; from `write`, too.
    """

    def __init__(self, cluster: Cluster, *, name: str) -> None:
        self._cluster = cluster
        self._name = name
        self._producer: KafkaProducer = cluster.producer(
            transactional_id=name,
            transaction_timeout_ms=int(_TIMEOUT_S * 1000),
            request_timeout_ms=int(_TIMEOUT_S * 1000),
            linger_ms=0,
        )
        try:
            bound_waits(self._producer, _TIMEOUT_S)
            with naming(cluster, Right("Write", "transactional-id", name)):
                self._producer.init_transactions()
        except KafkaError as error:
            end_producer(self._producer)
            raise UserError(f"Kafka allows no transactions under the name {name!r}: {error}") from None
        except BaseException:
            end_producer(self._producer)
            raise

    def write(self, messages: Sequence[Message]) -> None:
        """Writes all of them, or none; after an error nothing more may be written.

        Raises:
            UserError: another process has taken the name, or it isn't known whether they were written.
        """
        rights = [Right("Write", "topic", each) for each in sorted({message.topic for message in messages})]
        try:
            with naming(self._cluster, *rights, Right("Write", "transactional-id", self._name)):
                self._write(messages)
        except (InvalidProducerEpochError, ProducerFencedError):
            raise UserError(
                f"another process has begun to write as {self._name!r}: this one ends. When the other has ended, run "
                "it again for what is left; nothing is written twice"
            ) from None
        except KafkaError as error:
            raise UserError(
                f"Kafka did not take {len(messages)} records, or did not say so: {error}. Run it again; nothing is "
                "written twice"
            ) from None

    def _write(self, messages: Sequence[Message]) -> None:
        self._producer.begin_transaction()
        futures = [send(self._producer, each) for each in messages]
        self._producer.flush(timeout=_TIMEOUT_S)
        for future in futures:  # flush doesn't raise, and commit can succeed although a record was lost
            future.get(timeout=_TIMEOUT_S)
        self._producer.commit_transaction()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        end_producer(self._producer)
