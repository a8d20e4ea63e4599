"""All there is of a record is shown, and nothing of it reaches the terminal as an order."""

import base64
import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import Reason
from stream.letters.render import letter_json, letter_line, letter_lines, printable, record_lines, try_again
from stream.records import SCHEMA, ClipReference, KafkaSource, Partition, Record
from tests.letters.test_letter import REFERENCE, letter

CLEAR_SCREEN = "\x1b[2J"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.just(f"a{CLEAR_SCREEN}\u202eb\r\n")
HEADERS = st.lists(st.tuples(TEXTS.filter(lambda name: not name.startswith("stall-")), st.binary(max_size=20)))


@given(key=st.none() | st.binary(max_size=30), value=st.none() | st.binary(max_size=50), headers=HEADERS)
def test_no_record_can_order_a_terminal_about(key, value, headers):
    record = Record(Partition("clips", 0), 7, key, value, tuple(headers), 0)
    assert all(line.isprintable() for line in record_lines(record))


@given(clip_id=st.none() | TEXTS, detail=TEXTS, uri=TEXTS.filter(bool), value=st.binary(max_size=50), headers=HEADERS)
def test_no_dead_letter_can_either(clip_id, detail, uri, value, headers):
    reference = ClipReference(schema=SCHEMA, clip_id="a", uri=uri).to_json()
    for given_value in (reference, value):
        found = letter(clip_id=clip_id, detail=detail, value=given_value, headers=tuple(headers))
        assert all(line.isprintable() for line in (*letter_lines(found), letter_line(found)))
        assert json.dumps(letter_json(found)).isprintable()


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        (None, "none"),
        ("", ""),
        (b'{"uri": "/Zo\xc3\xab.mp4"}', '{"uri": "/Zo\u00eb.mp4"}'),
        (b"\xff\x00", r"b'\xff\x00'"),
        (f"a{CLEAR_SCREEN}", r"'a\x1b[2J'"),
        ("a\u202eb", r"'a\u202eb'"),
    ],
)
def test_what_can_be_seen_is_shown_as_it_is(given_text, shown: str):
    assert printable(given_text) == shown


def test_all_there_is_of_a_dead_letter_is_shown():
    was = KafkaSource(topic="letters", partition=1, offset=3)
    found = letter(reason=Reason.FORBIDDEN, headers=(("traceparent", b"00-1"), was.requeued_header()))
    text = "\n".join(letter_lines(found))
    for said in (
        "letters[0]@5  2025-11-25T12:00:00.000+00:00",
        "reason     forbidden",
        "detail     half of it",
        "clip_id    a.mp4",
        "uri        /clips/a.mp4",
        "reference  clips[2]@17",
        "was before letters[1]@3",
        "key        a.mp4",
        f"value      {REFERENCE.to_json().decode()}",
        "header     traceparent = 00-1",
        "header     stall-source-offset = 17",
        "try again  python -m stream score /clips/a.mp4  # allowed there, by being named",
    ):
        assert said in text, said
    assert "not kept   the value, 6000 bytes" in "\n".join(letter_lines(letter(value=b"x" * 6000)))


def test_json_loses_nothing():
    found = letter(key=b"\xff", headers=(("h", b"\xfe"),))
    told = json.loads(json.dumps(letter_json(found)))
    assert (told["topic"], told["partition"], told["offset"]) == ("letters", 0, 5)
    assert base64.b64decode(told["key"]["base64"]) == b"\xff"
    assert told["value"].encode() == found.record.value
    assert ["h", {"base64": "/g=="}] in told["headers"]
    assert told["source"] == {"topic": "clips", "partition": 2, "offset": 17}
    assert (told["reason"], told["clip_id"], told["uri"]) == ("damaged", "a.mp4", "/clips/a.mp4")


def test_a_time_that_no_calendar_has_is_shown_as_it_is():
    record = Record(Partition("clips", 0), 7, None, None, (), 2**62)
    assert next(record_lines(record)).endswith(f"{2**62} ms")


# The command that tries it again.


@given(uri=TEXTS.filter(bool), with_roi=st.booleans())
def test_the_command_names_the_place_or_gives_the_whole_reference(uri: str, with_roi: bool):  # noqa: FBT001
    reference = ClipReference(schema=SCHEMA, clip_id="a", uri=uri, roi=(1, 2, 3, 4) if with_roi else None)
    command = try_again(letter(value=reference.to_json()))
    assert command is not None
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "stream", "score"]
    if words[4] == "--reference":
        assert ClipReference.model_validate_json(words[5], strict=True) == reference
    else:
        assert (words[4:], with_roi) == ([uri], False)


@pytest.mark.parametrize(
    "told", [{"sha256": "0" * 64}, {"num_frames": 52}, {"roi": (1, 2, 3, 4)}, {"uri": "a.mp4"}, {"uri": "/a\n.mp4"}]
)
def test_what_a_place_alone_would_not_tell_is_given(told: dict[str, object]):
    reference = ClipReference.model_validate({"schema": SCHEMA, "clip_id": "a", "uri": "/clips/a.mp4", **told})
    command = try_again(letter(value=reference.to_json()))
    assert command is not None
    assert ClipReference.model_validate_json(shlex.split(command)[-1]) == reference


def test_a_reference_that_is_none_is_given_as_it_is_if_a_shell_takes_it():
    assert try_again(letter(value=b"it's no 'JSON'")) == (
        "python -m stream score --reference 'it'\"'\"'s no '\"'\"'JSON'\"'\"''"
    )
    for value in (b"\xff", b"\x1b", b"", None, b"x" * 6000):
        assert try_again(letter(value=value)) is None
    assert any("not possible" in line for line in letter_lines(letter(value=b"\xff")))
