"""What a reference may look like, and what is said about one that may not."""

import contextlib
import gc
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import ClipFault, Reason
from stream.records import (
    EXTRA_LIMIT_BYTES,
    ClipReference,
    KafkaSource,
    Rejection,
    parse_reference,
    rejection_of,
    source_of,
    traceparent_of,
)

GOOD = {"schema": 1, "clip_id": "100001.mp4", "uri": "file:///clips/100001.mp4"}


def reference(**fields) -> bytes:
    return json.dumps({**GOOD, **fields}).encode()


def test_the_least_reference_names_a_clip_and_where_it_lies():
    parsed = parse_reference(reference())
    assert (parsed.clip_id, parsed.uri) == ("100001.mp4", "file:///clips/100001.mp4")


def test_nothing_of_a_reference_is_kept():
    parse_reference(reference())
    before = sys.getallocatedblocks()
    for number in range(2000):
        parse_reference(reference(clip_id=f"{number}.mp4"))
    gc.collect()
    assert sys.getallocatedblocks() - before < 500


def test_a_full_reference_survives_the_round_trip():
    given_fields = {
        "project_id": "F",
        "captured_at": "2026-11-23T10:00:00+01:00",
        "sha256": "a" * 64,
        "num_frames": 48,
        "roi": [10, 20, 60, 70],
        "extra": {"mouse": "7"},
    }
    parsed = parse_reference(reference(**given_fields))
    assert parse_reference(parsed.to_json()) == parsed
    assert parsed.roi == (10, 20, 60, 70)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "no value"),
        (b"", "Invalid JSON"),
        (b"clip.mp4", "Invalid JSON"),
        (b"\xff\xfe", "Invalid JSON"),
        (b"[]", "object"),
        (json.dumps({"schema": 1, "clip_id": "a"}).encode(), "uri: Field required"),
        (json.dumps({"clip_id": "a", "uri": "b"}).encode(), "schema: Field required"),
        (reference(schema=2), "schema: Input should be 1 (got 2)"),
        (reference(schema=True), "schema: Input should be the number 1 (got True)"),
        (reference(schema=1.0), "schema: Input should be the number 1 (got 1.0)"),
        (json.dumps({"schema_version": 1, "clip_id": "a", "uri": "b"}).encode(), "schema: Field required"),
        (reference(schema_version=1), "schema_version: Extra inputs are not permitted"),
        (reference(colour="red"), "colour: Extra inputs are not permitted"),
        (reference(clip_id=7), "clip_id: Input should be a valid string (got 7)"),
        (reference(clip_id=""), "clip_id"),
        (reference(captured_at="yesterday"), "captured_at"),
        (reference(captured_at="2026-11-23T10:00:00"), "timezone"),
        (reference(captured_at=1_700_000_000), "captured_at"),
        (reference(sha256="A" * 64), "sha256"),
        (reference(num_frames=0), "num_frames"),
        (reference(num_frames="52"), "num_frames: Input should be a valid integer (got '52')"),
        (reference(roi=[5, 5, 5, 9]), "x0 < x1"),
        (reference(roi=[1, 2, 3]), "roi"),
        (reference(roi=[0, 0, 3_000_000_000, 9]), "x1 < 65536"),
        (reference(num_frames=3_000_000_000), "num_frames"),
        (reference(project_id="x" * 1025), "project_id"),
        (reference(extra={"a": "b" * EXTRA_LIMIT_BYTES}), "at most 4096"),
        (reference(extra={"a": 1}), "extra.a"),
    ],
)
def test_a_malformed_reference_is_refused_with_field_value_and_rule(value, said):
    with pytest.raises(ClipFault) as caught:
        parse_reference(value)
    assert caught.value.reason is Reason.BAD_REFERENCE
    assert said in caught.value.detail
    assert len(caught.value.detail) < 400


@given(st.binary(max_size=300))
def test_no_bytes_whatever_raise_anything_but_a_fault(value):
    with contextlib.suppress(ClipFault):
        parse_reference(value)


@given(st.text(min_size=1, max_size=50), st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=5))
def test_any_text_is_carried_untouched(clip_id, extra):
    try:
        clip_id.encode()
        "".join([*extra, *extra.values()]).encode()
    except UnicodeEncodeError:
        return
    sent = ClipReference(schema=1, clip_id=clip_id, uri="/a", extra=extra)
    assert parse_reference(sent.to_json()) == sent


@given(st.text(st.characters(codec="ascii"), min_size=1), st.integers(0, 2**31), st.integers(0, 2**63))
def test_an_outcome_says_in_its_headers_which_reference_it_answers(topic, partition, offset):
    source = KafkaSource(topic=topic, partition=partition, offset=offset)
    copied_from_the_reference = (("traceparent", b"00-ab-cd-01"), ("stall-source-offset", b"7"))
    assert source_of((*copied_from_the_reference, *source.headers())) == source


@pytest.mark.parametrize(
    "headers", [(), (("stall-source-topic", b"a"),), KafkaSource(topic="a", partition=0, offset=1).headers()[:2]]
)
def test_a_record_that_names_no_reference_answers_none(headers):
    assert source_of(headers) is None


@pytest.mark.parametrize("offset", [b"", b"one", b"\xff", b"1.5"])
def test_source_headers_of_another_kind_answer_no_reference(offset):
    good = KafkaSource(topic="a", partition=0, offset=1).headers()
    assert source_of((*good[:2], (good[2][0], offset))) is None


@pytest.mark.parametrize("clip_id", [None, "", "Ω 1.mp4"])
def test_a_dead_letters_headers_say_why_it_was_rejected(clip_id):
    source = KafkaSource(topic="a", partition=0, offset=1)
    rejection = Rejection(
        schema=1, clip_id=clip_id, reason=Reason.NO_OUTLINE, detail="no orange ring, größtes 3 px", source=source
    )
    assert rejection_of((("traceparent", b"00"), *rejection.headers())) == rejection
    assert rejection_of(rejection.headers()[1:]) is None
    assert rejection_of(()) is None


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", True),
        (b"00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01", False),
        (b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n", False),
        (b"\xff", False),
        (None, False),
    ],
)
def test_a_traceparent_is_one_by_the_standard_or_none(value: bytes, *, told: bool):
    assert traceparent_of((("traceparent", value),)) == (value.decode() if told else None)
