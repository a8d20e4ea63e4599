"""Creates the topics and asks a broker whether it serves."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kafka import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from stream.broker.cluster import Cluster
from stream.errors import UserError

FOR_EVER_MS = -1
"""Retention of outcome topics: Kafka's default would delete verdicts after 7 days."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it should be."""

    name: str
    partitions: int = 1
    replication: int = -1
    """Copies of each partition; -1 is the cluster's default."""
    retention_ms: int | None = None
    """Records are deleted after this time; -1 is never, None the cluster's default."""


def create_topics(cluster: Cluster, topics: Iterable[Topic]) -> Mapping[str, str]:
    """Creates the topics that are missing; those that exist are left as they are.

    Returns:
        For each topic's name what was found or done, as a sentence for the user.

    Raises:
        UserError: the cluster is not reachable or refuses.
    """
    with cluster.admin() as admin:
        return {topic.name: _ensure(admin, topic) for topic in topics}


def _ensure(admin: KafkaAdminClient, topic: Topic) -> str:
    settings = {} if topic.retention_ms is None else {"retention.ms": str(topic.retention_ms)}
    wanted = {"num_partitions": topic.partitions, "replication_factor": topic.replication, "configs": settings}
    try:
        admin.create_topics({topic.name: wanted}, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        found = _partitions(admin, topic.name)
        if found == topic.partitions:
            return f"exists with {_count(found)}"
        return f"exists with {_count(found)} instead of {topic.partitions}: left as it is"
    except KafkaError as error:
        raise UserError(f"the topic {topic.name!r} could not be created: {_reason(error)}") from None
    return f"created with {_count(topic.partitions)}"


def _count(partitions: int) -> str:
    return "1 partition" if partitions == 1 else f"{partitions} partitions"


def _reason(error: KafkaError) -> str:
    return f"{type(error).__name__.removesuffix('Error')} ({getattr(error, 'description', '')})"


def _partitions(admin: KafkaAdminClient, name: str) -> int:
    return next((len(each["partitions"]) for each in admin.describe_topics([name]) if each["error_code"] == 0), 0)


def require_topics(cluster: Cluster, names: Iterable[str]) -> None:
    """Makes sure that the topics exist.

    Raises:
        UserError: the cluster is not reachable, or a topic is missing; says how to create it.
    """
    with cluster.admin() as admin:
        missing = sorted(set(names) - set(admin.list_topics()))
    if missing:
        raise UserError(
            f"the topic {missing[0]!r} doesn't exist on {cluster.bootstrap}: create it (python -m stream topics)"
        )


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
