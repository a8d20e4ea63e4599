"""What a user may not do in Kafka is named, with the way out: before any work is done, and when it is taken away."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stream.broker.cluster import Cluster
from stream.broker.contract import Delivery, DeliveryRefused, Message, Position
from stream.broker.joining import KafkaOptions
from stream.broker.kafka import KafkaBroker
from stream.broker.reading import committed_offsets, read_topic
from stream.broker.rights import (
    Right,
    RightsMissingError,
    require_rights,
    require_transactions,
    transactions_right,
    worker_rights,
)
from stream.broker.start import settle_start
from stream.broker.topics import Topic, create_topics
from stream.broker.writing import Writer
from stream.errors import UserError
from stream.local.embedded import EmbeddedKafka
from stream.records import KafkaSource
from tests.guarded_kafka import GuardedKafka, User
from tests.system.commands import until


@dataclass(frozen=True)
class Job:
    """What a worker works on: topics of a test's own, with five references, and a group."""

    cluster: Cluster
    """As one who may do all sees it."""
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def __post_init__(self) -> None:
        create_topics(self.cluster, [Topic(each) for each in (self.clips, *self.outputs)])
        with Writer(self.cluster) as writer:
            for number in range(5):
                writer.write(Message(self.clips, b"%d" % number, b"a reference"))

    @property
    def clips(self) -> str:
        return f"clips-{self.name}"

    @property
    def outputs(self) -> tuple[str, str]:
        return f"verdicts-{self.name}", f"letters-{self.name}"

    @property
    def group(self) -> str:
        return f"group-{self.name}"

    @property
    def rights(self) -> dict[str, str]:
        """All that a worker needs, each with how it is told."""
        return {
            f"Read topic {self.clips}": f"READ the topic '{self.clips}'",
            **{f"Write topic {each}": f"WRITE to the topic '{each}'" for each in self.outputs},
            f"Read group {self.group}": f"READ the group '{self.group}'",
            f"Write transactional-id {self.group}-*": f"transactional ids that begin with '{self.group}-'",
        }

    @contextmanager
    def member(self, user: User, *, slot: str | None = None) -> Iterator[KafkaBroker]:
        """One that owns the partition."""
        options = KafkaOptions(
            cluster=user.cluster(),
            group=self.group,
            topic=self.clips,
            output_topics=self.outputs,
            slot=slot,
            heartbeat_s=0.2,
        )
        broker = KafkaBroker(options)
        try:
            while not broker._owned:
                broker.poll(max_records=0, timeout_s=0.05)
            yield broker
        finally:
            broker.close()

    def deliver(self, broker: KafkaBroker) -> None:
        """The next reference's outcome, in either topic."""
        while not (polled := broker.poll(max_records=1, timeout_s=0.05)).records:
            pass
        (record,) = polled.records
        messages = tuple(Message(each, record.key, b"an outcome", record.source.headers()) for each in self.outputs)
        broker.deliver(Delivery(messages, {record.partition: Position(record.offset + 1)}, polled.generation))

    def deliver_once(self, broker: KafkaBroker) -> None:
        """As a worker does, which polls and tries again where that is refused."""
        while True:
            with suppress(DeliveryRefused):
                self.deliver(broker)
                return

    def require(self, user: User, *, slot: str | None = None) -> None:
        rights = worker_rights(group=self.group, topic=self.clips, output_topics=self.outputs)
        require_rights(user.cluster(), [*rights, transactions_right(group=self.group, slot=slot)])


@pytest.fixture
def job(guarded: GuardedKafka) -> Job:
    return Job(Cluster(guarded.bootstrap))


RIGHTS = range(5)


def wait(broker: KafkaBroker) -> None:
    """Without work; Kafka is there."""
    give_up_at = time.monotonic() + 20
    while time.monotonic() < give_up_at:
        assert broker.poll(max_records=0, timeout_s=0.05).outage is None


def nth(job: Job, number: int) -> tuple[str, str]:
    return list(job.rights.items())[number]


def test_who_may_do_what_a_worker_does_is_let_begin(guarded: GuardedKafka, job: Job):
    job.require(guarded.newcomer(*job.rights))


def test_a_slot_needs_one_transactional_id_and_no_more(guarded: GuardedKafka, job: Job):
    rights = list(job.rights)[:-1]
    user = guarded.newcomer(*rights, f"Write transactional-id {job.group}-a")
    job.require(user, slot="a")
    with pytest.raises(RightsMissingError, match=f"WRITE to the transactional id '{job.group}-b'"):
        job.require(user, slot="b")


def test_to_be_asked_whether_it_may_disturbs_no_slot(guarded: GuardedKafka, job: Job):
    user = guarded.newcomer(*job.rights)
    with job.member(user, slot="a") as broker:
        job.deliver(broker)
        job.require(user, slot="a")
        job.deliver(broker)


