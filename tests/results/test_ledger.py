"""What counts as delivered: exactly one outcome for each reference, in order, none invented."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import Reason
from stream.records import KafkaSource, Partition, Record, Rejection
from stream.results.examples import EXAMPLES
from stream.results.ledger import Audit, Ledger

VERDICTS, LETTERS = Partition("verdicts", 0), Partition("letters", 0)


def reference(number: int, offset: int, *, key: bytes | None = b"a.mp4", at_ms: int = 0) -> Record:
    return Record(Partition("clips", number), offset, key, b"{}", (), at_ms)


def outcome(
    number: int,
    offset: int,
    *,
    to: Partition = VERDICTS,
    topic: str = "clips",
    clip_id: str | None = "a.mp4",
    at_ms: int = 0,
    **body: object,
) -> Record:
    source = KafkaSource(topic=topic, partition=number, offset=offset)
    if to == LETTERS:
        rejection = Rejection(schema=1, clip_id=clip_id, reason=Reason.DAMAGED, detail="", source=source)
        return Record(to, 0, b"a.mp4", b"{}", rejection.headers(), at_ms)
    value = json.dumps({"clip_id": clip_id, "source": source.model_dump(), **body}).encode()
    return Record(to, 0, b"a.mp4", value, source.headers(), at_ms)


def audited(outcomes, references, *, first=(0, 0), committed=(0, 0), deleted=False, **scope) -> Audit:
    ledger = Ledger(
        "clips",
        first_offsets=dict(enumerate(first)),
        committed=dict(enumerate(committed)),
        outcomes_deleted=deleted,
        **scope,
    )
    for each in outcomes:
        ledger.outcome(each)
    for each in references:
        ledger.reference(each)
    return ledger.close()


@given(st.data(), st.lists(st.booleans(), max_size=60))
def test_one_outcome_each_in_order_is_complete_wherever_it_stands(data, kinds):
    pairs = [(data.draw(st.integers(0, 1)), offset) for offset in range(len(kinds))]
    outcomes = [
        outcome(number, offset, to=VERDICTS if kind else LETTERS)
        for (number, offset), kind in zip(pairs, kinds, strict=True)
    ]
    result = audited(outcomes, [reference(*pair) for pair in pairs])
    assert result.holds
    assert result.complete == bool(kinds), "where nothing is, nothing is proved"
    assert (result.references, result.outcomes) == (len(kinds), len(kinds))


@given(st.sets(st.integers(0, 300)), st.sets(st.integers(0, 300)), st.integers(0, 310), st.booleans())
def test_each_reference_without_an_outcome_is_pending_or_if_the_group_has_passed_it_lost_unless_outcomes_were_deleted(
    references, answered, committed, deleted
):
    result = audited(
        [outcome(0, offset) for offset in sorted(answered)],
        [reference(0, offset) for offset in sorted(references)],
        committed=(committed, 0),
        deleted=deleted,
    )
    missing = references - answered
    passed = sum(offset < committed for offset in missing)
    assert (result.faults.get("lost", 0), result.unproven) == ((0, passed) if deleted else (passed, 0))
    assert result.pending == sum(offset >= committed for offset in missing)
    assert result.faults.get("invented", 0) == len(answered - references)


def test_what_cannot_be_proven_is_no_fault_and_yet_not_complete():
    result = audited([outcome(0, 1)], [reference(0, 0), reference(0, 1)], committed=(2, 0), deleted=True)
    assert result.holds
    assert not result.complete


def test_a_doubled_outcome_is_named_with_both_places():
    result = audited([outcome(0, 0), outcome(0, 0, to=LETTERS)], [reference(0, 0)])
    assert not result.holds
    assert result.faults == {"doubled": 1}
    assert result.examples["doubled"] == ("clips[0]@0 at letters[0]@0",)


def test_order_holds_for_each_pair_of_source_and_output_partition_on_its_own():
    references = [reference(number, offset) for number in (0, 1) for offset in range(2)]
    crossing = [outcome(0, 1), outcome(1, 0), outcome(0, 0, to=LETTERS), outcome(1, 1)]
    assert audited(crossing, references).complete
    swapped = [outcome(0, 1), outcome(0, 0), outcome(1, 0), outcome(1, 1)]
    assert audited(swapped, references).faults == {"out_of_order": 1}


@pytest.mark.parametrize("bogus", [outcome(0, 10**15), outcome(7, 0), outcome(0, 1)])
def test_an_outcome_of_no_reference_is_invented_and_costs_no_memory(bogus):
    assert audited([bogus], [reference(0, 0)]).faults == {"invented": 1}


def test_a_record_that_names_no_reference_is_unidentified():
    assert audited([Record(VERDICTS, 3, None, b"hello", (), 0)], []).faults == {"unidentified": 1}


def test_outcomes_of_other_source_topics_are_none_of_its_business():
    result = audited([outcome(0, 0, topic="other")], [])
    assert result.holds
    assert result.outcomes == 0


def test_outcomes_of_references_deleted_since_are_counted_apart():
    result = audited([outcome(0, offset) for offset in range(5)], [reference(0, 3), reference(0, 4)], first=(3, 0))
    assert result.complete
    assert result.expired == 3


def test_only_a_few_examples_of_each_fault_are_kept():
    result = audited([], [reference(0, offset) for offset in range(1000)], committed=(1000, 0))
    assert result.faults == {"lost": 1000}
    assert len(result.examples["lost"]) == EXAMPLES


# What an outcome says.

ELSEWHERE = {"topic": "clips", "partition": 0, "offset": 1}


@pytest.mark.parametrize(
    "said",
    [
        outcome(0, 0, clip_id="b.mp4"),
        outcome(0, 0, clip_id="b.mp4", to=LETTERS),
        outcome(0, 0, clip_id=None, to=LETTERS),
        outcome(0, 0, source=ELSEWHERE),
        outcome(0, 0, source=None),
        outcome(0, 0, clip_id=None),
        Record(VERDICTS, 0, b"a.mp4", b"no JSON", outcome(0, 0).headers, 0),
        Record(VERDICTS, 0, b"a.mp4", None, outcome(0, 0).headers, 0),
    ],
)
def test_an_outcome_that_contradicts_its_headers_or_its_reference_is_mismatched_and_counted_once(said: Record):
    result = audited([said], [reference(0, 0)])
    assert result.faults == {"mismatched": 1}
    assert result.examples["mismatched"][0].startswith("clips[0]@0")


def test_two_verdicts_that_were_swapped_are_both_mismatched():
    swapped = [outcome(0, 0, clip_id="b.mp4"), outcome(0, 1, clip_id="a.mp4")]
    assert audited(swapped, [reference(0, 0), reference(0, 1, key=b"b.mp4")]).faults == {"mismatched": 2}


@pytest.mark.parametrize("key", [b"a.mp4", None, b"\xff"])
def test_a_rejection_of_a_reference_that_names_no_clip_names_none_either(key: bytes | None):
    rejection = outcome(0, 0, to=LETTERS, clip_id="a.mp4" if key == b"a.mp4" else None)
    assert audited([rejection], [reference(0, 0, key=key)]).complete


# How long it took.


@given(st.integers(-10_000, 10_000), st.integers(1, 5_000))
def test_an_outcome_is_late_that_came_later_than_asked_for_and_never_for_clocks_that_differ(took_ms, limit_ms):
    answered, asked = outcome(0, 0, at_ms=20_000 + took_ms), reference(0, 0, at_ms=20_000)
    result = audited([answered], [asked], late_after_s=limit_ms / 1000)
    assert result.faults == ({"late": 1} if took_ms > limit_ms else {})
    assert audited([answered], [asked]).complete, "unless asked for, none is late"


def test_of_those_that_are_late_the_slowest_are_named_first_with_how_late_each_is_and_its_clip():
    answers = [outcome(0, offset, at_ms=2000 + 1000 * (offset % 7)) for offset in range(20)]
    found = audited(answers, [reference(0, offset) for offset in range(20)], late_after_s=1.0)
    assert found.faults == {"late": 20}
    assert found.examples["late"][:4] == (
        "clips[0]@6 after 8.0 s, a.mp4",
        "clips[0]@13 after 8.0 s, a.mp4",
        "clips[0]@5 after 7.0 s, a.mp4",
        "clips[0]@12 after 7.0 s, a.mp4",
    )
    assert not found.is_broken, "nothing is wrong with delivery but that"
    assert not found.holds


@pytest.mark.parametrize("fault", ["lost", "doubled"])
def test_lateness_beside_another_fault_hides_nothing(fault: str):
    answers = {"lost": [outcome(0, 1, at_ms=9000)], "doubled": [outcome(0, place, at_ms=9000) for place in (0, 1, 1)]}
    found = audited(answers[fault], [reference(0, 0), reference(0, 1)], committed=(2, 0), late_after_s=1.0)
    assert found.late
    assert found.is_broken


def test_of_those_that_are_pending_the_oldest_are_named_first_with_their_time_and_clip():
    asked = [reference(number, offset, at_ms=1000 * (50 - offset) + number) for number in (0, 1) for offset in range(9)]
    found = audited([], [*asked, reference(0, 9, key=None), reference(1, 9, key=b"a\x1b[2J", at_ms=1)])
    assert found.pending == 20
    assert len(found.oldest_pending) == EXAMPLES
    assert found.oldest_pending[:3] == (
        "clips[0]@9 since 1970-01-01T00:00:00.000+00:00",
        r"clips[1]@9 since 1970-01-01T00:00:00.001+00:00, 'a\x1b[2J'",
        "clips[0]@8 since 1970-01-01T00:00:42.000+00:00, a.mp4",
    )


def test_a_time_that_no_calendar_has_is_named_as_it_is():
    assert audited([], [reference(0, 0, at_ms=10**18)]).oldest_pending == (f"clips[0]@0 since {10**18} ms, a.mp4",)


def test_of_two_outcomes_the_first_one_counts():
    twice = [outcome(0, 0, at_ms=900), outcome(0, 0, at_ms=9000)]
    assert audited(twice, [reference(0, 0)], late_after_s=1.0).faults == {"doubled": 1}


# A part of them.


@given(
    answers=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), max_size=40),
    appended=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    committed=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    part=st.dictionaries(st.integers(0, 1), st.tuples(st.integers(0, 30), st.integers(0, 30))),
)
def test_an_audit_of_a_part_finds_what_an_audit_of_all_finds_there(answers, appended, committed, part):
    references = [reference(number, offset) for number in (0, 1) for offset in range(appended[number])]
    within = {number: range(start, stop) for number, (start, stop) in part.items()}

    def is_part(number: int, offset: int) -> bool:
        return offset in within.get(number, ())

    stray = Record(VERDICTS, 3, None, b"hello", (), 0)
    found = audited([stray, *(outcome(*each) for each in answers)], references, committed=committed, within=within)
    expected = audited(
        [outcome(*each) for each in answers if is_part(*each)],
        [each for each in references if is_part(each.partition.number, each.offset)],
        committed=committed,
    )
    assert found == expected
