"""`produce` on a real Kafka: whatever ends it, the same command goes on where it was; and a folder that is followed."""

import json
import random
import signal
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest

from stream.broker.cluster import Cluster
from stream.broker.reading import end_offsets, read_topic
from stream.broker.topics import Topic, create_topics
from stream.records import Record
from stream.sending.follow import STEADY_S
from tests.system.commands import Running, run, running, until

REFERENCES = 20_000
IN_FLIGHT = 1000
"""Those that the producer lets wait for their acknowledgement."""


@pytest.fixture
def topic(kafka: str) -> str:
    name = f"clips-{uuid.uuid4().hex[:12]}"
    create_topics(Cluster(kafka), [Topic(name, 3)])
    return name


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "clips.jsonl"
    lines = (json.dumps({"schema": 1, "clip_id": f"{n}.mp4", "uri": f"/clips/{n}.mp4"}) for n in range(REFERENCES))
    path.write_text("\n".join(lines))
    return path


def produce(source: Path, kafka: str, topic: str) -> tuple[object, ...]:
    return ("-m", "stream", "produce", source, "--bootstrap", kafka, "--clips-topic", topic)


def records(kafka: str, topic: str) -> list[Record]:
    return list(read_topic(Cluster(kafka), topic))


def acknowledged(journal: Path) -> int:
    """How many a journal tells of."""
    lines = journal.read_bytes().splitlines() if journal.exists() else []
    try:
        return int(json.loads(lines[-1])["references"])
    except (IndexError, KeyError, ValueError):
        return 0


def end_when(process: Running, journal: Path, *, more_than: int, by: signal.Signals) -> int:
    until(lambda: acknowledged(journal) > more_than or process.process.poll() is not None)
    return process.end(by)


def check(found: list[Record], *, ends: int) -> None:
    """Each clip is there, at most what was in flight at each end more than once, and always as the same record."""
    copies = Counter(record.key for record in found)
    assert copies.keys() == {f"{number}.mp4".encode() for number in range(REFERENCES)}
    assert len(found) - REFERENCES <= ends * IN_FLIGHT
    assert max(copies.values()) <= 1 + ends
    assert len({(record.key, record.value, record.partition) for record in found}) == REFERENCES


