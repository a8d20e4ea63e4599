"""The competition's tables are read as they are, all of them in a few seconds; what is wrong is said with its line."""

import gzip

import polars as pl
import pytest

from stream.errors import UserError
from tests.training.data.made import METADATA_HEADER
from training.data.metadata import COLUMNS, read_tables

ROWS = [
    "a.mp4,s3://b/a.mp4,M,54,0.0,True,False,False",
    "b.mp4,s3://b/b.mp4,F,48,0.0227686,False,False,False",
    "c.mp4,s3://b/c.mp4,F,60,0.6,False,False,False",
    "d.mp4,s3://b/d.mp4,G,17,1.0,True,True,True",
]
LABELS = ["a.mp4,0", "b.mp4,0", "c.mp4,1", "d.mp4,1"]


def read(folder, rows=ROWS, labels=LABELS, *, header=METADATA_HEADER, labels_header="filename,stalled"):
    (folder / "clips.csv").write_text("\n".join([header, *rows, ""]))
    (folder / "labels.csv").write_text("\n".join([labels_header, *labels, ""]))
    return read_tables(folder / "clips.csv", folder / "labels.csv")


def refusal(folder, *args, **kwargs):
    with pytest.raises(UserError) as caught:
        read(folder, *args, **kwargs)
    said = str(caught.value)
    assert "\n" not in said
    return said.replace(f"{folder}/", "")


def test_each_labelled_clip_is_a_row_of_known_types(tmp_path):
    found = read(tmp_path, labels=reversed(LABELS))
    assert found.clips.schema == COLUMNS
    assert found.clips.row(1, named=True) == {
        "clip_id": "b.mp4",
        "project_id": "F",
        "num_frames": 48,
        "crowd_score": 0.0227686,
        "tier1": False,
        "micro": False,
        "nano": False,
        "stalled": False,
    }
    assert found.clips["clip_id"].to_list() == ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]
    assert found.clips["stalled"].to_list() == [False, False, True, True]
    assert (found.unlabelled, found.uncrowded) == (0, ())


def test_packed_tables_and_other_columns_and_orders_are_read_as_well(tmp_path):
    plain = read(tmp_path)
    for name in ("clips.csv", "labels.csv"):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress((tmp_path / name).read_bytes()))
    packed = read_tables(tmp_path / "clips.csv.gz", tmp_path / "labels.csv.gz")
    assert packed.clips.equals(plain.clips)
    assert packed.metadata_sha256 == plain.metadata_sha256

    marked = "\ufeff" + "note,stalled,filename"  # as spreadsheets save it
    other = read(
        tmp_path, labels=[f"x,{each.split(',')[1]},{each.split(',')[0]}" for each in LABELS], labels_header=marked
    )
    assert other.clips.equals(plain.clips)


def test_clips_without_labels_are_counted(tmp_path):
    found = read(tmp_path, labels=LABELS[2:])
    assert found.clips["clip_id"].to_list() == ["c.mp4", "d.mp4"]
    assert found.unlabelled == 2


def test_blank_lines_are_none(tmp_path):
    found = read(tmp_path, rows=[*ROWS[:2], "", *ROWS[2:], ""], labels=[*LABELS, ""])
    assert found.clips["clip_id"].to_list() == ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]


def test_an_empty_crowd_score_is_one_that_is_not_known(tmp_path):
    found = read(tmp_path, rows=[ROWS[0].replace(",0.0,", ",,"), *ROWS[1:]])
    assert found.clips["crowd_score"].to_list() == [None, 0.0227686, 0.6, 1.0]


def test_zeros_of_a_project_that_no_crowd_has_seen_are_not_known(tmp_path):
    rows = [
        f"{name}.mp4,u,{project},50,{score},True,True,True"
        for name, project, score in [
            ("a", "L", 0.0),
            ("b", "L", 0.0),
            ("c", "M", 0.0),
            ("d", "M", 0.0),
            ("e", "K", 0.0),
            ("f", "K", 0.9),
        ]
    ]
    found = read(tmp_path, rows=rows, labels=["a.mp4,1", "b.mp4,0", "c.mp4,0", "d.mp4,0", "e.mp4,1", "f.mp4,1"])
    assert found.uncrowded == ("L",)
    assert found.clips["crowd_score"].to_list() == [None, None, 0.0, 0.0, 0.0, 0.9]
    assert found.clips["stalled"].to_list() == [True, False, False, False, True, True]


