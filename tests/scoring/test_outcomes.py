"""What is said of a clip that can't be judged, and of which clip."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import ClipFault, Reason
from stream.records import FileSource, Partition, Record, salvage_clip_id
from stream.scoring.outcomes import DETAIL_LIMIT, reject


def record(value: bytes | None, key: bytes | None = None) -> Record:
    return Record(Partition("clips", 0), 0, key, value, (), 0)


@pytest.mark.parametrize(
    ("value", "key", "clip_id"),
    [
        (b'{"clip_id": "a.mp4", "colour": 7}', b"k", "a.mp4"),
        (b'{"clip_id": 7}', b"k", "k"),
        (b'{"clip_id": ""}', b"k", "k"),
        (b'{"clip_id": "\\ud800"}', b"k", "k"),
        (b"clip.mp4", b"k", "k"),
        (b'["clip_id"]', None, None),
        (b"", b"", None),
        (None, b"\xff", None),
        (None, None, None),
        (json.dumps({"clip_id": "x" * 1025}).encode(), b"y" * 1025, None),
        (b"[" * 100_000, b"k", "k"),
    ],
)
def test_the_clip_id_is_the_values_or_else_the_key(value, key, clip_id):
    assert salvage_clip_id(record(value, key)) == clip_id


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_any_record_whatever_can_be_rejected(value, key):
    fault = ClipFault(Reason.BAD_REFERENCE, "no good")
    rejection = reject(fault, clip_id=salvage_clip_id(record(value, key)), source=record(value).source)
    assert rejection.headers()


def test_a_detail_is_kept_short_and_can_be_written_down():
    fault = ClipFault(Reason.NOT_FOUND, "\udc80" + "x" * 10_000)
    detail = reject(fault, clip_id=None, source=FileSource(file="a")).detail
    assert len(detail) == DETAIL_LIMIT
    assert detail.encode()
