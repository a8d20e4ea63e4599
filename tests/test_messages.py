"""What goes to Kafka of an outcome, and what is left out where it would be too large."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.broker.contract import Message
from stream.errors import Reason
from stream.messages import OutcomeTopics
from stream.records import (
    KafkaSource,
    Partition,
    Record,
    Rejection,
    Thresholds,
    rejection_of,
    requeued_from,
    source_of,
)
from tests.results.made_outcomes import made_verdict

TRACE = ("traceparent", b"00-ab-cd-01")
RECORD = Record(Partition("clips", 3), 17, b"a.mp4", b'{"half a reference', (TRACE,), 0)
TOPICS = OutcomeTopics(verdicts="verdicts", dead_letters="dead-letters", message_limit_bytes=5000)
REJECTION = Rejection(schema=1, clip_id="a.mp4", reason=Reason.BAD_REFERENCE, detail="no JSON", source=RECORD.source)
VERDICT = made_verdict(
    verdict="stalled",
    probability=0.93,
    thresholds=Thresholds(low=0.5, high=0.5, decide=0.5, prevalence=0.5),
    roi=(1, 2, 3, 4),
    artifact="a",
    spec="s",
    source=RECORD.source,
)


def size_bytes(message: Message) -> int:
    headers = sum(len(name.encode()) + len(value or b"") for name, value in message.headers)
    return len(message.key or b"") + len(message.value or b"") + headers


def with_headers(*headers: tuple[str, bytes]) -> Record:
    return dataclasses.replace(RECORD, headers=headers)


def test_a_verdict_is_one_json_object_under_its_clip_id():
    message = TOPICS.message(RECORD, VERDICT)
    assert (message.topic, message.key) == ("verdicts", b"a.mp4")
    told = json.loads(message.value or b"")
    assert (told["schema"], told["kind"], told["verdict"]) == (1, "verdict", "stalled")
    assert told["source"] == {"topic": "clips", "partition": 3, "offset": 17}
    assert message.headers[0] == TRACE
    assert source_of(message.headers) == RECORD.source


def test_a_dead_letter_is_the_records_own_key_and_value():
    message = TOPICS.message(RECORD, REJECTION)
    assert (message.topic, message.key, message.value) == ("dead-letters", RECORD.key, RECORD.value)
    assert message.headers[0] == TRACE
    assert rejection_of(message.headers) == REJECTION


def test_a_dead_letter_that_is_sent_through_again_tells_of_its_last_way_only():
    again = with_headers(TRACE, *TOPICS.message(RECORD, REJECTION).headers)
    headers = TOPICS.message(again, VERDICT).headers
    names = [name for name, _ in headers]
    assert len(names) == len(set(names)) + 1, "the trace, which came twice"
    assert rejection_of(headers) is None


def test_a_dead_letter_too_large_for_the_broker_is_sent_as_metadata_only():
    large = dataclasses.replace(RECORD, value=b"x" * 5000)
    message = TOPICS.message(large, REJECTION)
    assert (message.key, message.value) == (RECORD.key, None)
    assert rejection_of(message.headers) == REJECTION
    assert ("stall-omitted-value-bytes", b"5000") in message.headers
    assert TRACE not in message.headers


@pytest.mark.parametrize("outcome", [VERDICT, REJECTION])
def test_headers_of_the_reference_are_dropped_where_they_are_too_large(outcome):
    message = TOPICS.message(with_headers(("baggage", b"x" * 5000)), outcome)
    assert size_bytes(message) < 1000
    assert source_of(message.headers) == RECORD.source


def test_a_header_without_a_value_is_copied():
    headers = (("marker", None),)
    record = dataclasses.replace(RECORD, headers=headers)  # type: ignore[arg-type]  # Kafka allows what our type doesn't
    name, value = TOPICS.message(record, VERDICT).headers[0]
    assert name == "marker"
    assert not value


@given(
    key=st.none() | st.integers(0, 9000).map(bytes),
    value=st.none() | st.integers(0, 9000).map(bytes),
    header=st.integers(0, 9000).map(bytes),
)
def test_whatever_the_record_its_outcome_fits(key, value, header):
    record = Record(RECORD.partition, 17, key, value, (("h", header),), 0)
    for outcome in (VERDICT, REJECTION):
        message = TOPICS.message(record, outcome)
        assert size_bytes(message) <= 5000
        assert source_of(message.headers) == RECORD.source


@pytest.mark.parametrize("outcome", [VERDICT, REJECTION])
@pytest.mark.parametrize("padding", [0, 5000])
def test_the_outcome_of_a_dead_letter_sent_back_tells_which_one_it_was(outcome, padding: int):
    was = KafkaSource(topic="dead-letters", partition=0, offset=9)
    again = with_headers(TRACE, was.requeued_header(), ("baggage", b"x" * padding))
    headers = TOPICS.message(again, outcome).headers
    assert requeued_from(headers) == was
    assert source_of(headers) == RECORD.source
    assert rejection_of(headers) == (REJECTION if outcome is REJECTION else None)


@pytest.mark.parametrize("said", [b"", b"a/1", b"a/b/c", b"\xff/1/2", b"x" * 5000 + b"/1/2"])
def test_nonsense_in_its_place_is_not_copied(said: bytes):
    headers = TOPICS.message(with_headers(("stall-requeued-from", said)), VERDICT).headers
    assert requeued_from(headers) is None
