"""The known traps of the competition's clips are told of where they are met, and only there."""

import polars as pl

from tests.training.data.made import labelled
from training.data.metadata import Catalogue
from training.data.notes import leaks, notes
from training.data.selection import Selection

BOX = {name: pl.lit(size, pl.Int32) for name, size in {"x0": 0, "y0": 0, "x1": 50, "y1": 60}.items()}


def told(*rows, chosen=None, unlabelled=0, uncrowded=(), leaked=None, **wanted):
    clips = labelled(*rows)
    catalogue = Catalogue(clips, unlabelled, uncrowded, generated=False, metadata_sha256="", labels_sha256="")
    selection = Selection(**wanted)
    index = (selection.of(clips) if chosen is None else clips[chosen]).with_columns(**BOX)
    return notes(catalogue, selection, index, leaked or {})


def test_of_clips_without_traps_nothing_is_told():
    assert told(("A", True, 0.9, True), ("A", False, 0.0, True)) == ()


def test_labels_that_need_a_second_look_are_counted():
    found = told(
        ("L", True, None, True),
        ("G", False, 0.8, True),
        ("J", False, 0.6, True),
        ("A", True, 0.6, False),
        ("A", True, 0.9, True),
        unlabelled=7,
        uncrowded=("L", "M"),
    )
    assert found == (
        "7 clips of the metadata have no label and are left out",
        "project L: no crowd has seen its clips, so their crowd scores of 0 are taken as unknown",
        "2 flowing clips have a crowd score of 0.5 or more (G, J): experts overruled it",
        "1 of 3 stalled clips are from outside of tier1: their label is the crowd's alone",
    )


def test_projects_that_come_more_often_than_among_all_clips_are_named():
    rows = [("A", False, 0.0, True)] * 90 + [("L", True, 0.9, True)] * 10
    assert told(*rows, chosen=[*range(5), *range(90, 95)]) == (
        "project L has 50.0 % of the clips, and 10.0 % of all labelled ones",
    )


def test_projects_that_lack_flowing_clips_are_named():
    rows = [("A", True, 0.9, True), *[("A", False, 0.0, True)] * 3, ("L", True, 0.9, True), ("L", False, 0.0, True)]
    assert told(*rows, flowing_per_stalled=2) == (
        "project L has 1 flowing clips for 1 stalled ones, fewer than were asked for",
    )


def test_what_gives_the_label_away_is_told_with_its_mcc():
    boxes = pl.DataFrame({"stalled": [n % 2 == 0 for n in range(200)], "project_id": ["A", "A", "B", "B"] * 50})
    counts = {"num_frames": pl.lit(57), "size_bytes": pl.when("stalled").then(900_000).otherwise(pl.lit(600_000))}
    right = pl.when("stalled").then(60).otherwise(pl.lit(30)).cast(pl.Int32)
    sized = boxes.with_columns(**{**BOX, "x1": right}, **counts)
    found = leaks(sized)
    assert found["file size"] == 1.0
    assert found["length"] == 0.0
    assert "file size" not in leaks(sized.with_columns(size_bytes=pl.lit(0)))
    assert found["box size"] == 1.0
    assert abs(found["project"]) < 0.15
    size, project = told(("A", True, 0.9, True), leaked={"box size": 0.31, "project": 0.02})
    assert size.startswith("box size alone guesses the label with an MCC of 0.31 (0.16 in the competition): a network")
    assert project == "project alone guesses the label with an MCC of 0.02"
    assert leaks(sized.head(30)) == {}


def test_a_set_without_a_stalled_clip_is_told_of():
    assert told(("A", False, 0.0, True)) == (
        "no clip is stalled: nothing can be trained or measured on these alone; look at --labels",
    )
    assert told(("A", False, 0.0, True), ("B", True, 0.9, True), projects=("A",))[0].endswith(
        "; ask for more than projects A, or look at --labels"
    )
