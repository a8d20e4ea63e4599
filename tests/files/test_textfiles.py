"""What users hand over as text comes in row by row, or is refused with file and line."""

import contextlib
import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import UserError
from stream.files.textfiles import reading, rows

FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=8)


def written(content: str | bytes) -> Path:
    with tempfile.NamedTemporaryFile(suffix=".csv", delete=False) as file:
        file.write(content.encode() if isinstance(content, str) else content)
    return Path(file.name)


@given(st.lists(st.tuples(FIELD, FIELD), max_size=5), st.booleans())
def test_whatever_is_written_as_csv_is_read_back_with_the_line_it_ends_in(pairs, marked):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("name", "value"), *pairs])
    path = written(("\ufeff" if marked else "") + text.getvalue())
    read = list(rows(path, {"value", "name"}))
    assert [(row["name"], row["value"]) for _, row in read] == pairs
    lines = [int(where.removeprefix(f"{path}:")) for where, _ in read]
    assert lines == sorted(set(lines))
    assert lines[-1:] == ([text.getvalue().count("\n")] if pairs else [])


@given(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(lambda tail: b"name,value\n" + tail)))
def test_whatever_a_file_holds_it_is_read_or_refused_in_one_line(content):
    with contextlib.suppress(UserError):
        list(rows(written(content), {"name", "value"}))


def test_columns_may_be_more_than_needed_and_in_any_order(tmp_path):
    (tmp_path / "a.csv").write_text("extra,value,name\n1,2,3\n")
    assert list(rows(tmp_path / "a.csv", {"name", "value"})) == [
        (f"{tmp_path}/a.csv:2", {"extra": "1", "value": "2", "name": "3"})
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"a\.csv: no column 'name' \(it has nothing\)"),
        (b"name,other\n", r"a\.csv: no column 'value' \(it has name, other\)"),
        (b"name,value\n\n1,2\n1\n", r"a\.csv:4: not as many fields as columns"),
        (b'name,value\n"1\n2",3\n1,2,3\n', r"a\.csv:4: not as many fields as columns"),
        (b'name,value\n"1,2\n', r"a\.csv is not the text that it should be: unexpected end of data"),
        (b"name,value\n\xff,2\n", r"a\.csv is not the text that it should be: .*utf-8"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(tmp_path, content, said):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(UserError, match=said):
        list(rows(tmp_path / "a.csv", {"name", "value"}))


@pytest.mark.parametrize(("name", "said"), [("gone", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path, name, said):
    with pytest.raises(UserError, match=f"can't read {tmp_path}.*: {said}"), reading(tmp_path / name):
        pass
