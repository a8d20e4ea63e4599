"""What the clips of `tests.system.load` deserve: a verdict, or a rejection for the one right reason."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from stream.audit import Topics
from stream.broker.cluster import Cluster
from stream.broker.reading import read_topic
from stream.records import ClipReference, rejection_of
from tests.system.load import references

REASONS = {"truncated.mp4": "undecodable", "no-outline.mp4": "no_outline", "missing.mp4": "not_found"}
_TURN = 1200


def endless(clips: Path) -> Iterator[ClipReference]:
    """References without end, each with a clip_id of its own that ends in the clip's name; 5 % of them are bad."""
    for turn in count():
        for reference in references(clips, _TURN):
            yield reference.model_copy(update={"clip_id": f"{turn}-{reference.clip_id}"})


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