def row(**changes):
    fields = dict(zip(METADATA_HEADER.split(","), ROWS[2].split(","), strict=True)) | changes
    return [*ROWS[:2], ",".join(fields.values()), ROWS[3]]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rows": row(num_frames="many")}, "clips.csv:4: num_frames = 'many' must be a whole number from 1 on"),
        ({"rows": row(num_frames="0")}, "clips.csv:4: num_frames = '0' must be a whole number from 1 on"),
        ({"rows": row(num_frames="")}, "clips.csv:4: num_frames = '' must be a whole number from 1 on"),
        ({"rows": row(crowd_score="1.5")}, "clips.csv:4: crowd_score = '1.5' must be a number from 0 to 1"),
        ({"rows": row(crowd_score="nan")}, "clips.csv:4: crowd_score = 'nan' must be a number from 0 to 1"),
        ({"rows": row(tier1="yes")}, "clips.csv:4: tier1 = 'yes' must be True or False"),
        ({"rows": row(project_id="")}, "clips.csv:4: project_id = '' must be a name"),
        ({"rows": [*ROWS, ROWS[1]]}, "clips.csv:6: b.mp4 is there already; each clip has one line"),
        ({"labels": [*LABELS, LABELS[0]]}, "labels.csv:6: a.mp4 is there already; each clip has one line"),
        ({"labels": ["a.mp4,0", "b.mp4,2"]}, "labels.csv:3: stalled = '2' must be 0 or 1"),
        ({"labels": ["a.mp4,0", "b.mp4"]}, "labels.csv:3: stalled = '' must be 0 or 1"),
        (
            {"labels": ["a.mp4,0", "x.mp4,1", "y.mp4,1"]},
            "labels.csv:3: x.mp4 is no clip of clips.csv (2 such labels in all)",
        ),
        ({"labels": ["a.mp4,0", "b.mp4,0,x"]}, "labels.csv:3: not as many fields as columns"),
        ({"labels": ["", "a.mp4,0", "", "b.mp4,2"]}, "labels.csv:5: stalled = '2' must be 0 or 1"),
        ({"labels": []}, "labels.csv: no clip of clips.csv has a label here; give the tables of the same clips"),
        ({"labels_header": "filename,crowd"}, "labels.csv: no column 'stalled' (it has filename, crowd)"),
        (
            {"header": METADATA_HEADER.replace("tier1", "tier")},
            f"clips.csv: no column 'tier1' (it has {METADATA_HEADER.replace('tier1', 'tier').replace(',', ', ')})",
        ),
    ],
)
def test_what_is_wrong_is_said_with_file_line_and_value(tmp_path, given, said):
    assert refusal(tmp_path, **given) == said


def test_files_that_are_no_tables_are_named(tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("filename,stalled\na.mp4,1\n")
    for content in (b"", b"\x1f\x8bspoilt", b"filename,stalled\n\xff\xfe\xff,1\n", b"\x00\x01\x02"):
        read(tmp_path)
        labels.write_bytes(content)
        with pytest.raises(UserError, match=r"labels\.csv") as caught:
            read_tables(tmp_path / "clips.csv", labels)
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r"can't read .*nowhere.csv: No such file"):
        read_tables(tmp_path / "nowhere.csv", labels)


def test_the_real_tables_have_the_counts_that_are_known(stall_catchers):
    found = read_tables(stall_catchers / "train_metadata.csv.gz", stall_catchers / "train_labels_reconstructed.csv.gz")
    clips = found.clips
    assert len(clips) == 573_048
    assert clips["stalled"].sum() == 1_887
    assert [clips[name].sum() for name in ("nano", "micro", "tier1")] == [1_413, 2_399, 540_242]
    assert [clips.filter(name)["stalled"].sum() for name in ("nano", "micro", "tier1")] == [706, 706, 706]
    assert found.unlabelled == 0
    assert found.uncrowded == ("L",)
    unknown = clips.filter(pl.col("crowd_score").is_null())
    assert (len(unknown), unknown["stalled"].sum()) == (444, 133)
