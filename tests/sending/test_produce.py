"""Which references a folder, a metadata CSV and a manifest give, and what is said about a bad row."""

import itertools
import time
from pathlib import Path

import pytest

from stream.errors import UserError
from stream.records import ClipReference
from stream.sending.produce import count, open_source, paced


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def references(path: Path | None = None, *, metadata: Path | None = None, root: str | None = None):
    source = open_source(path, metadata=metadata, root=root)
    assert count(source) == len(list(source()))
    return list(source())


def test_a_folder_gives_its_mp4_files_by_relative_path_in_order(tmp_path):
    for name in ("b/2.mp4", "a 1.MP4", "notes.txt", "c.mp4/inner.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    given = references(tmp_path)
    assert [each.clip_id for each in given] == ["a 1.MP4", "b/2.mp4", "c.mp4/inner.mp4"]
    assert given[0].uri == f"{tmp_path.resolve().as_uri()}/a%201.MP4"


METADATA = (
    "filename,url,project_id,num_frames,crowd_score\n7.mp4,s3://bucket/7.mp4,F,48,0.5\n8.mp4,s3://bucket/8.mp4,,,\n"
)


def test_metadata_carries_project_and_length_over_and_takes_its_url(tmp_path):
    first, second = references(metadata=written(tmp_path / "train_metadata.csv", METADATA))
    assert first == ClipReference(
        schema=1, clip_id="7.mp4", uri="s3://bucket/7.mp4", project_id="F", num_frames=48, captured_at=None, sha256=None
    )
    assert (second.project_id, second.num_frames) == (None, None)


@pytest.mark.parametrize(
    ("root", "uri"),
    [("http://host/clips/", "http://host/clips/7.mp4"), ("s3://bucket/a", "s3://bucket/a/7.mp4")],
)
def test_a_uri_prefix_replaces_the_metadatas_url(tmp_path, root, uri):
    assert references(metadata=written(tmp_path / "m.csv", METADATA), root=root)[0].uri == uri


def test_a_folder_as_root_gives_file_uris_and_needs_no_url(tmp_path):
    metadata = written(tmp_path / "m.csv", "filename\n7 a.mp4\n")
    assert references(metadata=metadata, root=str(tmp_path))[0].uri == f"{tmp_path.resolve().as_uri()}/7%20a.mp4"


def test_a_manifest_is_json_lines_or_a_csv_of_clip_id_and_uri(tmp_path):
    lines = '{"schema": 1, "clip_id": "a", "uri": "/a.mp4", "extra": {"mouse": "7"}}\n\n'
    (from_lines,) = references(written(tmp_path / "clips.jsonl", lines))
    assert from_lines.extra == {"mouse": "7"}
    (from_csv,) = references(written(tmp_path / "clips.csv", "clip_id,uri\na,/a.mp4\n"))
    assert (from_csv.clip_id, from_csv.uri) == ("a", "/a.mp4")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("m.jsonl", '{"schema": 1, "clip_id": "a", "uri": "b"}\nnonsense\n', r"m\.jsonl:2: .*Invalid JSON"),
        ("m.jsonl", '{"schema": 1, "clip_id": "a"}\n', r"m\.jsonl:1: uri: Field required"),
        ("m.jsonl", '{"schema": 1, "clip_id": "a", "uri": "b", "colour": 1}\n', r"m\.jsonl:1: colour: Extra"),
        ("m.jsonl", b"\xff\xfe\x00", r"m\.jsonl is not the text"),
        ("m.jsonl", "", "names no clip"),
        ("m.csv", "clip_id,uri\n", "names no clip"),
        ("m.csv", "clip_id\na\n", "no column 'uri'"),
        ("m.csv", "", "no column 'clip_id'"),
        ("m.csv", "clip_id,uri\na,b\nc\n", r"m\.csv:3: not as many fields"),
        ("m.csv", "clip_id,uri\na,b,c\n", r"m\.csv:2: not as many fields"),
        ("m.csv", "clip_id,uri\n,b\n", r"m\.csv:2: clip_id: .*at least 1 character"),
        ("m.csv", 'clip_id,uri\n"a,b\n', r"m\.csv is not the text"),
    ],
)
def test_a_bad_row_is_named_by_its_line_before_anything_is_sent(tmp_path, name, text, said):
    source = open_source(written(tmp_path / name, text), metadata=None, root=None)
    with pytest.raises(UserError, match=said):
        count(source)


def test_a_bad_length_in_the_metadata_is_named(tmp_path):
    metadata = written(tmp_path / "m.csv", "filename,url,num_frames\na,b,many\n")
    with pytest.raises(UserError, match=r"m\.csv:2: num_frames: .*'many'"):
        count(open_source(None, metadata=metadata, root=None))


@pytest.mark.parametrize(
    ("path", "metadata", "root", "said"),
    [
        (None, None, None, "name one source"),
        ("a", "b", None, "name one source"),
        ("a", None, "s3://b", "--metadata"),
        (None, "b", "/not/there", "must be a folder"),
    ],
)
def test_sources_that_contradict_each_other_are_refused(path, metadata, root, said):
    with pytest.raises(UserError, match=said):
        open_source(path and Path(path), metadata=metadata and Path(metadata), root=root)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"can't read .*gone: No such file"):
        count(open_source(tmp_path / "gone", metadata=None, root=None))
    with pytest.raises(UserError, match="no mp4 file"):
        count(open_source(tmp_path, metadata=None, root=None))


def test_a_file_whose_name_is_no_text_is_named_not_sent(tmp_path):
    (tmp_path / "ok.mp4").write_bytes(b"")
    Path(str(tmp_path) + "/\udcff.mp4").write_bytes(b"")
    with pytest.raises(UserError, match="nothing was sent"):
        count(open_source(tmp_path, metadata=None, root=None))


def test_pacing_keeps_to_the_rate():
    begin = time.monotonic()
    assert list(itertools.islice(paced(itertools.count(), rate=100), 20)) == list(range(20))
    assert 0.19 <= time.monotonic() - begin < 1.9
