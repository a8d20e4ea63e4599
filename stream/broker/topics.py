"""Creates the topics and asks a broker whether it serves."""

import difflib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import (
    InvalidReplicationFactorError,
    InvalidTopicError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from stream.broker.cluster import Cluster
from stream.broker.rights import Right, RightsMissingError, naming
from stream.errors import UserError

FOR_EVER_MS = -1
"""Retention of outcome topics: Kafka's default would delete verdicts after 7 days."""
_NO_SUCH_TOPIC = (UnknownTopicOrPartitionError.errno, InvalidTopicError.errno)
_ALIKE = 0.85
"""Of difflib's ratios: a slip of the finger, and not another name of the same kind."""
_FOR_EVER = {"retention.ms": str(FOR_EVER_MS), "retention.bytes": "-1", "cleanup.policy": "delete"}


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it should be."""

    name: str
    partitions: int = 1
    replication: int = -1
    """Copies of each partition; -1 is the cluster's default."""
    retention_ms: int | None = None
    """Records are deleted after this time; -1 is never, for whatever reason; None the cluster's default."""

    @property
    def configs(self) -> Mapping[str, str]:
        """Kafka's settings that say so."""
        if self.retention_ms == FOR_EVER_MS:
            return _FOR_EVER
        return {} if self.retention_ms is None else {"retention.ms": str(self.retention_ms)}


def create_topics(cluster: Cluster, topics: Iterable[Topic]) -> Mapping[str, str]:
    """Creates the topics that are missing; those that exist are left as they are.

    Returns:
        For each topic's name what was found or done, as a sentence for the user.

    Raises:
        UserError: the cluster is not reachable or refuses, or a topic exists that should keep records for ever and
            doesn't.
    """
    topics = list(topics)
    with cluster.admin() as admin:
        _missing(cluster, admin, [topic.name for topic in topics])  # what was created is looked at afterwards
        done = {topic: _ensure(cluster, admin, topic) for topic in topics}
        for topic in done:
            if topic.retention_ms == FOR_EVER_MS:
                _require_for_ever(admin, topic, cluster.bootstrap)
    return {topic.name: sentence for topic, sentence in done.items()}


def require_answer(cluster: Cluster) -> None:
    """Makes sure that Kafka serves.

    Raises:
        UserError: it can't be reached, or doesn't answer.
    """
    with cluster.admin() as admin:
        cluster.ask(admin.list_topics)


def require_for_ever(cluster: Cluster, names: Iterable[str]) -> None:
    """Makes sure that these outcome topics keep their records.

    Raises:
        UserError: one doesn't, as far as this user may know.
    """
    with cluster.admin() as admin:
        for name in names:
            _require_for_ever(admin, Topic(name, retention_ms=FOR_EVER_MS), cluster.bootstrap)


def _ensure(cluster: Cluster, admin: KafkaAdminClient, topic: Topic) -> str:
    wanted = {"num_partitions": topic.partitions, "replication_factor": topic.replication, "configs": topic.configs}
    try:
        with naming(cluster, Right("Create", "topic", topic.name)):
            admin.create_topics({topic.name: wanted}, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        return _found(admin, topic)
    except InvalidReplicationFactorError as error:
        brokers = len(admin.describe_cluster()["brokers"])
        told = f"{topic.replication} copies of each partition were asked for, and the brokers are {brokers}"
        raise UserError(f"the topic {topic.name!r} could not be created: {_reason(error)}; {told}") from None
    except KafkaError as error:
        raise UserError(f"the topic {topic.name!r} could not be created: {_reason(error)}") from None
    return f"created with {_count(topic.partitions)}"


def _found(admin: KafkaAdminClient, topic: Topic) -> str:
    partitions, other = _partitions(admin, topic.name), _other_configs(admin, topic)
    more = "" if partitions == topic.partitions else f" instead of {topic.partitions}"
    kept = "".join(f", {name}={value} instead of {topic.configs[name]}" for name, value in other.items())
    return f"exists with {_count(partitions)}{more}{kept}{': left as it is' if more or kept else ''}"


def _require_for_ever(admin: KafkaAdminClient, topic: Topic, bootstrap: str) -> None:
    other = _other_configs(admin, topic)
    if not other:
        return
    told, wanted = (",".join(f"{name}={each[name]}" for name in other) for each in (other, topic.configs))
    raise UserError(
        f"the topic {topic.name!r} exists with {told}, so Kafka would delete outcomes; nothing that exists is changed: "
        f"kafka-configs.sh --bootstrap-server {bootstrap} --alter --topic {topic.name} --add-config {wanted}, "
        "or name another topic"
    )


def _other_configs(admin: KafkaAdminClient, topic: Topic) -> dict[str, str]:
    """What the topic has instead of what it should; a user who may not read that is told of no difference."""
    asked = ConfigResource(ConfigResourceType.TOPIC, topic.name, dict(topic.configs))
    found = admin.describe_configs([asked], config_filter="all")["topic"].get(topic.name, {})
    values = {name: found[name]["value"] for name in topic.configs if name in found}
    return {name: value for name, value in values.items() if value != topic.configs[name]}


def _count(partitions: int) -> str:
    return "1 partition" if partitions == 1 else f"{partitions} partitions"


def _reason(error: KafkaError) -> str:
    return f"{type(error).__name__.removesuffix('Error')} ({getattr(error, 'description', '')})"


def _partitions(admin: KafkaAdminClient, name: str) -> int:
    return next((len(each["partitions"]) for each in admin.describe_topics([name]) if each["error_code"] == 0), 0)


def require_topics(cluster: Cluster, names: Iterable[str]) -> None:
    """Makes sure that the topics exist.

    Raises:
        RightsMissingError: a topic isn't shown to this user.
        UserError: the cluster is not reachable, or a topic is missing; says how to create it.
    """
    with cluster.admin() as admin:
        missing = _missing(cluster, admin, sorted(set(names)))
        near = difflib.get_close_matches(missing[0], admin.list_topics(), n=1, cutoff=_ALIKE) if missing else []
    if missing:
        meant = f"did you mean {near[0]!r}? Else " if near else ""
        raise UserError(
            f"the topic {missing[0]!r} doesn't exist on {cluster.bootstrap}: {meant}create it (python -m stream topics)"
        )


def _missing(cluster: Cluster, admin: KafkaAdminClient, names: list[str]) -> list[str]:
    """Those that don't exist; to whom a topic isn't shown, Kafka doesn't tell whether it does."""
    found = {each["name"]: each["error_code"] for each in cluster.ask(lambda: admin.describe_topics(names))}
    hidden = [Right("Describe", "topic", name) for name in names if found[name] == TopicAuthorizationFailedError.errno]
    if hidden:
        raise RightsMissingError(cluster, hidden)
    return [name for name in names if found[name] in _NO_SUCH_TOPIC]


def topic_id(cluster: Cluster, name: str) -> str:
    """What tells the topic from any other of its name, in another cluster or at another time.

    Brokers before Kafka 2.8 give topics no id; theirs is the cluster's.

    Raises:
        UserError: as `require_topics`.
    """
    require_topics(cluster, [name])
    with cluster.admin() as admin:
        (found,) = admin.describe_topics([name])
        return str(found.get("topic_id") or admin.describe_cluster()["cluster_id"])


def wait_until_ready(bootstrap: str, *, timeout_s: float) -> None:
    """Returns once the cluster lists its topics and names a controller that takes new ones.

    Raises:
        UserError: it doesn't within `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    with Cluster(bootstrap, connect_timeout_s=timeout_s).admin() as admin:
        while True:
            try:
                admin.list_topics()  # describe_cluster() fails on older brokers
            except KafkaError as error:
                if time.monotonic() > deadline:
                    raise UserError(f"Kafka at {bootstrap} doesn't serve: {error}") from None
                time.sleep(0.05)
            else:
                return