def test_transactions_that_may_not_be_begun_are_a_right_that_is_missing(guarded: GuardedKafka, job: Job):
    with pytest.raises(RightsMissingError, match=f"WRITE to the transactional id '{job.group}-a'"):
        require_transactions(guarded.newcomer().cluster(), transactions_right(group=job.group, slot="a"))


def test_all_that_is_missing_is_told_at_once(guarded: GuardedKafka, job: Job):
    user = guarded.newcomer()
    with pytest.raises(RightsMissingError) as told:
        job.require(user)
    first, *lines = str(told.value).splitlines()
    assert first == "5 rights are missing:"
    for line, right, named in zip(lines, job.rights, job.rights.values(), strict=True):
        operation, kind, name = right.removesuffix("*").split(" ")
        assert line.startswith(f"  user '{user.name}' may not ")
        assert named in line
        given = f"--allow-principal User:{user.name} --operation {operation} --{kind} {name}"
        assert f"have it allowed (kafka-acls.sh --bootstrap-server {user.bootstrap} --add {given}" in line


@pytest.mark.parametrize("number", RIGHTS)
def test_to_see_it_is_not_enough(guarded: GuardedKafka, job: Job, number: int):
    right, named = nth(job, number)
    _, resource = right.split(" ", 1)
    user = guarded.newcomer(*(job.rights.keys() - {right}), f"Describe {resource}")
    with pytest.raises(RightsMissingError, match=named) as told:
        job.require(user)
    assert len(str(told.value).splitlines()) == 1


def test_a_topic_that_does_not_exist_is_no_matter_of_rights(job: Job):
    require_rights(job.cluster, [Right("Write", "topic", f"never-made-{job.name}")])


@pytest.mark.parametrize("number", RIGHTS)
def test_a_right_that_is_taken_away_ends_a_member_and_commits_nothing(guarded: GuardedKafka, job: Job, number: int):
    user = guarded.newcomer(*job.rights)
    right, named = nth(job, number)
    with job.member(user) as broker:
        job.deliver(broker)
        guarded.withdraw(user, right)
        with pytest.raises(RightsMissingError, match=named):
            job.deliver_once(broker)
    assert committed_offsets(job.cluster, job.group, job.clips) == {0: 1}
    assert [len(list(read_topic(job.cluster, each, wait_for_open=True))) for each in job.outputs] == [1, 1]


def test_a_member_without_work_notices_that_it_may_be_none_any_more(guarded: GuardedKafka, job: Job):
    user = guarded.newcomer(*job.rights, f"Describe group {job.group}")
    with job.member(user) as broker:
        guarded.withdraw(user, f"Read group {job.group}")
        with pytest.raises(RightsMissingError, match=f"READ the group '{job.group}'"):
            wait(broker)


def test_a_topic_that_is_hidden_from_a_member_ends_it_although_nothing_is_fetched(guarded: GuardedKafka, job: Job):
    user = guarded.newcomer(*job.rights)
    with job.member(user) as broker:
        guarded.withdraw(user, f"Read topic {job.clips}")
        seen = broker._consumer._cluster
        seen.request_update()
        until(lambda: job.clips in seen.unauthorized_topics)
        with pytest.raises(RightsMissingError, match=f"READ the topic '{job.clips}'"):
            wait(broker)


def test_outcomes_that_a_new_group_may_not_look_at_are_named_with_two_ways_out(guarded: GuardedKafka, job: Job):
    with Writer(job.cluster) as writer:
        headers = KafkaSource(topic="another", partition=0, offset=0).headers()
        writer.write(Message(job.outputs[0], b"0", b"a verdict", headers))
    cluster = guarded.newcomer(*job.rights).cluster()
    with pytest.raises(UserError, match=rf"may not READ the topic '{job.outputs[0]}'.*, or give --start"):
        settle_start(cluster, group=job.group, topic=job.clips, output_topics=job.outputs, start=None)
    settle_start(cluster, group=job.group, topic=job.clips, output_topics=job.outputs, start="earliest")


class _WithoutTransactions(EmbeddedKafka):
    """One node that wants three for what it keeps of transactions."""

    def _properties(self, data: Path) -> str:
        return super()._properties(data) + "transaction.state.log.replication.factor=3\n"


def test_a_broker_that_has_no_transactions_is_told_of_with_what_to_do(tmp_path: Path):
    with _WithoutTransactions(tmp_path) as kafka:
        began = time.monotonic()
        with pytest.raises(UserError, match=r"gives no transactions.*replication\.factor.* --delivery at-least-once"):
            require_transactions(
                Cluster(kafka.bootstrap, connect_timeout_s=3.0), transactions_right(group="group", slot="a")
            )
        assert time.monotonic() - began < 15.0
