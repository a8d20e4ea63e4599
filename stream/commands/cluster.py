"""What commands share that talk to Kafka: how to reach it, its topics, and how they are created."""

from collections.abc import Mapping

from stream.broker.cluster import Cluster, parse_options
from stream.broker.rights import Right, transactions_right
from stream.broker.topics import FOR_EVER_MS, Topic, create_topics
from stream.messages import OutcomeTopics
from stream.results.audit import Topics
from stream.results.extent import Extent, parse_offsets
from stream.settings import (
    ConnectionSettings,
    ExtentSettings,
    MemberSettings,
    OutcomesSettings,
    TopicNames,
    TopicsSettings,
)


def cluster_of(settings: ConnectionSettings) -> Cluster:
    """Where Kafka is, and how it is spoken to; nothing is asked yet."""
    return Cluster(
        settings.bootstrap,
        options=parse_options(settings.kafka_texts()),
        connect_timeout_s=settings.connect_timeout_s,
    )


def create_all_topics(settings: TopicsSettings) -> Mapping[str, str]:
    """Creates the three topics that are missing; a sentence for each."""
    partitions, replication = settings.partitions, settings.replication
    kept_ms = None if settings.retention_days is None else int(settings.retention_days * 86_400_000)
    wanted = [
        Topic(settings.clips_topic, partitions, replication, kept_ms),
        Topic(settings.verdicts_topic, partitions, replication, FOR_EVER_MS),
        Topic(settings.dead_letters_topic, partitions, replication, FOR_EVER_MS),
    ]
    return create_topics(cluster_of(settings), wanted)


def topics_of(settings: OutcomesSettings) -> Topics:
    """Whose delivery is looked at."""
    return Topics(
        clips=settings.clips_topic,
        verdicts=settings.verdicts_topic,
        dead_letters=settings.dead_letters_topic,
        group=settings.group,
    )


def outcome_topics_of(settings: TopicNames) -> OutcomeTopics:
    """Where outcomes are."""
    return OutcomeTopics(verdicts=settings.verdicts_topic, dead_letters=settings.dead_letters_topic)


def transactions_rights_of(settings: MemberSettings) -> tuple[Right, ...]:
    """What a worker's transactions take, where it has any."""
    once = settings.delivery == "exactly-once"
    return (transactions_right(group=settings.group, slot=settings.slot),) if once else ()


def extent_of(settings: ExtentSettings) -> Extent:
    """Which references are meant."""
    return Extent(offsets=parse_offsets(settings.offsets), since=settings.since, until=settings.until)
