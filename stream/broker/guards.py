"""Touches private parts of kafka-python 3.0.12, as `handshakes` and `leaders` do: defects not guarded otherwise."""

import math
from collections.abc import Callable
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import (
    AuthorizationError,
    IllegalGenerationError,
    KafkaError,
    KafkaTimeoutError,
    MemberIdRequiredError,
    RebalanceInProgressError,
    RetriableError,
    TransactionalIdAuthorizationFailedError,
    UnknownMemberIdError,
)
from kafka.protocol.producer.transaction import AddOffsetsToTxnRequest

from stream.broker.contract import Message

VERIFIED_VERSION = "3.0.12"
"""Of kafka-python: read and tested against this one; a test asks for a new look when another is installed."""

_THREAD_ENDS_WITHIN_S = 10.0  # it looks up each 0.1 s
_JOINED_ANEW = (UnknownMemberIdError, RebalanceInProgressError, IllegalGenerationError, MemberIdRequiredError)


def keep_finished_joins(consumer: KafkaConsumer) -> None:
    """Keeps a finished join's assignment, or its refusal, until a poll takes it, and lets the join be due until then.

    kafka-python throws a join away that finishes between two polls, and starts it anew; where metadata caused the join
    it even forgets that one is due. The worker polls often and shortly, so it would hardly ever get its partitions.

    Raises:
        AttributeError: this kafka-python is built differently.
    """
    coordinator = consumer._coordinator  # noqa: SLF001 - no public way to it
    join, complete, due = (
        coordinator._do_join_and_sync_async,  # noqa: SLF001
        coordinator._on_join_complete_async,  # noqa: SLF001
        coordinator.need_rejoin,
    )
    assert coordinator._join_task is None  # noqa: SLF001 - nothing may have begun yet
    finished: list[Any] = []
    refused: list[KafkaError] = []

    async def join_once() -> Any:
        if refused:
            raise refused.pop()
        if not finished:
            try:
                finished.append(await join())
            except _JOINED_ANEW:
                raise
            except KafkaError as error:
                if not isinstance(error, RetriableError):
                    refused.append(error)
                raise
        return finished[0]

    async def complete_and_forget(*assignment: Any) -> Any:
        finished.clear()
        return await complete(*assignment)

    def due_until_complete() -> bool:
        return bool(finished) or coordinator._join_task is not None or due()  # noqa: SLF001

    coordinator._do_join_and_sync_async = join_once  # noqa: SLF001
    coordinator._on_join_complete_async = complete_and_forget  # noqa: SLF001
    coordinator.need_rejoin = due_until_complete


def notice_losses_while_joining(consumer: KafkaConsumer) -> None:
    """Has partitions told of as lost, too, where the group threw the member out while it was joining.

    kafka-python looks for that once, before it asks to join. Where the answer is that the group doesn't know it any
    more (its session ended while it stood still), it joins as a new member that still holds its partitions; those that
    it is given again it reads on where it was, although others have had them meanwhile, and delivers them once more.
    Kafka's own client looks again.

    Raises:
        AttributeError: this kafka-python is built differently.
    """
    coordinator = consumer._coordinator  # noqa: SLF001 - no public way to it
    reset = coordinator.reset_generation
    assert coordinator.rejoining is False  # nothing may have begun yet

    def reset_and_look_again(*args: Any, **kwargs: Any) -> None:
        reset(*args, **kwargs)
        coordinator.rejoining = False

    coordinator.reset_generation = reset_and_look_again


def put_off_joins(consumer: KafkaConsumer, while_: Callable[[], bool]) -> None:
    """Lets no join begin while a condition holds.

    kafka-python joins again in the same breath in which it tells what is revoked: too soon to deliver what is in hand.

    Raises:
        AttributeError: this kafka-python is built differently.
    """
    coordinator = consumer._coordinator  # noqa: SLF001 - no public way to it
    due = coordinator.need_rejoin

    def due_and_not_put_off() -> bool:
        return not while_() and bool(due())

    coordinator.need_rejoin = due_and_not_put_off


