"""`requeue` on the real Kafka: dead letters go back as they came, and each of them once, whatever happens."""

import json
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition

import stream.letters.requeue
import stream.results.audit
from stream.broker.reading import read_topic
from stream.errors import Reason
from stream.letters.letter import Selection
from stream.messages import OutcomeTopics
from stream.records import KafkaSource, Partition, Record, requeued_from
from tests.system.commands import run
from tests.system.doctored import SENT_MS, Doctored, rejection, verdict

HERE = Path(__file__).parent
COUNT = 7
TRACE = ("traceparent", b"00-ab-cd-01")


@pytest.fixture
def topics(kafka: str) -> Doctored:
    """Seven references, rejected as damaged and not_found in turn; the first rejection 100 ms after the reference."""
    topics = Doctored(kafka)
    references = [with_trace(topics.reference(offset)) for offset in range(COUNT)]
    topics.send(references)
    reasons = [Reason.NOT_FOUND if each.offset % 2 else Reason.DAMAGED for each in references]
    topics.answer(*((each, rejection(each, reason)) for each, reason in zip(references, reasons, strict=True)))
    topics.commit(COUNT)
    return topics


def with_trace(record: Record) -> Record:
    return Record(record.partition, record.offset, record.key, record.value, (TRACE,), record.timestamp_ms)


def words(topics: Doctored) -> tuple[str, ...]:
    return topics.words[: topics.words.index("--group")]


def requeue(topics: Doctored, *flags: object) -> dict[str, Any]:
    done = run("-m", "stream", "requeue", *words(topics), "--json", *flags)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert isinstance(told, dict)
    return told


def sent_back(topics: Doctored) -> dict[int, Record]:
    """What was sent back, by the dead letter's offset; each of them once."""
    found = [
        (letter.offset, record)
        for record in read_topic(topics.cluster, topics.clips)
        if (letter := requeued_from(record.headers))
    ]
    assert Counter(offset for offset, _ in found).most_common(1)[:1] in ([], [(found[0][0], 1)] if found else [])
    return dict(found)


def test_those_of_a_reason_go_back_as_they_came_and_say_where_from(topics: Doctored):
    assert requeue(topics, "--reason", "not_found") == {"dry_run": False, "sent": {"not_found": 3}, "left": {}}
    found = sent_back(topics)
    assert sorted(found) == [1, 3, 5]
    for offset, record in found.items():
        before = topics.reference(offset)
        assert (record.key, record.value) == (before.key, before.value)
        letter = KafkaSource(topic=topics.letters, partition=0, offset=offset)
        assert record.headers == (TRACE, letter.requeued_header())


def test_what_was_sent_back_is_left_from_then_on(topics: Doctored):
    requeue(topics, "--clip-id", "0-1.mp4", "--clip-id", "0-2.mp4")
    assert requeue(topics, "--all") == {
        "dry_run": False,
        "sent": {"damaged": 3, "not_found": 2},
        "left": {"sent_before": 2},
    }
    assert requeue(topics, "--all") == {"dry_run": False, "sent": {}, "left": {"sent_before": COUNT}}
    assert sorted(sent_back(topics)) == list(range(COUNT))


def test_times_are_those_of_the_dead_letters(topics: Doctored):
    def at(offset: int) -> str:
        return datetime.fromtimestamp(SENT_MS / 1000 + offset, UTC).isoformat()

    assert requeue(topics, "--since", at(2), "--until", at(4))["sent"] == {"damaged": 1, "not_found": 1}
    assert sorted(sent_back(topics)) == [2, 3]


def test_a_dry_run_lists_them_and_sends_nothing(topics: Doctored):
    done = run("-m", "stream", "requeue", *words(topics), "--reason", "not_found", "--dry-run")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        *(f"{topics.letters}[0]@{offset}  not_found  0-{offset}.mp4" for offset in (1, 3, 5)),
        "3 dead letters would be sent back: 3 not_found",
    ]
    assert sent_back(topics) == {}


def test_what_cannot_go_back_is_left_and_it_is_said_why(topics: Doctored):
    large = topics.reference(COUNT, extra={"note": "x" * 2000})
    elsewhere = Record(Partition("elsewhere", 0), 3, b"k", b"v", (), SENT_MS)
    small = OutcomeTopics(verdicts=topics.verdicts, dead_letters=topics.letters, message_limit_bytes=1000)
    for record, form in [(large, small), (elsewhere, OutcomeTopics(verdicts="v", dead_letters=topics.letters))]:
        message = form.message(record, rejection(record))
        place = Partition(topics.letters, 0)
        topics.append(topics.letters, Record(place, 0, message.key, message.value, message.headers, SENT_MS))
    topics.append(topics.letters, Record(Partition(topics.letters, 0), 0, None, b"no dead letter", (), SENT_MS))
    done = run("-m", "stream", "requeue", *words(topics), "--all")
    assert done.returncode == 0
    assert f"{COUNT} dead letters sent back: 4 damaged, 3 not_found" in done.stdout
    assert "1 was left: of references of another topic" in done.stdout
    assert "1 was left: too large to be kept" in done.stdout
    assert sorted(sent_back(topics)) == list(range(COUNT))


