"""Weights to begin from are known to fit, and what they have seen is not forgotten."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from stream.errors import UserError
from tests.training.data.made import facts
from tests.training.test_checkpoint import SUMMARY, TINY, card
from training.checkpoint import load_checkpoint, save_checkpoint
from training.data.clips import Clips
from training.learning.start import Start, read_start
from training.networks.slowfast import SlowFast
from training.sources import FitSets

KNOWS_A = Start("weights", {}, projects=("A",), rule_projects=("B",))


def of(projects: str) -> Clips:
    stalled = np.arange(4) % 2 == 0
    known = facts(stalled, project_ids=(projects * 4)[:4])
    return Clips.of(np.zeros((4, 1, 1, 1, 1), np.uint8), known)


def sets(training: str, validation: str | None) -> FitSets:
    kept = None if validation is None else of(validation)
    return FitSets(of(training), kept, "words", "digest", of(training).projects)


def test_training_goes_on_from_a_checkpoint_of_the_same_network(tmp_path: Path):
    earlier, network = SlowFast(TINY), SlowFast(TINY)
    seen = SUMMARY.model_copy(update={"begun_from": "Kinetics", "projects": ("A", "C")})
    saved = save_checkpoint(tmp_path / "before", earlier, card(dataset="all of them", training=seen))
    start = read_start(tmp_path / "before", TINY)
    start.give(network)
    pairs = zip(network.state_dict().values(), earlier.state_dict().values(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)
    digest = saved.weights_sha256[:16]
    assert start.words == f"before (weights {digest}, trained on all of them, itself begun from Kinetics)"
    assert start.projects == ("A", "C")
    with pytest.raises(UserError, match="is a checkpoint of slowfast with other settings"):
        read_start(tmp_path / "before", TINY.variant(alpha=2))
    with pytest.raises(UserError, match=r"model.safetensors: a file of a checkpoint; give its folder, .*before$"):
        read_start(tmp_path / "before" / "model.safetensors", TINY)
    assert load_checkpoint(tmp_path / "before")[1] == saved


def test_what_a_training_was_begun_from_stays_known():
    summary = KNOWS_A.noted_in(SUMMARY.model_copy(update={"projects": ("C",), "rule_projects": ("D",)}))
    assert (summary.begun_from, summary.projects, summary.rule_projects) == ("weights", ("A", "C"), ("B", "D"))


@pytest.mark.parametrize(("training", "validation"), [("AC", None), ("C", "A")])
def test_no_rule_is_chosen_on_projects_that_the_weights_know(training: str, validation: str | None):
    with pytest.raises(UserError, match=r"trained on clips of project A, and the rule would .*; give --without A"):
        KNOWS_A.check_unknown(sets(training, validation))


@pytest.mark.parametrize(("training", "validation"), [("C", None), ("A", "C"), ("A", "A")])
def test_others_are_as_good_as_ever(training: str, validation: str | None):
    KNOWS_A.check_unknown(sets(training, validation))  # A and A: the only project, which the data's words tell


def test_generated_clips_are_never_the_same():
    KNOWS_A.check_unknown(replace(sets("A", None), projects=()))