def join_again(consumer: KafkaConsumer) -> None:
    """Lets a join be due, so that all partitions are shared out anew.

    Raises:
        AttributeError: this kafka-python is built differently.
    """
    consumer._coordinator.request_rejoin()  # noqa: SLF001 - no public way to it


def read_while_joining(consumer: KafkaConsumer) -> None:
    """Lets records of the partitions held go on coming while a join is under way, as Kafka's own client does.

    A join waits for every member, for a dead one until its session ends. kafka-python hands out nothing for so long:
    one worker that is killed and comes back would stop them all.

    Raises:
        AttributeError: this kafka-python is built differently.
    """
    coordinator = consumer._coordinator  # noqa: SLF001 - no public way to it
    poll = coordinator.poll

    def poll_without_waiting(*args: Any, **kwargs: Any) -> bool:
        return bool(poll(*args, **kwargs)) or coordinator._join_task is not None  # noqa: SLF001

    coordinator.poll = poll_without_waiting


def next_offset(consumer: KafkaConsumer, partition: TopicPartition) -> int | None:
    """Of the next record that a poll gives; None before the partition is placed.

    kafka-python's own `position` asks Kafka where any other partition isn't placed yet, and raises where it has no
    offset.
    """
    state = consumer._subscription.assignment.get(partition)  # noqa: SLF001 - see above
    return None if state is None or state.position is None else int(state.position.offset)


def heartbeat_answered_s(consumer: KafkaConsumer) -> float:
    """When Kafka last answered a heartbeat, by `time.monotonic()`; minus infinity before the first answer.

    kafka-python's own measure begins anew whenever any broker tells where the coordinator is, even one that can't be
    reached: such a member would look as if all were well.
    """
    return float(consumer._coordinator.heartbeat.last_receive)  # noqa: SLF001 - no public way to it


def coordinator_known(consumer: KafkaConsumer) -> bool:
    """Whether a broker is known, and connected, that coordinates the group."""
    return not consumer._coordinator.coordinator_unknown()  # noqa: SLF001 - no public way to it


def raise_refused_heartbeats(consumer: KafkaConsumer) -> None:
    """Lets a heartbeat that isn't allowed end the next poll.

    kafka-python logs it and goes on: a member whose right is taken away would look like one that gets no answer.

    Raises:
        AttributeError: this kafka-python is built differently.
    """
    coordinator = consumer._coordinator  # noqa: SLF001 - no public way to it
    take, poll = coordinator._handle_heartbeat_response, coordinator.poll  # noqa: SLF001
    refused: list[AuthorizationError] = []

    def take_and_note(*args: Any, **kwargs: Any) -> Any:
        try:
            return take(*args, **kwargs)
        except AuthorizationError as error:
            refused.append(error)
            raise

    def poll_unless_refused(*args: Any, **kwargs: Any) -> Any:
        if refused:
            raise refused[0]
        return poll(*args, **kwargs)

    coordinator._handle_heartbeat_response = take_and_note  # noqa: SLF001
    coordinator.poll = poll_unless_refused


def is_hidden(consumer: KafkaConsumer, topic: str) -> bool:
    """Whether Kafka, when asked last where the topic's partitions are, did not show it to this user.

    kafka-python logs it and goes on: it fetches nothing of it any more, and polls go on as if there were nothing.
    """
    return topic in consumer._cluster.unauthorized_topics  # noqa: SLF001 - no public way to it


def is_fenced(consumer: KafkaConsumer) -> bool:
    """Whether another process has taken the place of this static member.

    A heartbeat finds out, and kafka-python then only ends the heartbeats: polls go on as if nothing had happened.
    """
    coordinator = consumer._coordinator  # noqa: SLF001 - no public way to it
    with coordinator._lock:  # noqa: SLF001
        return bool(
            coordinator.stable() and not coordinator.rejoining and not coordinator._heartbeat_enabled  # noqa: SLF001
        )


