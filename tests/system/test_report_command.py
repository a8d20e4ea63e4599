"""`report` on the real Kafka: of all references or of a part, before dead letters were sent back and after."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from stream.broker.reading import read_topic
from stream.errors import Reason
from stream.records import requeued_from
from tests.system.commands import run
from tests.system.doctored import SENT_MS, Doctored, rejection, verdict


def report(topics: Doctored, *flags: object) -> dict[str, Any]:
    done = run("-m", "stream", "report", *topics.words, "--json", *flags)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert isinstance(told, dict)
    return told


def at(second: int) -> str:
    return datetime.fromtimestamp(SENT_MS / 1000 + second, UTC).isoformat()


@pytest.fixture
def topics(kafka: str) -> Doctored:
    """Six references, a second after the other: 0 and 3 were not found, the others judged, 5 waits."""
    topics = Doctored(kafka)
    given = [topics.reference(offset) for offset in range(6)]
    topics.send(given)
    lost = {0, 3}
    topics.answer(
        *((each, rejection(each, Reason.NOT_FOUND) if each.offset in lost else verdict(each)) for each in given[:5])
    )
    topics.commit(5)
    return topics


@pytest.mark.parametrize(
    ("flags", "references", "rejected", "judged", "pending"),
    [
        ([], 6, 2, 3, 1),
        (["--since", at(1)], 5, 1, 3, 1),
        (["--since", at(1), "--until", at(3)], 2, 0, 2, 0),
        (["--offsets", "0:3-4"], 2, 1, 1, 0),
        (["--since", at(4), "--offsets", "0:3-4"], 1, 0, 1, 0),
        (["--since", at(1000)], 0, 0, 0, 0),
    ],
)
def test_a_part_by_offsets_or_by_time_is_reported_on_alone(
    topics: Doctored, flags: list[object], references: int, rejected: int, judged: int, pending: int
):
    told = report(topics, *flags)
    assert (told["references"], told["outcomes"], told["pending"]) == (references, rejected + judged, pending)
    assert told["rejections"] == ({"not_found": rejected} if rejected else {})
    assert told["verdicts"] == ({"flowing": judged} if judged else {})
    assert told["faults"] == {}


def test_what_was_sent_back_and_judged_since_is_told_by_a_report_from_then_on(topics: Doctored):
    now = datetime.now(UTC).isoformat()
    back = run("-m", "stream", "requeue", *topics.words[:-2], "--reason", "not_found", "--since", at(2))
    assert "1 dead letter sent back: 1 not_found" in back.stdout
    (again,) = (each for each in read_topic(topics.cluster, topics.clips) if requeued_from(each.headers))
    topics.answer((again, verdict(again)))
    since = report(topics, "--since", now)
    assert (since["references"], since["sent_back"], since["verdicts"]) == (1, 1, {"flowing": 1})
    assert (since["rejections"], since["pending"]) == ({}, 0)
    whole = report(topics)
    assert (whole["rejections"], whole["sent_back"]) == ({"not_found": 2}, 1), "outcomes are counted"
    told = run("-m", "stream", "report", *topics.words).stdout
    assert "export has the latest of each clip" in " ".join(told.split())


def test_a_partition_that_is_not_there_cannot_be_reported_on(topics: Doctored):
    done = run("-m", "stream", "report", *topics.words, "--offsets", "7:0-")
    assert done.returncode == 2
    assert "has no partition 7: it has 0" in done.stderr