def test_killed_at_any_moment_it_goes_on_where_it_was(kafka, topic, manifest):
    journal, words, kills = Path(f"{manifest}.journal"), produce(manifest, kafka, topic), 0
    rng = random.Random(7)
    for _ in range(4):
        before = acknowledged(journal)
        with running(*words) as process:
            moment = before + rng.randrange(REFERENCES // 5)
            kills += end_when(process, journal, more_than=moment, by=signal.SIGKILL) == -signal.SIGKILL
        with journal.open("ab") as file:
            file.write(b'{"references": 4')  # the line that a kill may tear
    assert kills >= 3
    assert acknowledged(journal) < REFERENCES
    last = run(*words)
    assert last.returncode == 0, last.stderr
    assert f"{REFERENCES} references acknowledged by Kafka in {topic} (" in last.stdout
    check(records(kafka, topic), ends=kills)
    ends = end_offsets(Cluster(kafka), topic)
    again = run(*words)
    assert again.returncode == 0, again.stderr
    assert f"all {REFERENCES} were sent already; to send them again, delete {journal}" in again.stdout
    assert end_offsets(Cluster(kafka), topic) == ends


@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_it_says_how_far_it_came_and_goes_on_from_there(kafka, topic, manifest, by, code):
    journal, words = Path(f"{manifest}.journal"), produce(manifest, kafka, topic)
    with running(*words) as process:
        assert end_when(process, journal, more_than=REFERENCES // 4, by=by) == code
    assert f"stopped at {acknowledged(journal)} of {REFERENCES}; the same command goes on from there" in process.said
    assert "Traceback" not in process.said
    assert run(*words).returncode == 0
    check(records(kafka, topic), ends=1)


def test_a_topic_that_was_made_again_is_not_taken_for_the_one_that_has_them(kafka, topic, tmp_path):
    (tmp_path / "clips.csv").write_text("clip_id,uri\na,/a.mp4\n")
    words = produce(tmp_path / "clips.csv", kafka, topic)
    assert run(*words).returncode == 0
    with Cluster(kafka).admin() as admin:
        admin.delete_topics([topic])
    create_topics(Cluster(kafka), [Topic(topic)])
    refused = run(*words)
    assert refused.returncode == 2
    assert f"{tmp_path / 'clips.csv'}.journal belongs to another topic {topic!r}" in refused.stderr
    assert "Traceback" not in refused.stderr
    elsewhere = run(*words, "--journal", tmp_path / "other.journal")
    assert elsewhere.returncode == 0, elsewhere.stderr
    assert len(records(kafka, topic)) == 1


def test_a_second_producer_of_the_same_source_is_refused(kafka, topic, manifest):
    words = produce(manifest, kafka, topic)
    with running(*words, "--rate", 10) as process:
        until(lambda: acknowledged(Path(f"{manifest}.journal")) > 0)
        second = run(*words)
        assert second.returncode == 2
        assert "another process writes to" in second.stderr
        process.end(signal.SIGKILL)
    assert run(*words).returncode == 0, "a killed one locks nobody out"


def test_a_folder_is_followed_over_restarts_each_clip_once(kafka, topic, tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    words = (*produce(folder, kafka, topic), "--follow")

    def came() -> list[bytes]:
        return sorted(record.key for record in records(kafka, topic) if record.key)

    with running(*words) as process:
        process.await_words("watching")
        (folder / "first.mp4").write_bytes(b"clip")
        written_s = []
        for _ in range(10):
            with (folder / "slow.mp4").open("ab") as slow:
                slow.write(b"more")
            written_s.append((folder / "slow.mp4").stat().st_mtime)
            time.sleep(0.4)
        until(lambda: came() == [b"first.mp4", b"slow.mp4"])
        assert process.end(signal.SIGTERM) == 0
    assert "2 references acknowledged" in process.said
    (slow_record,) = (record for record in records(kafka, topic) if record.key == b"slow.mp4")
    sent_s = slow_record.timestamp_ms / 1000
    assert sent_s - max(each for each in written_s if each < sent_s) > STEADY_S - 0.1, "it was sent before it was whole"
    (folder / "meanwhile").mkdir()
    (folder / "meanwhile" / "a.mp4").write_bytes(b"clip")
    with running(*words) as process:
        until(lambda: len(came()) == 3)
        (folder / "b.mp4.part").write_bytes(b"clip")
        (folder / "b.mp4.part").rename(folder / "b.mp4")
        until(lambda: len(came()) == 4)
        assert process.end(signal.SIGINT) == 0
    assert "Traceback" not in process.said
    assert came() == [b"b.mp4", b"first.mp4", b"meanwhile/a.mp4", b"slow.mp4"]
    once = run(*produce(folder, kafka, topic))
    assert (once.returncode, "all 4 were sent already" in once.stdout) == (0, True), once.stderr


def test_only_a_folder_can_be_followed(tmp_path):
    (tmp_path / "clips.csv").write_text("clip_id,uri\na,/a.mp4\n")
    refused = run("-m", "stream", "produce", tmp_path / "clips.csv", "--follow")
    assert refused.returncode == 2
    assert f"--follow watches a folder, and {tmp_path / 'clips.csv'} is none" in refused.stderr


def test_a_place_that_keeps_no_journal_is_named_with_the_way_out(kafka, topic, tmp_path):
    (tmp_path / "clips.csv").write_text("clip_id,uri\na,/a.mp4\n")
    refused = run(*produce(tmp_path / "clips.csv", kafka, topic), "--journal", tmp_path / "no" / "journal")
    assert refused.returncode == 2
    assert "No such file or directory): give another place by --journal" in refused.stderr
    assert records(kafka, topic) == []
