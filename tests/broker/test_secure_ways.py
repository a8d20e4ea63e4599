"""A member takes part whichever way it says who it is, and what becomes of it where that is changed meanwhile."""

import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import get_args

import pytest
from kafka.errors import KafkaError

from stream.broker.at_least_once import AtLeastOnce
from stream.broker.cluster import Cluster
from stream.broker.contract import Delivery, Message
from stream.broker.handshakes import RefusedError
from stream.broker.joining import KafkaOptions
from stream.broker.kafka import KafkaBroker
from stream.broker.reading import committed_offsets, read_topic
from stream.broker.rights import RightsMissingError
from stream.broker.topics import Topic, create_topics
from stream.broker.transactions import Transactions
from stream.broker.writing import Writer
from stream.results.audit import Scope, Topics, audit
from tests.broker.test_rights import Job
from tests.certificates import Authority
from tests.guarded_kafka import GuardedKafka, Way

PATIENCE_S = 20.0


@pytest.fixture
def job(guarded: GuardedKafka) -> Job:
    return Job(Cluster(guarded.bootstrap))


def until_it_raises(broker: KafkaBroker) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        broker.poll(max_records=0, timeout_s=0.05)


def until_an_outage(broker: KafkaBroker, *, max_records: int = 0) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while not (outage := broker.poll(max_records=max_records, timeout_s=0.05).outage):
        assert time.monotonic() < deadline
    return outage


def send_for(seconds: float, writer: Writer, job: Job) -> None:
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        writer.write(Message(job.clips, b"5", b"a reference"))
        writer.flush()
        time.sleep(0.1)


def cut(broker: KafkaBroker) -> None:
    """Closes the consumer's connections, as a broker does with idle ones."""
    manager = broker._consumer._manager
    manager.run(lambda: [each.close() for each in list(manager._conns.values())])


# Ways.


@pytest.mark.parametrize("by", [each for each in get_args(Way) if each != "PLAIN"])
def test_who_may_do_it_takes_part_whichever_way_it_says_who_it_is(guarded: GuardedKafka, job: Job, by: Way):
    user = guarded.newcomer(*job.rights, by=by)
    job.require(user)
    with job.member(user) as broker:
        for _ in range(3):
            job.deliver_once(broker)
    assert committed_offsets(job.cluster, job.group, job.clips) == {0: 3}


def test_tls_alone_will_do_where_kafka_asks_for_no_name(guarded: GuardedKafka, job: Job):
    anybody = guarded.anybody()
    assert create_topics(anybody.cluster(), [Topic(job.clips)]) == {job.clips: "exists with 1 partition"}
    job.require(anybody)
    with job.member(anybody) as broker:
        for _ in range(5):
            job.deliver_once(broker)
    names = Topics(clips=job.clips, verdicts=job.outputs[0], dead_letters=job.outputs[1], group=job.group)
    assert audit(anybody.cluster(), names, Scope()).references == 5


def test_a_right_that_an_owner_of_a_certificate_lacks_is_told_with_whose_it_is(guarded: GuardedKafka, job: Job):
    user = guarded.newcomer(by="certificate")
    with pytest.raises(RightsMissingError) as told:
        job.require(user)
    first = str(told.value).splitlines()[1]
    certfile = user.options["ssl_certfile"]
    assert first.startswith(f"  the owner of the certificate '{certfile}' may not READ the topic '{job.clips}'")
    assert f'--allow-principal "User:$(openssl x509 -noout -subject -nameopt RFC2253 -in {certfile} | cut' in first


@pytest.mark.ops
def test_the_command_that_allows_it_names_the_owner_as_kafka_does(guarded: GuardedKafka, job: Job):
    user = guarded.newcomer(by="certificate")
    with pytest.raises(RightsMissingError) as told:
        job.require(user)
    _, _, principal = str(told.value).splitlines()[1].partition("--allow-principal ")
    named = subprocess.check_output(["sh", "-c", f"echo {principal.partition(' --operation')[0]}"], text=True)
    assert named.strip() == f"User:{user.name}"


# Changes.


def test_a_password_that_is_changed_ends_a_member_and_commits_nothing_more(guarded: GuardedKafka, job: Job):
    user = guarded.newcomer(*job.rights, by="SCRAM-SHA-512")
    with job.member(user) as broker:
        job.deliver_once(broker)
        guarded.set_password(user.name, "SCRAM-SHA-512", "another")
        with pytest.raises(RefusedError, match=f"refuses the log-in of '{user.name}' by SCRAM-SHA-512"):
            until_it_raises(broker)
    assert committed_offsets(job.cluster, job.group, job.clips) == {0: 1}


def test_nor_does_a_delivery_take_a_refusal_for_an_outage(guarded: GuardedKafka, job: Job):
    user = guarded.newcomer(*job.rights, by="SCRAM-SHA-256")
    with closing(Transactions(user.cluster(), transactional_id=f"{job.group}-a", timeout_s=5.0)) as transactions:
        transactions._give_up(KafkaError())
        guarded.set_password(user.name, "SCRAM-SHA-256", "another")
        with pytest.raises(RefusedError):
            transactions.settle()


def test_nor_does_one_without_transactions(guarded: GuardedKafka, job: Job):
    user = guarded.newcomer(*job.rights, by="SCRAM-SHA-256")
    options = KafkaOptions(cluster=user.cluster(), group=job.group, topic=job.clips)
    with closing(KafkaBroker(options, delivery=AtLeastOnce)) as broker:
        assert isinstance(broker._deliverer, AtLeastOnce)
        broker._deliverer._give_up()
        guarded.set_password(user.name, "SCRAM-SHA-256", "another")
        with pytest.raises(RefusedError):
            broker._deliverer._begin(Delivery((Message(job.outputs[0], b"a", b"b"),), {}, 0))


def test_a_password_that_is_changed_ends_a_producer_within_seconds(guarded: GuardedKafka, job: Job):
    user = guarded.newcomer(f"Write topic {job.clips}", by="SCRAM-SHA-256")
    acknowledged: list[int] = []

    def send() -> None:
        with Writer(user.cluster(), delivered=acknowledged.append) as writer:
            send_for(0.5, writer, job)
            guarded.set_password(user.name, "SCRAM-SHA-256", "another")
            send_for(15.0, writer, job)

    with pytest.raises(RefusedError):
        send()
    assert len(list(read_topic(job.cluster, job.clips))) == 5 + sum(acknowledged)


def test_a_certificate_is_read_anew_for_each_connection(guarded: GuardedKafka, job: Job, tmp_path: Path):
    user = guarded.newcomer(*job.rights, by="certificate")
    certfile, keyfile = (Path(user.options[name]) for name in ("ssl_certfile", "ssl_keyfile"))
    key = keyfile.read_bytes()
    with job.member(user) as broker:
        job.deliver_once(broker)
        keyfile.unlink()
        cut(broker)
        assert "No such file or directory" in until_an_outage(broker)
        keyfile.write_bytes(key)
        job.deliver_once(broker)
        guarded.authority.issue(certfile.stem)  # renewed: another certificate and another key
        cut(broker)
        job.deliver_once(broker)
        Authority(tmp_path).issue("another").both.rename(certfile)
        keyfile.write_bytes(certfile.read_bytes())
        cut(broker)
        with pytest.raises(RefusedError, match=f"refuses the certificate in ssl_certfile = '{certfile}'"):
            until_it_raises(broker)
    assert committed_offsets(job.cluster, job.group, job.clips) == {0: 3}
