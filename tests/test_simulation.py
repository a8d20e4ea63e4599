"""Whatever happens to workers, each reference ends in exactly one outcome, in order; and the proof can fail."""

import logging
import os
import subprocess
import sys
from collections import Counter

import pytest

from stream.errors import Outage
from tests.bare import ROOT
from tests.simulation.actions import ACTIONS
from tests.simulation.planted import PLANTED, Planted
from tests.simulation.process import Parts
from tests.simulation.run import run

SEEDS = range(1000)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)  # refusals and outages are ordinary here


@pytest.mark.timeout(600)
def test_each_reference_ends_in_exactly_one_outcome_in_order_whatever_happens():
    happened: Counter[str] = Counter()
    for seed in SEEDS:
        world = run(seed)
        happened += world.happened + world.book.rejected
    for action in ACTIONS:
        assert happened[action.__name__] > len(SEEDS) / 20, f"{action.__name__} hardly happened: {happened}"
    for what in ("unreachable", "not_found", "bad_reference", "damaged", "fenced", "too_many_rejections"):
        assert happened[what] > len(SEEDS) / 20, f"{what} hardly happened: {happened}"


def _run_all(planted: Planted) -> None:
    for seed in range(planted.seeds):
        run(seed, planted.parts)


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.what)
def test_a_planted_fault_is_found(planted: Planted):
    with pytest.raises((AssertionError, KeyError, ValueError, Outage)) as found:
        _run_all(planted)
    assert "python -m tests.simulation --seed" in "".join(found.value.__notes__)


STORIES = r"""
import logging
from tests.simulation.run import run
logging.disable(logging.CRITICAL)
for seed in range(20):
    print(*run(seed).trace, sep="\n")
"""


def test_a_seed_tells_the_same_story_each_time_it_is_told():
    stories = {
        subprocess.run(
            [sys.executable, "-c", STORIES],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "2", "3")
    }
    (story,) = stories
    assert story.count("\n") > 20 * 100


def test_a_seed_that_fails_is_named_with_what_led_to_it():
    faulty = Parts(worker=next(each.parts.worker for each in PLANTED if each.what == "positions are one too few"))
    told: list[str] = []
    with pytest.raises(AssertionError) as found:
        run(0, faulty, tell=told.append)
    assert found.value.__notes__ == ["python -m tests.simulation --seed 0"]
    assert "failed: AssertionError" in told[-1]
    assert any("step" in line for line in told)
