"""Topics are made once and left alone afterwards; options are read from text."""

import uuid
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.admin import ConfigResource, ConfigResourceType

from stream.broker.cluster import Cluster, parse_options
from stream.broker.topics import FOR_EVER_MS, Topic, create_topics, require_topics
from stream.errors import UserError


def test_topics_are_created_once_and_never_changed(cluster: Cluster):
    name = f"topic-{uuid.uuid4().hex[:12]}"
    assert create_topics(cluster, [Topic(name, 3)]) == {name: "created with 3 partitions"}
    assert create_topics(cluster, [Topic(name, 3)]) == {name: "exists with 3 partitions"}
    assert create_topics(cluster, [Topic(name, 4)]) == {name: "exists with 3 partitions instead of 4: left as it is"}


def test_outcome_topics_keep_records_for_ever(cluster: Cluster):
    name = f"topic-{uuid.uuid4().hex[:12]}"
    create_topics(cluster, [Topic(name, 1, retention_ms=FOR_EVER_MS)])
    with cluster.admin() as admin:
        configs = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    assert configs["topic"][name]["retention.ms"]["value"] == "-1"


def test_a_topic_that_exists_with_another_retention_is_left_so_and_told(cluster: Cluster):
    name = f"topic-{uuid.uuid4().hex[:12]}"
    create_topics(cluster, [Topic(name, 1, retention_ms=3_600_000)])
    for kept_ms, said in ((3_600_000, ""), (None, ""), (7_200_000, ", retention.ms=3600000 instead of 7200000")):
        left = ": left as it is" if said else ""
        topic = Topic(name, 1, retention_ms=kept_ms)
        assert create_topics(cluster, [topic]) == {name: f"exists with 1 partition{said}{left}"}


@pytest.mark.parametrize(
    ("configs", "told", "wanted"),
    [
        ({}, "retention.ms=604800000,", "retention.ms=-1,"),
        ({"retention.ms": "3600000"}, "retention.ms=3600000,", "retention.ms=-1,"),
        ({"retention.ms": "-1", "retention.bytes": "9"}, "retention.bytes=9,", "retention.bytes=-1,"),
        ({"retention.ms": "-1", "cleanup.policy": "compact"}, "cleanup.policy=compact,", "cleanup.policy=delete,"),
    ],
)
def test_an_outcome_topic_that_exists_and_does_not_keep_records_for_ever_is_refused(
    cluster: Cluster, configs: dict[str, str], told: str, wanted: str
):
    name, other = (f"topic-{uuid.uuid4().hex[:12]}" for _ in range(2))
    with cluster.admin() as admin:
        admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1, "configs": configs}})
    with pytest.raises(UserError) as refused:
        create_topics(cluster, [Topic(name, 1, retention_ms=FOR_EVER_MS), Topic(other, 1, retention_ms=FOR_EVER_MS)])
    assert f"'{name}' exists with {told} so Kafka would delete" in str(refused.value)
    assert f"--topic {name} --add-config {wanted} or name another topic" in str(refused.value)
    done = create_topics(cluster, [Topic(other, 1, retention_ms=FOR_EVER_MS)])
    assert done == {other: "exists with 1 partition"}, "one that is refused keeps no other from being made"


@pytest.mark.parametrize("topic", [Topic("not a name"), Topic("many-copies", replication=3)])
def test_what_kafka_refuses_is_said_with_the_topic(cluster: Cluster, topic: Topic):
    with pytest.raises(UserError, match=f"the topic '{topic.name}' could not be created: Invalid"):
        create_topics(cluster, [topic])


def test_more_copies_than_there_are_brokers_are_told_how_many_these_are(cluster: Cluster):
    with pytest.raises(UserError, match=r"3 copies of each partition were asked for, and the brokers are 1$"):
        create_topics(cluster, [Topic("many-copies", replication=3)])


def test_a_topic_that_is_missing_is_told_beside_one_that_is_spelt_alike(
    cluster: Cluster, new_topic: Callable[..., str]
):
    there = new_topic()
    with pytest.raises(UserError, match=f"did you mean '{there}'\\? Else create it"):
        require_topics(cluster, [there[:-1]])
    with pytest.raises(UserError, match=r"'quite-another' doesn't exist on \S+: create it"):
        require_topics(cluster, ["quite-another"])


def test_options_become_what_kafka_python_wants():
    texts = {
        "security_protocol": "SASL_SSL",
        "sasl_plain_password": "1234",
        "ssl_check_hostname": "False",
        "max_request_size": "2000000",
    }
    assert parse_options(texts) == {
        "security_protocol": "SASL_SSL",
        "sasl_plain_password": "1234",
        "ssl_check_hostname": False,
        "max_request_size": 2000000,
    }


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("security_protocoll", "SSL", "did you mean STALL_KAFKA_SECURITY_PROTOCOL"),
        ("security_protocol", "ssl", "must be one of PLAINTEXT, SSL"),
        ("sasl_mechanism", "SCRAM", "must be one of PLAIN, "),
        ("isolation_level", "read_uncommitted", "can't be set"),
        ("sasl_oauth_token_provider", "x", "can't be set"),
        ("partitioner", "x", "can't be set"),
        ("ssl_check_hostname", "maybe", "must be true or false"),
        ("max_request_size", "2 MB", "must be a whole number"),
    ],
)
def test_options_that_cannot_be_honoured_are_refused(name: str, text: str, message: str):
    with pytest.raises(UserError, match=message):
        parse_options({name: text})


@given(st.text())
def test_secrets_do_not_show(secret: str):
    assert repr(Cluster("host:9092", options={"sasl_plain_password": secret})) == repr(Cluster("host:9092"))