def test_one_that_is_rejected_again_is_a_new_dead_letter_and_goes_back_once_more(topics: Doctored):
    requeue(topics, "--clip-id", "0-1.mp4")
    again = sent_back(topics)[1]
    topics.answer((again, rejection(again, Reason.NOT_FOUND)))
    assert requeue(topics, "--clip-id", "0-1.mp4") == {
        "dry_run": False,
        "sent": {"not_found": 1},
        "left": {"sent_before": 1},
    }
    assert sorted(sent_back(topics)) == [1, COUNT]
    assert sent_back(topics)[COUNT].headers[0] == TRACE
    assert len(sent_back(topics)[COUNT].headers) == 2


def test_its_outcome_is_one_of_its_own_for_the_audit(topics: Doctored):
    requeue(topics, "--reason", "not_found")
    assert stream.results.audit.audit(topics.cluster, topics.topics).pending == 3
    topics.answer(*((each, verdict(each)) for each in sent_back(topics).values()))
    found = stream.results.audit.audit(topics.cluster, topics.topics)
    assert (found.complete, found.references) == (True, COUNT + 3)


def test_what_was_sent_back_is_known_for_as_long_as_its_outcome_is(topics: Doctored):
    requeue(topics, "--reason", "not_found")
    first, second, third = sent_back(topics).values()
    topics.answer((first, verdict(first)), (second, verdict(second)), (third, rejection(third)))
    with topics.cluster.admin() as admin:  # as the references' retention does
        admin.delete_records({TopicPartition(topics.clips, 0): third.offset + 1})
    assert requeue(topics, "--reason", "not_found") == {"dry_run": False, "sent": {}, "left": {"sent_before": 3}}
    assert sent_back(topics) == {}


def test_what_was_sent_back_behind_an_open_transaction_is_waited_for(topics: Doctored):
    names = OutcomeTopics(verdicts=topics.verdicts, dead_letters=topics.letters)
    with topics.cluster.producer(transactional_id=f"open-{topics.name}") as others:
        others.init_transactions()
        others.begin_transaction()
        others.send(topics.clips, value=b"of another producer").get(timeout=60)
        letter = KafkaSource(topic=topics.letters, partition=0, offset=1)
        topics.append(topics.clips, replace(topics.reference(1), headers=(letter.requeued_header(),)))
        ending = threading.Timer(3.0, others.abort_transaction)
        ending.start()
        done = stream.letters.requeue.requeue(
            topics.cluster, topics.clips, names, Selection(clip_ids=frozenset({"0-1.mp4"}))
        )
        ending.join()
    assert (done.sent, done.left) == ({}, {"sent_before": 1})
    assert sorted(sent_back(topics)) == [1]


@pytest.mark.parametrize(("when", "sent"), [("before", 2), ("after", 4)])
def test_one_that_is_killed_midway_is_run_again_for_the_rest(topics: Doctored, when: str, sent: int):
    killed = run(HERE / "planted_requeue.py", when, "requeue", *words(topics), "--all")
    assert killed.returncode == -signal.SIGKILL
    assert requeue(topics, "--all")["left"] == {"sent_before": sent}
    assert sorted(sent_back(topics)) == list(range(COUNT))


def test_two_at_once_send_each_once(topics: Doctored):
    more = [topics.reference(offset) for offset in range(COUNT, 450)]
    topics.send(more)
    topics.answer(*((each, rejection(each)) for each in more))
    command = [sys.executable, "-m", "stream", "requeue", *words(topics), "--all"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ended = [(*each.communicate(timeout=120), each.returncode) for each in both]
    for _, said, code in ended:
        assert code == 0 or "nothing is written twice" in said, said
        assert "Traceback" not in said
    requeue(topics, "--all")
    assert sorted(sent_back(topics)) == list(range(450))


@pytest.mark.parametrize("flags", [(), ("--all", "--reason", "damaged"), ("--dry-run",)])
def test_it_must_be_said_which(flags: tuple[str, ...]):
    done = run("-m", "stream", "requeue", *flags)
    assert done.returncode == 2
    assert re.search(r"give --reason, --clip-id, --since or --until, or nothing but --all", done.stderr)
