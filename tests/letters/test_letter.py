"""Which records are dead letters, what they tell, and which of them are meant."""

import dataclasses
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from stream.errors import Reason
from stream.letters.letter import DeadLetter, Selection, dead_letter_of, newest
from stream.messages import OutcomeTopics
from stream.records import SCHEMA, ClipReference, KafkaSource, Partition, Record, Rejection

TOPICS = OutcomeTopics(verdicts="verdicts", dead_letters="letters", message_limit_bytes=5000)
REFERENCE = ClipReference(schema=SCHEMA, clip_id="a.mp4", uri="/clips/a.mp4")
NOON_MS = 1_764_072_000_000
NOON = datetime.fromtimestamp(NOON_MS / 1000, UTC)


def letter(
    *,
    clip_id: str | None = "a.mp4",
    reason: Reason = Reason.DAMAGED,
    detail: str = "half of it",
    value: bytes | None = REFERENCE.to_json(),
    key: bytes | None = b"a.mp4",
    headers: tuple[tuple[str, bytes], ...] = (),
    at_ms: int = NOON_MS,
) -> DeadLetter:
    """As a worker writes it."""
    source = KafkaSource(topic="clips", partition=2, offset=17)
    given = Record(Partition("clips", 2), 17, key, value, headers, 0)
    rejection = Rejection(schema=SCHEMA, clip_id=clip_id, reason=reason, detail=detail, source=source)
    message = TOPICS.message(given, rejection)
    written = Record(Partition("letters", 0), 5, message.key, message.value, message.headers, at_ms)
    found = dead_letter_of(written)
    assert found is not None
    return found


def test_a_dead_letter_tells_what_came_and_why_it_was_rejected():
    found = letter(headers=(("traceparent", b"00-1"),))
    assert (found.rejection.reason, found.rejection.detail) == (Reason.DAMAGED, "half of it")
    assert found.reference == REFERENCE
    assert found.own_headers == (("traceparent", b"00-1"),)
    assert found.source == KafkaSource(topic="clips", partition=2, offset=17)
    assert (found.omitted, found.was) == (None, None)


def test_one_that_was_sent_back_before_tells_from_where():
    before = KafkaSource(topic="letters", partition=0, offset=3)
    found = letter(headers=(("traceparent", b"00-1"), before.requeued_header()))
    assert found.was == before
    assert found.own_headers == (("traceparent", b"00-1"),)


def test_one_that_was_too_large_tells_how_large():
    found = letter(value=b"x" * 6000)
    assert (found.omitted, found.reference, found.record.value) == ("6000", None, None)


def test_a_reference_that_is_none_has_none_to_show():
    assert letter(value=b"no JSON").reference is None


def test_records_without_a_reason_are_no_dead_letters():
    found = letter()
    for missing in ("stall-reason", "stall-source-offset"):
        headers = tuple(header for header in found.record.headers if header[0] != missing)
        assert dead_letter_of(dataclasses.replace(found.record, headers=headers)) is None


def test_what_is_not_limited_may_be_anything():
    assert Selection().takes(letter())
    assert Selection().takes(letter(clip_id=None))


REASONS = st.sampled_from([Reason.DAMAGED, Reason.NOT_FOUND, Reason.SKIPPED])
CLIPS = st.sampled_from(["a", "b", "c"])


@given(REASONS, CLIPS, st.frozensets(REASONS), st.frozensets(CLIPS))
def test_all_limits_count_together(reason, clip_id, reasons, clip_ids):
    found = letter(clip_id=clip_id, reason=reason)
    expected = (not reasons or reason in reasons) and (not clip_ids or clip_id in clip_ids)
    assert Selection(reasons=reasons, clip_ids=clip_ids).takes(found) == expected


def test_a_time_is_the_first_that_counts_and_the_first_that_does_not_any_more():
    for at_ms, since, until in [(NOON_MS - 1, False, True), (NOON_MS, True, False), (NOON_MS + 1, True, False)]:
        found = letter(at_ms=at_ms)
        assert Selection(since=NOON).takes(found) == since
        assert Selection(until=NOON).takes(found) == until


@given(st.lists(st.integers(0, 5)), st.integers(1, 8))
def test_the_newest_are_those_that_were_appended_last_whatever_their_partition(times_ms, limit):
    found = newest((letter(at_ms=at_ms) for at_ms in times_ms), limit)
    assert [each.record.timestamp_ms for each in found.letters] == sorted(times_ms)[-limit:]
    assert found.of == len(times_ms)
