"""`audit` on topics that were doctored, one for each fault: it finds that fault and no other, and ends with 1."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

import stream.results.audit
from stream.records import Partition, Record
from stream.results.audit import Scope
from stream.results.extent import Extent, parse_offsets
from stream.results.ledger import Fault
from tests.system.commands import run
from tests.system.doctored import SENT_MS, Doctored, rejection, verdict

COUNT = 6


def audit(topics: Doctored, *flags: object) -> tuple[int, dict[str, Any]]:
    """Its exit code, and what it says."""
    done = run("-m", "stream", "audit", *topics.words, "--json", *flags)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


def sent(topics: Doctored) -> list[Record]:
    references = [topics.reference(offset) for offset in range(COUNT)]
    topics.send(references)
    topics.commit(COUNT)
    return references


def clean(topics: Doctored) -> None:
    given = sent(topics)
    topics.answer(*((each, verdict(each)) for each in given[:-2]), *((each, rejection(each)) for each in given[-2:]))


def lost(topics: Doctored) -> None:
    topics.answer(*((each, verdict(each)) for each in sent(topics) if each.offset != 2))


def doubled(topics: Doctored) -> None:
    given = sent(topics)
    topics.answer(*((each, verdict(each)) for each in given), (given[-1], verdict(given[-1])))


def out_of_order(topics: Doctored) -> None:
    given = sent(topics)
    given[2:4] = given[3:1:-1]
    topics.answer(*((each, verdict(each)) for each in given))


def invented(topics: Doctored) -> None:
    clean(topics)
    never = topics.reference(COUNT)
    topics.answer((never, verdict(never)))


def unidentified(topics: Doctored) -> None:
    clean(topics)
    topics.append(topics.verdicts, Record(Partition(topics.verdicts, 0), 0, b"k", b"hello", (), SENT_MS))


def mismatched(topics: Doctored) -> None:
    given = sent(topics)
    swapped = verdict(given[2]).model_copy(update={"clip_id": "another.mp4"})
    topics.answer(*((each, swapped if each is given[2] else verdict(each)) for each in given))


def late(topics: Doctored) -> None:
    given = sent(topics)
    topics.answer(*((each, verdict(each)) for each in given[:-1]))
    topics.answer((given[-1], verdict(given[-1])), after_ms=61_000)


DOCTORS: dict[Fault, Callable[[Doctored], None]] = {
    "lost": lost,
    "doubled": doubled,
    "out_of_order": out_of_order,
    "invented": invented,
    "unidentified": unidentified,
    "mismatched": mismatched,
    "late": late,
}


def test_there_is_a_doctored_topic_for_each_fault():
    assert DOCTORS.keys() == set(get_args(Fault))


@pytest.mark.parametrize("fault", DOCTORS)
def test_a_fault_is_found_and_no_other_with_it(kafka: str, fault: Fault):
    topics = Doctored(kafka)
    DOCTORS[fault](topics)
    code, found = audit(topics, "--late-after-s", 60)
    assert (code, found["faults"]) == (1, {fault: 1})
    assert len(found["examples"][fault]) == 1


def test_a_clean_topic_passes_and_its_audit_says_so_to_a_person(kafka: str):
    topics = Doctored(kafka)
    clean(topics)
    assert audit(topics, "--late-after-s", 60) == (
        0,
        {
            "references": COUNT,
            "outcomes": COUNT,
            "pending": 0,
            "oldest_pending": [],
            "unproven": 0,
            "expired": 0,
            "faults": {},
            "examples": {},
        },
    )
    told = run("-m", "stream", "audit", *topics.words)
    assert told.returncode == 0
    assert "each reference has exactly one outcome" in told.stdout


def test_what_is_pending_is_no_fault_and_yet_no_pass(kafka: str):
    topics = Doctored(kafka)
    clean(topics)
    topics.send([topics.reference(COUNT), topics.reference(COUNT + 1)])
    code, found = audit(topics)
    assert (code, found["pending"], found["faults"]) == (1, 2, {})
    since = datetime.fromtimestamp(SENT_MS / 1000 + COUNT, UTC).isoformat(timespec="milliseconds")
    oldest = f"{topics.clips}[0]@{COUNT} since {since}, 0-{COUNT}.mp4"
    assert (found["oldest_pending"][0], len(found["oldest_pending"])) == (oldest, 2)
    assert f"the oldest first\n    {oldest}\n" in run("-m", "stream", "audit", *topics.words).stdout


def test_outcomes_that_are_only_late_are_named_the_slowest_first_and_called_no_loss(kafka: str):
    topics = Doctored(kafka)
    given = sent(topics)
    topics.answer(*((each, verdict(each)) for each in given[:-2]))
    topics.answer((given[-2], verdict(given[-2])), after_ms=61_000)
    topics.answer((given[-1], verdict(given[-1])), after_ms=75_500)
    told = run("-m", "stream", "audit", *topics.words, "--late-after-s", 60)
    assert told.returncode == 1
    what, *slowest, _, _ = lines = told.stdout.splitlines()
    assert what == "2 late: appended too long after the reference; the slowest first"
    assert slowest == [
        f"    {topics.clips}[0]@5 after 75.5 s, 0-5.mp4",
        f"    {topics.clips}[0]@4 after 61.0 s, 0-4.mp4",
    ]
    assert "2 late, else each reference has exactly one outcome, in order: 6 references" in " ".join(lines)


def test_a_part_by_offsets_or_by_time_is_audited_on_its_own(kafka: str):
    topics = Doctored(kafka)
    lost(topics)
    topics.send([topics.reference(COUNT), topics.reference(COUNT + 1)])

    def at(offset: int) -> datetime:
        return datetime.fromtimestamp(SENT_MS / 1000 + offset, UTC)

    for extent, references, faults, pending in [
        (Extent(offsets=parse_offsets(["0:3-5"])), 3, {}, 0),
        (Extent(offsets=parse_offsets(["0:1-3"])), 3, {"lost": 1}, 0),
        (Extent(offsets=parse_offsets(["0:3-"])), 5, {}, 2),
        (Extent(since=at(3), until=at(6)), 3, {}, 0),
        (Extent(until=at(3)), 3, {"lost": 1}, 0),
        (Extent(since=at(7)), 1, {}, 1),
        (Extent(since=at(1000)), 0, {}, 0),
        (Extent(until=at(1000)), 8, {"lost": 1}, 2),
        (Extent(since=at(1), offsets=parse_offsets(["0:-1"])), 1, {}, 0),
    ]:
        found = stream.results.audit.audit(topics.cluster, topics.topics, Scope(extent=extent))
        assert (found.references, found.faults, found.pending) == (references, faults, pending), extent
    code, told = audit(topics, "--since", at(3).isoformat(), "--until", at(6).isoformat(), "--offsets", "0:4-")
    assert (code, told["references"], told["outcomes"]) == (0, 2, 2)
    nothing = run("-m", "stream", "audit", *topics.words, "--since", at(1000).isoformat())
    assert (nothing.returncode, nothing.stdout) == (1, "nothing is proved: there are no references\n")


def test_a_partition_that_is_not_there_cannot_be_audited(kafka: str):
    topics = Doctored(kafka)
    done = run("-m", "stream", "audit", *topics.words, "--offsets", "7:0-")
    assert done.returncode == 2
    assert "has no partition 7: it has 0" in done.stderr