def resume_parked_records(consumer: KafkaConsumer) -> None:
    """Lets a partition go on that was paused in the middle of what had been fetched of it.

    kafka-python parks the rest, and takes it up again only when no other partition's records are in line. But records
    that were read to their end stay in line until more are fetched, and of a partition with parked records nothing is
    fetched: where the others are quiet it stands still for ever.

    Raises:
        AttributeError: this kafka-python is built differently.
    """
    fetcher = consumer._fetcher  # noqa: SLF001 - no public way to it
    take = fetcher.fetched_records

    def take_parked_too(*args: Any, **kwargs: Any) -> Any:
        if not fetcher._next_partition_records:  # noqa: SLF001 - read to their end
            fetcher._next_partition_records = None  # noqa: SLF001
        return take(*args, **kwargs)

    fetcher.fetched_records = take_parked_too


def send(producer: KafkaProducer, message: Message) -> Any:
    """Hands a message to a producer; returns its future.

    kafka-python refuses a message without key and value, which Kafka takes: its value is sent empty instead.

    Raises:
        KafkaTimeoutError: the brokers don't say where the topic's partitions are.
    """
    value = b"" if message.key is None and message.value is None else message.value
    try:
        return producer.send(message.topic, key=message.key, value=value, headers=list(message.headers))
    except KafkaTimeoutError as error:
        raise KafkaTimeoutError(f"no broker tells of the topic {message.topic!r} (was it deleted?): {error}") from error


def ask_as_nobody(admin: KafkaAdminClient, *, transactional_id: str) -> None:
    """Asks, as a producer that there isn't, for something that only who may use a transactional id is let ask.

    Brokers look at the right first. kafka-python asks by beginning a life of a producer, which ends another's.

    Raises:
        TransactionalIdAuthorizationFailedError: this user may not use it.
    """
    manager = admin._manager  # noqa: SLF001 - no public way to it
    asked = AddOffsetsToTxnRequest(transactional_id=transactional_id, producer_id=-2, producer_epoch=0, group_id="-")

    async def ask() -> Any:
        return await manager.send(asked)

    if manager.run(ask).error_code == TransactionalIdAuthorizationFailedError.errno:
        raise TransactionalIdAuthorizationFailedError(transactional_id)


def bound_waits(producer: KafkaProducer, timeout_s: float) -> None:
    """Lets the calls of a transaction time out: by themselves they wait without end for a broker that is gone.

    What timed out may still happen; only `end_producer` makes sure of what doesn't.

    Raises:
        AttributeError: this kafka-python is built differently.
    """
    manager = producer._transaction_manager  # noqa: SLF001 - no public way to it

    def bound(name: str) -> None:
        ask = getattr(manager, name)

        def ask_and_bound(*args: Any, **kwargs: Any) -> Any:
            result = ask(*args, **kwargs)
            wait = result.wait

            def wait_within(timeout_ms: float = math.inf) -> bool:
                if not wait(min(timeout_ms, timeout_s * 1000)):
                    raise KafkaTimeoutError(f"{name} was not answered for {timeout_s:g} s")
                return True

            result.wait = wait_within
            return result

        setattr(manager, name, ask_and_bound)

    for name in ("initialize_transactions", "send_offsets_to_transaction", "begin_commit"):
        bound(name)


def root_of(error: KafkaError) -> KafkaError:
    """What went wrong; after a refused request kafka-python gives it only within the error of the next call."""
    within = [each for each in error.args if isinstance(each, KafkaError)]
    return root_of(within[0]) if within else error


def end_producer(producer: KafkaProducer) -> None:
    """Ends a producer at once; what it has not sent is never sent.

    Its close() sends the rest first, and where that takes too long it raises and leaves its thread running: that one
    would find itself fenced by the successor, and fence it in turn.
    """
    sender = producer._sender  # noqa: SLF001 - no public way to it
    sender.force_close()
    sender.join(timeout=_THREAD_ENDS_WITHIN_S)
    assert not sender.is_alive(), "kafka-python's sender thread doesn't end"
    producer.close(timeout=0)
