"""A reference that ends every worker is skipped by an operator: the others go on, and it has its outcome, too."""

import signal
from pathlib import Path

import stream.results.audit
from stream.broker.groups import committed_position
from stream.broker.reading import read_topic
from stream.letters.letter import dead_letter_of
from stream.records import Partition
from tests.system.commands import run, running
from tests.system.doctored import Doctored
from tests.system.load import references, send, small_clips

PLANTED = Path(__file__).parent / "planted_skip.py"
COUNT, POISON = 6, 2


def test_what_ends_the_worker_is_skipped_and_the_rest_is_judged(kafka: str, tmp_path: Path):
    topics, clips = Doctored(kafka), small_clips(tmp_path / "clips")
    given = list(references(clips, COUNT, bad_every=0))
    send(topics.cluster, topics.clips, iter(given))
    worker = (PLANTED, given[POISON].clip_id, "worker", *topics.words, "--allow", clips, "--readers", 1)
    at = ("--ops-host", "127.0.0.1", "--ops-port", 0)

    dead = run(*worker, *at, timeout_s=150)
    assert dead.returncode == 1
    assert "ZeroDivisionError: a defect that this reference brings to light" in dead.stderr
    assert f"while at {topics.clips}[0]@{POISON}" in dead.stderr
    position = committed_position(topics.cluster, topics.group, Partition(topics.clips, 0))
    assert position is None or position.next_offset <= POISON

    skipped = run("-m", "stream", "skip", *topics.words[:4], "--group", topics.group, 0, POISON)
    assert skipped.returncode == 0, skipped.stderr
    assert given[POISON].uri in skipped.stdout
    assert f"{topics.clips}[0]@{POISON} will be a dead letter" in skipped.stdout

    with running(*worker, *at) as alive:
        alive.await_words("/metrics", timeout_s=150)
        audit = run("-m", "stream", "audit", *topics.words, "--wait-s", 120, timeout_s=150)
        assert audit.returncode == 0, audit.stdout
        assert alive.end(signal.SIGTERM) == 0
    (letter,) = filter(None, map(dead_letter_of, read_topic(topics.cluster, topics.letters)))
    assert (letter.rejection.reason, letter.source.offset) == ("skipped", POISON)
    assert letter.record.value == given[POISON].to_json()
    found = stream.results.audit.audit(topics.cluster, topics.topics)
    assert (found.complete, found.references) == (True, COUNT)
