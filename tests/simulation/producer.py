"""What kafka-python's transactional producer does, its defects included."""

import zlib
from types import SimpleNamespace
from typing import Any, NoReturn

from kafka import TopicPartition
from kafka.errors import (
    CommitFailedError,
    InvalidProducerEpochError,
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumberError,
    RequestTimedOutError,
)
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata

from tests.simulation.line import Line
from tests.simulation.log import Headers


class _Future:
    """Of one record."""

    def __init__(self, error: KafkaError | None) -> None:
        self._error = error

    def get(self, timeout: float) -> None:
        if self._error:
            raise self._error


class _Sender:
    """The client's thread, which our code ends."""

    def force_close(self) -> None:
        pass

    def join(self, timeout: float) -> None:
        pass

    def is_alive(self) -> bool:
        return False


class SimulatedProducer:
    """Writes by one transactional.id."""

    def __init__(self, line: Line, *, transactional_id: str, request_timeout_ms: int, **_options: Any) -> None:
        self._line, self._brokers = line, line.brokers
        self._id = transactional_id
        self._timeout_s = request_timeout_ms / 1000
        self._epoch = -1
        self._offsets: dict[TopicPartition, OffsetAndMetadata] = {}
        self._lost_a_record = False
        self._sender = _Sender()
        never = lambda *_args: SimpleNamespace(wait=lambda _timeout_ms=0: True)  # noqa: E731
        self._transaction_manager = SimpleNamespace(
            initialize_transactions=never, send_offsets_to_transaction=never, begin_commit=never
        )

    def init_transactions(self) -> None:
        self._line.call("init", timeout_s=self._timeout_s)
        self._epoch = self._brokers.init_producer(self._id)

    def begin_transaction(self) -> None:
        """Nothing is sent before there is something to write."""

    def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> _Future:
        given: Headers = tuple(headers)
        size = len(key or b"") + len(value or b"") + sum(len(name) + len(text) for name, text in given)
        if size > self._brokers.max_message_bytes:
            return _Future(MessageSizeTooLargeError(f"{size} bytes"))
        mishap = self._line.call("send", timeout_s=self._timeout_s)
        if mishap == "lost":  # the client bumps its epoch, which aborts all, and takes the transaction to be empty
            self._epoch = self._brokers.init_producer(self._id)
            self._lost_a_record = True
            return _Future(OutOfOrderSequenceNumberError())
        if self._lost_a_record:
            return _Future(OutOfOrderSequenceNumberError())
        try:
            transaction = self._brokers.transaction(self._id, self._epoch, writes=True)
        except InvalidProducerEpochError as error:  # a zombie bumps its epoch, which fences the living one
            self._epoch = self._brokers.init_producer(self._id)
            return _Future(error)
        partition = TopicPartition(topic, zlib.crc32(key or b"") % self._brokers.outputs[topic])
        log = self._brokers.logs[partition]
        log.append(key, value, given, timestamp_ms=self._brokers.now_ms(), transaction=transaction)
        return _Future(None)

    def send_offsets_to_transaction(
        self, offsets: dict[TopicPartition, OffsetAndMetadata], identity: ConsumerGroupMetadata
    ) -> None:
        self._offsets.update(offsets)  # what a failed transaction left here goes along
        mishap = self._line.call("offsets", timeout_s=self._timeout_s)
        if mishap == "refused":
            raise CommitFailedError("the group is moving on")
        if self._lost_a_record:
            return
        transaction = self._brokers.transaction(self._id, self._epoch)
        self._brokers.commit_offsets(transaction, self._offsets, identity)
        self._offsets = {}
        if mishap == "unanswered":
            self._fail(mishap)

    def flush(self, timeout: float) -> None:
        """Doesn't raise for records that were lost."""
        self._line.call("flush", timeout_s=timeout)

    def commit_transaction(self) -> None:
        mishap = self._line.call("commit", timeout_s=self._timeout_s)
        if self._lost_a_record:  # reported as a success
            self._lost_a_record = False
            return
        if mishap == "late":
            self._brokers.transaction(self._id, self._epoch)
            self._brokers.end_later(self._id, self._epoch)
        elif mishap != "lost":
            self._brokers.end(self._id, self._epoch, commit=True, halfway=mishap == "halfway")
        if mishap:
            self._fail(mishap)

    def abort_transaction(self) -> None:
        """Forgets the records, not the offsets that are still to be sent."""
        self._line.call("abort", timeout_s=self._timeout_s)
        self._lost_a_record = False
        self._brokers.transaction(self._id, self._epoch)
        self._brokers.end(self._id, self._epoch, commit=False)

    def _fail(self, what: str) -> NoReturn:
        self._line.wait(self._timeout_s)
        raise RequestTimedOutError(what)

    def close(self, timeout: float) -> None:
        pass
