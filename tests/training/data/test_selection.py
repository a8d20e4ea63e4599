"""What is selected, and what never is a label: the traps of the competition's table, small and real."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import UserError
from tests.training.data.made import labelled
from training.data.metadata import read_tables
from training.data.selection import Selection

MIXED = labelled(
    ("L", True, None, True),  # labelled by experts, seen by no crowd
    ("L", False, None, True),
    ("G", False, 0.8, True),  # experts overruled the crowd
    ("G", True, 0.0, True),
    ("A", True, 0.55, False),  # from here on the crowd's word alone
    ("A", True, 0.7, False),
    ("A", False, 0.1, False),
    ("A", False, 0.4, False),
    ("A", False, 0.0, True),
)


def chosen(clips, **wanted):
    return sorted(Selection(**wanted).of(clips)["clip_id"].str.slice(5, 1).cast(int).to_list())


def test_crowd_scores_choose_only_among_clips_whose_label_is_the_crowds():
    assert chosen(MIXED) == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert chosen(MIXED, stalled_crowd_min=0.6) == [0, 1, 2, 3, 5, 6, 7, 8]
    assert chosen(MIXED, stalled_crowd_min=0.75) == [0, 1, 2, 3, 6, 7, 8]
    assert chosen(MIXED, flowing_crowd_max=0.25) == [0, 1, 2, 3, 4, 5, 6, 8]
    assert chosen(MIXED, flowing_crowd_max=0) == [0, 1, 2, 3, 4, 5, 8]
    assert chosen(MIXED, subset="tier1") == [0, 1, 2, 3, 8]


def test_labels_are_never_changed():
    for wanted in ({}, {"stalled_crowd_min": 0.6, "flowing_crowd_max": 0.2}, {"subset": "tier1"}):
        kept = Selection(**wanted).of(MIXED).join(MIXED, on="clip_id", suffix="_before")
        assert (kept["stalled"] == kept["stalled_before"]).all()


def test_subsets_and_projects_are_those_of_the_table():
    clips = MIXED.with_columns(micro=pl.col("project_id") != "A", nano=pl.col("project_id") == "L")
    assert chosen(clips, subset="micro") == [0, 1, 2, 3]
    assert chosen(clips, subset="nano") == [0, 1]
    assert chosen(clips, projects=("G", "L")) == [0, 1, 2, 3]
    assert chosen(clips, without=("A",)) == [0, 1, 2, 3]
    assert chosen(clips, projects=("G", "L"), without=("G",)) == chosen(clips, projects=("L",))
    assert chosen(clips, subset="nano", projects=("L",)) == [0, 1]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"projects": ("B",)}, "--projects B: no such project; there are A, G, L"),
        ({"without": ("B",)}, "--without B: no such project; there are A, G, L"),
        ({"subset": "nano"}, "none of 9 clips is left"),
        ({"projects": ("A",), "subset": "tier1", "flowing_per_stalled": 3}, "none of the clips is stalled"),
    ],
)
def test_a_selection_of_nothing_is_refused(wanted, said):
    with pytest.raises(UserError, match=said):
        Selection(**wanted).of(MIXED)


clips_of_projects = st.lists(st.tuples(st.sampled_from("ABCD"), st.booleans()), min_size=1, max_size=60).map(
    lambda rows: labelled(*((project, stalled, 0.0, True) for project, stalled in [*rows, ("A", True)]))
)


@given(clips_of_projects, st.integers(1, 4), st.integers(0, 3))
def test_in_each_project_flowing_clips_are_drawn_by_the_number_of_stalled_ones(clips, per_stalled, seed):
    kept = Selection(flowing_per_stalled=per_stalled, seed=seed).of(clips)
    assert kept["clip_id"].is_unique().all()
    for project in clips["project_id"].unique():
        before = clips.filter(pl.col("project_id") == project)["stalled"]
        after = kept.filter(pl.col("project_id") == project)["stalled"]
        assert after.sum() == before.sum()
        assert (~after).sum() == min((~before).sum(), per_stalled * before.sum())


@given(clips_of_projects, st.integers(1, 4), st.integers(1, 60), st.integers(0, 3))
def test_the_same_selection_is_always_the_same_and_a_larger_one_holds_it(clips, per_stalled, maximum, seed):
    wanted = Selection(flowing_per_stalled=per_stalled, seed=seed)
    kept = wanted.of(clips)
    shuffled = clips.sample(fraction=1, shuffle=True, seed=1)
    assert wanted.of(shuffled).equals(kept)
    more = wanted.model_copy(update={"flowing_per_stalled": per_stalled + 1})
    assert set(kept["clip_id"]) <= set(more.of(clips)["clip_id"])
    fewer = wanted.model_copy(update={"maximum": maximum}).of(clips)
    assert fewer.equals(kept.head(maximum))


def test_another_seed_draws_others():
    clips = labelled(*(("A", number < 5, 0.0, True) for number in range(200)))
    drawn = [frozenset(Selection(flowing_per_stalled=2, seed=seed).of(clips)["clip_id"]) for seed in range(5)]
    assert len(set(drawn)) == 5


def test_of_the_real_table_no_trap_catches_a_clip(stall_catchers):
    clips = read_tables(
        stall_catchers / "train_metadata.csv.gz", stall_catchers / "train_labels_reconstructed.csv.gz"
    ).clips
    narrow = Selection(stalled_crowd_min=0.6, flowing_crowd_max=0).of(clips)
    of_l = narrow.filter(pl.col("project_id") == "L")
    assert (len(of_l), of_l["stalled"].sum()) == (444, 133)  # no score, and none thrown out for that
    overruled = narrow.filter(~pl.col("stalled") & (pl.col("crowd_score") >= 0.5))
    assert len(overruled) == 1_025  # flowing, whatever the crowd said
    assert set(overruled["project_id"]) == {"G", "J"}
    assert len(clips.filter(pl.col("stalled") & (pl.col("crowd_score") >= 0.6))) == 1_399
    extra = narrow.filter(pl.col("stalled") & ~pl.col("tier1"))
    assert len(extra) == 854  # of the 1,399; the others are certain, as are 161 more with a lower score or none
    assert len(narrow.filter("stalled")) == 854 + 706
    assert len(Selection(stalled_crowd_min=0.75).of(clips).filter("stalled")) == 706

    drawn = Selection(flowing_per_stalled=10).of(clips)
    counts = drawn.group_by("project_id").agg(pl.col("stalled").sum(), flowing=(~pl.col("stalled")).sum())
    short = counts.filter(pl.col("flowing") != 10 * pl.col("stalled"))
    assert short.rows() == [("L", 133, 311)]
