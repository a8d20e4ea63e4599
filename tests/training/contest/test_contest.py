"""A contest trains each row at its best learning rate, measures all alike, and trains nothing twice."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from stream.clip.spec import ClipSpec
from stream.errors import UserError
from stream.terminal.cli import main
from training.__main__ import COMMANDS
from training.contest.contest import Contest, Entry, Rules, Split
from training.contest.entries import ablated, compared
from training.contest.trials import Length, Part, Trial, _clips
from training.data.generated import Lot, generate, kept_at
from training.networks.slowfast import SlowFastConfig
from training.recipe import RECIPES

SPEC = ClipSpec(frames=8, size=32)
TINY = SlowFastConfig(
    frames=8,
    block="basic",
    depths=(1, 1, 1, 1),
    slow_channels=(4, 4, 4, 4, 4),
    fast_channels=(2, 2, 2, 2, 2),
    stem_kernel=3,
    stem_pool=False,
)
RATES = (3e-4, 1e-3)
RULES = Rules(seeds=2, length=Length(minutes=1 / 600), precision="32-true", device="cpu", prevalence=0.5)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    """The folder of 40 generated clips of all projects."""
    cache: Path = tmp_path_factory.mktemp("cache")
    lot = Lot(40, ("demo",), 0.5, "training", 0)
    generate(lot, SPEC, cache=cache, processes=2, progress=lambda _done, _total: None)
    return kept_at(lot, SPEC, cache)


def held(clips: Path, out: Path, *entries: Entry, told: list[tuple[str, int, int]] | None = None):
    def progress(name: str):
        return lambda done, total: None if told is None else told.append((name, done, total))

    def part(*numbers: int) -> Part:
        return Part(cache=clips, folds=numbers, count=4)

    splits = [Split(part(2, 3), part(1), {"held out": part(0)}), Split(part(0, 3), part(2), {"held out": part(1)})]
    return Contest(lambda _: splits, RULES, out=out, jobs=1, progress=progress).rows(entries)


def test_each_row_is_measured_on_all_that_was_held_out_and_nothing_is_trained_twice(clips: Path, tmp_path: Path):
    entries = (
        Entry("tiny", TINY, RECIPES["debug"], SPEC, (1e30, 3e-3)),  # the first diverges
        Entry("one view", TINY, RECIPES["debug"], SPEC, (3e-3,), trained_for=(1, 2)),
        Entry("two views", TINY, RECIPES["debug"], SPEC, (3e-3,), views=2, trained_for=(1, 2)),  # of the same trainings
    )
    told: list[tuple[str, int, int]] = []
    rows = held(clips, tmp_path, *entries, told=told)
    assert [row.entry.name for row in rows] == ["tiny", "one view", "two views"]
    assert told[-1] == ("other seeds", 4, 4)
    assert ("first seed", 6, 6) in told
    for row in rows:
        result = row.results["held out"]
        assert result.prevalence == RULES.prevalence
        assert len(result.mcc_seeds) == 2
        assert result.mcc.value == pytest.approx(sum(result.mcc_seeds) / 2)
        assert row.learning_rates == (3e-3, 3e-3)
        assert row.clips_seen > 0
    assert rows[1].results["held out"].pr_auc != rows[2].results["held out"].pr_auc
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(before) == 10
    again = held(clips, tmp_path, *entries)
    assert [row.results for row in again] == [row.results for row in rows]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_the_same_folds_of_other_clips_are_another_trial(clips: Path, monkeypatch: pytest.MonkeyPatch):
    def digest(seed: int) -> str:
        part = Part(cache=clips, folds=(0,), count=4)
        trial = Trial(
            network=TINY,
            recipe=RECIPES["debug"],
            spec=SPEC,
            seed=seed,
            length=Length(minutes=1.0),
            precision="32-true",
            device="cpu",
            training=part,
            scored=(part,),
        )
        return trial.digest

    before = digest(0)
    assert digest(0) == before != digest(1)
    monkeypatch.setattr("training.contest.trials.folds", lambda each, *, count, seed: np.arange(len(each)) % count)
    _clips.cache_clear()
    assert digest(0) != before
    _clips.cache_clear()


def test_a_length_is_minutes_of_the_cpu_or_of_the_clock_or_clips_seen():
    minutes = Length(minutes=2.0)
    on_cpu, on_gpu = (minutes.budget(clips=100, batch=8, device=each) for each in ("cpu", "cuda"))
    assert (on_cpu.seconds, on_cpu.steps, on_cpu.clock) == (120, 0, time.process_time)
    assert (on_gpu.seconds, on_gpu.clock) == (120, time.monotonic)
    seen = Length(minutes=2.0, passes=1.5).budget(clips=100, batch=8, device="cpu")
    assert seen.steps == 19


def test_every_network_chooses_from_the_same_rates_and_the_first_benchmark_is_among_them():
    entries = list(compared(["slim", "mosaic"], ClipSpec(), RECIPES["full"], RATES))
    assert [entry.name for entry in entries] == ["slim", "mosaic", "mosaic, 1 in 16 stalled, weighted"]
    assert all(entry.learning_rates == RATES for entry in entries)
    assert entries[2].recipe.prior(np.array([True, False])) == 0.5
    with pytest.raises(UserError, match="resnet: no such network; there are slim"):
        list(compared(["resnet"], ClipSpec(), RECIPES["full"], RATES))


def test_an_ablation_changes_one_thing_in_each_row():
    base, *rows = ablated("slim", ClipSpec(), RECIPES["full"], other_specs=True)
    assert len({entry.name for entry in rows}) == len(rows)
    for entry in rows:
        changed = {
            "recipe": entry.recipe != base.recipe,
            "spec": entry.spec != base.spec,
            "views": entry.views != base.views,
        }
        assert sum(changed.values()) == 1, entry.name
        assert entry.network.channels == entry.spec.channels
        assert entry.network.frames == entry.spec.frames
    assert all(entry.spec == base.spec for entry in ablated("slim", ClipSpec(), RECIPES["full"], other_specs=False))


def test_what_a_recipe_does_not_have_is_not_left_out_of_it():
    base, *rows = ablated("slim", ClipSpec(extra="mask"), RECIPES["plain"].variant(batch=8), other_specs=True)
    assert all((row.recipe, row.spec, row.views) != (base.recipe, base.spec, 1) for row in rows)
    named = {row.name: row for row in rows}
    assert "no lost frames" not in named
    assert named["half the batch"].recipe.batch == 4


@pytest.mark.parametrize("name", ["plain", "debug"])
def test_limits_of_what_a_recipe_never_does_have_no_row(name: str):
    """Neither turns nor scales a clip, so their limits change nothing."""
    rows = {row.name for row in ablated("slim", ClipSpec(), RECIPES[name], other_specs=False)}
    assert not rows & {"no small rotation and scale", "no small rotation", "no small scale", "white noise only"}
    masks = {row.name for row in ablated("slim", ClipSpec(extra="mask"), RECIPES["full"], other_specs=False)}
    assert {"no small rotation", "no small scale", "white noise only"} < masks
    assert "no thicker stroke" not in masks, "such clips don't tell how far the outline is"


def test_passes_show_each_network_as_many_clips_whatever_the_batch(tmp_path: Path, capsys):
    small = ("--spec.frames", 8, "--spec.size", 32, "--clips", 16, "--validation-clips", 8, "--test-clips", 8)
    quick = ("--passes", 2, "--seeds", 1, "--jobs", 1, "--processes", 1, "--preset", "demo", "--rates", 0.01)
    words = ("compare", "--networks", "slim", *small, *quick, "--cache", tmp_path / "c", "--out", tmp_path / "out")
    for change in ("batch=4", "batch=8"):
        assert main("python -m training", COMMANDS, [*map(str, words), "--change", change]) == 0
        (row,) = map(json.loads, (tmp_path / "out" / "table.jsonl").read_text().splitlines())
        assert (row["clips_seen"], row["learning_rates"]) == (32, [0.01])
        assert "on 2 passes over the clips" in capsys.readouterr().out
    assert main("python -m training", COMMANDS, [*map(str, words), "--minutes", "1"]) == 2
    assert "--minutes and --passes exclude each other" in capsys.readouterr().err


def test_compare_writes_its_table_for_people_and_for_programs(tmp_path: Path, capsys):
    small = ("--spec.frames", 8, "--spec.size", 32, "--clips", 8, "--validation-clips", 8, "--test-clips", 8)
    quick = ("--minutes", 0.002, "--seeds", 1, "--jobs", 1, "--processes", 1, "--preset", "demo", "--prevalence", 0.5)
    words = ("compare", "--networks", "slim", *small, *quick, "--cache", tmp_path / "c", "--out", tmp_path / "out")
    assert main("python -m training", COMMANDS, [str(word) for word in words]) == 0
    table = (tmp_path / "out" / "table.md").read_text()
    assert table in capsys.readouterr().out
    lines = [line.split(" | ") for line in table.splitlines() if line.startswith("|")]
    assert len({len(line) for line in lines if len(line) > 1}) == 1
    assert lines[2][:3] == ["| slim", "demo", "50.0 %"]
    (row,) = (json.loads(line) for line in (tmp_path / "out" / "table.jsonl").read_text().splitlines())
    assert row["results"]["demo"]["prevalence"] == 0.5
    assert row["spec"]["size"] == 32
