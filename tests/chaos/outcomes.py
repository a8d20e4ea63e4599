"""What the clips of `tests.system.load` deserve: a verdict, or a rejection for the one right reason."""

from stream.broker.cluster import Cluster
from stream.broker.reading import read_topic
from stream.records import rejection_of
from stream.results.audit import Topics

REASONS = {"truncated.mp4": "undecodable", "no-outline.mp4": "no_outline", "missing.mp4": "not_found"}


def undeserved(cluster: Cluster, topics: Topics) -> list[str]:
    """Outcomes that should have been others: a fault of a store or of a worker was taken for the clip's."""
    keys = ((record.key or b"").decode() for record in read_topic(cluster, topics.verdicts))
    wrong = [f"{key} has a verdict" for key in keys if key.endswith(tuple(REASONS))]
    for record in read_topic(cluster, topics.dead_letters):
        rejection, key = rejection_of(record.headers), (record.key or b"").decode()
        expected = next((reason for name, reason in REASONS.items() if key.endswith(name)), None)
        if rejection is None or rejection.reason != expected:
            wrong.append(f"{key} was rejected: {rejection and rejection.reason} ({rejection and rejection.detail})")
    return wrong
