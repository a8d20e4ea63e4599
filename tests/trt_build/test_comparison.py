"""Two models on the same clips: what is counted, and what is said of it."""

import csv
import io
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stream.verdict import DecisionRule, Label
from training.data.clips import Facts
from training.measures.bootstrap import Estimate
from trt_build.comparison import VERDICTS, Comparison, Judged
from trt_build.sheet import beneath, flips_csv, meaning, verdict_table

RULE = DecisionRule(low=0.3, high=0.7, decide=0.5)
LOGITS = st.floats(-5, 5)


def facts(stalled: list[bool]) -> Facts:
    count = len(stalled)
    return Facts(
        clip_ids=np.array([f"clip-{i}" for i in range(count)]),
        project_ids=np.array(["A", "B"])[np.arange(count) % 2],
        stalled=np.array(stalled),
        num_frames=np.full(count, 52, np.int32),
        boxes=np.zeros((count, 4), np.int32),
    )


def compare(stalled: list[bool], a: list[float], b: list[float]) -> Comparison:
    return Comparison.of(facts(stalled), *(Judged.of(np.array(each, np.float32), RULE) for each in (a, b)))


def everything(found: Comparison) -> NDArray[np.bool_]:
    return np.ones(len(found.facts), np.bool_)


def test_the_verdicts_lie_between_their_ends():
    assert set(VERDICTS) == set(get_args(Label))
    assert [RULE.label(each) for each in (0.1, 0.5, 0.9)] == list(VERDICTS)


@settings(max_examples=10)
@given(st.lists(st.tuples(st.booleans(), LOGITS, LOGITS), min_size=1, max_size=12))
def test_each_clip_is_counted_once_and_listed_if_its_verdict_is_another(clips):
    stalled, a, b = map(list, zip((True, 1.0, 1.0), (False, -1.0, -1.0), *clips, strict=True))
    found = compare(stalled, a, b)
    counts = found.counts(everything(found))
    assert counts.sum() == len(stalled)
    assert found.counts(found.facts.stalled).sum() == sum(stalled)
    assert len(found.flips) == counts.sum() - np.trace(counts)
    assert 0 <= found.better <= len(found.flips)
    assert found.opposite == counts[0, 2] + counts[2, 0]
    rows = list(csv.DictReader(io.StringIO(flips_csv(found))))
    assert len(rows) == len(found.flips)
    assert all(row["verdict_a"] != row["verdict_b"] for row in rows)
    back = compare(stalled, b, a)
    assert (counts == back.counts(everything(back)).T).all()
    assert found.better + back.better == len(found.flips)
    assert found.gain.value == pytest.approx(-back.gain.value)


STALLED = [True, False] * 10
GOOD = [4.0, -4.0] * 10


def test_a_model_compared_with_itself_differs_in_nothing():
    found = compare(STALLED, GOOD, GOOD)
    assert (found.gain.value, found.gain.low, found.gain.high) == (0, 0, 0)
    same = "B gives each of 20 clips the verdict that A gives it; where two classes are wanted, all are called the same"
    assert meaning(found, generated=False) == f"{same}."


def test_flips_are_counted_by_whether_they_go_towards_the_label():
    moved = [-4.0, 4.0, 0.0, *GOOD[3:]]  # two go from end to end, one becomes uncertain
    found = compare(STALLED, GOOD, moved)
    assert (len(found.flips), found.better, found.opposite) == (3, 0, 2)
    said = (
        "B gives 3 of 20 clips another verdict: 0 towards the label, 3 away from it; 2 from stalled to flowing or back"
    )
    assert meaning(found, generated=False).startswith(said)
    assert compare(STALLED, moved, GOOD).better == 3
    first, *_ = csv.DictReader(io.StringIO(flips_csv(found)))
    assert first == {
        "clip_id": "clip-0",
        "project_id": "A",
        "stalled": "1",
        "probability_a": "0.982014",
        "verdict_a": "stalled",
        "probability_b": "0.0179862",
        "verdict_b": "flowing",
    }


def test_the_gain_is_told_apart_from_chance_where_that_can_be():
    inverted = [-each for each in GOOD]
    assert "; B is worse (-2.000 [-2.000 -2.000] in MCC): don't promote it" in meaning(
        compare(STALLED, GOOD, inverted), generated=False
    )
    assert "; B is better (+2.000 [+2.000 +2.000] in MCC)." in meaning(
        compare(STALLED, inverted, GOOD), generated=False
    )
    one_each = compare(STALLED, [-4.0, *GOOD[1:]], [*GOOD[:-1], 4.0])  # a miss of A's, a false alarm of B's
    assert one_each.gain.low < 0 < one_each.gain.high
    assert "which of them is better can't be told by these clips" in meaning(one_each, generated=False)


def test_generated_clips_come_with_a_caution():
    found = compare(STALLED, GOOD, GOOD)
    assert "Generated clips say little of recorded ones" in meaning(found, generated=True)


def test_the_table_has_a_row_for_each_verdict_of_a():
    found = compare(STALLED, GOOD, [0.0, *GOOD[1:]])
    table = verdict_table(found)
    cells = [list(column.cells) for column in table.columns]
    assert cells == [
        ["flowing", "uncertain", "stalled"],
        ["10 (0)", "0 (0)", "0 (0)"],
        ["0 (0)", "0 (0)", "1 (1)"],
        ["0 (0)", "0 (0)", "9 (9)"],
    ]
    told = "20 clips of nowhere; in brackets how many of them are stalled. MCC of A 1.000 [0.752 1.000], of B 1.000"
    assert beneath(found, "20 clips of nowhere").startswith(told)


def test_both_models_are_measured_as_an_evaluation_measures_one():
    from training.measures import evaluate

    noisy = np.random.default_rng(0).normal(0, 2, 20) + np.array(GOOD) / 4
    found = compare(STALLED, GOOD, noisy.tolist())
    known = found.facts
    for mine, logits in ((found.mcc_a, GOOD), (found.mcc_b, noisy)):
        theirs = evaluate(np.array(logits, np.float32), known.stalled, RULE, projects=known.project_ids).mcc
        assert isinstance(theirs, Estimate)
        assert mine == theirs
    assert found.gain.value == pytest.approx(found.mcc_b.value - found.mcc_a.value)
