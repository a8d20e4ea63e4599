"""Exactly one outcome for each reference whatever dies; and proof that the harness would notice if it weren't so."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.brokers import started_brokers
from tests.chaos.plans import EXPOSING, POINTS, at_least_once_script, short_script
from tests.chaos.run import Run
from tests.chaos.stores import FolderStore

pytestmark = pytest.mark.timeout(900)
SEED = 1


def test_each_reference_has_exactly_one_outcome_whatever_dies(tmp_path: Path):
    script = short_script(SEED)
    with started_brokers(tmp_path) as brokers:
        result = Run(brokers.bootstrap, brokers.nodes, FolderStore(tmp_path), tmp_path, script).play()
    assert result.faults == [], f"seed {SEED}, logs in {tmp_path}"
    assert set(result.kills) == set(POINTS)
    assert result.audit.references >= script.at_least
    assert result.frozen


def test_without_transactions_no_outcome_is_missing_whatever_dies(kafka: str, tmp_path: Path):
    script = at_least_once_script(SEED)
    result = Run(kafka, [], FolderStore(tmp_path), tmp_path, script).play()
    assert result.unexpected == []
    assert result.wrong == []
    assert result.kills.total() == len(script.plans)
    assert (result.audit.pending, result.audit.unproven) == (0, 0)
    assert result.audit.faults.keys() <= {"doubled", "out_of_order"}, result.audit
    assert result.audit.faults["doubled"], "who died before its commit had written what came again"


FIRST, *OTHERS = EXPOSING


@pytest.mark.parametrize("guard", [FIRST, *(pytest.param(each, marks=pytest.mark.long) for each in OTHERS)])
def test_without_a_guard_the_same_harness_finds_it(kafka: str, tmp_path: Path, guard: str):
    script, fault = EXPOSING[guard]
    result = Run(kafka, [], FolderStore(tmp_path), tmp_path, script).play()
    assert result.audit.faults.get(fault), result.audit


@pytest.mark.long
@pytest.mark.parametrize("guard", EXPOSING)
def test_with_its_guard_nothing_is_found(kafka: str, tmp_path: Path, guard: str):
    script = replace(EXPOSING[guard][0], broken=None)
    result = Run(kafka, [], FolderStore(tmp_path), tmp_path, script).play()
    assert result.faults == []
