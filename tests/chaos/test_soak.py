"""The soak: what leaks is found, in made-up samples and in real workers; steady ones pass."""

import csv
import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.soak import Sample, judge, main, table

LEAKS = ("worker_memory", "readers_memory", "descriptors", "threads", "latency_p50")


def half_an_hour(seed: int = 0) -> list[Sample]:
    """Of workers that warm up for four minutes and then hold what they have, with noise."""
    chance = random.Random(seed)
    return [
        Sample(
            seconds=second,
            worker_memory=380 + min(second, 240) / 10 + chance.gauss(0, 1),
            readers_memory=260 + chance.gauss(0, 1),
            descriptors=566 + chance.choice((0, 0, 0, 2)),
            threads=60,
            latency_p50=120 + chance.gauss(0, 15),
            latency_p95=300 + chance.gauss(0, 50),
            outcomes=60,
        )
        for second in range(0, 1800, 2)
    ]


def test_workers_that_hold_what_they_have_pass_and_their_warm_up_is_not_counted():
    slopes = judge(half_an_hour())
    assert {each.judgement for each in slopes} == {"flat"}, table(slopes)


@pytest.mark.parametrize("leak", LEAKS)
def test_what_grows_by_twice_its_limit_is_named(leak: str):
    limits = {each.limit.name.replace(" ", "_"): each.limit.an_hour for each in judge(half_an_hour())}
    grown = [
        replace(each, **{leak: getattr(each, leak) + 2 * limits[leak] * each.seconds / 3600}) for each in half_an_hour()
    ]
    grows = [each.limit.name.replace(" ", "_") for each in judge(grown) if each.judgement == "grows"]
    assert grows == [leak]


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("leak_every", "code"), [(0, 0), (5, 1)])
def test_real_workers_pass_unless_they_leak(tmp_path: Path, capsys, leak_every: int, code: int):
    words = ["--minutes", "1.5", "--load", "0.4", "--leak-every", str(leak_every), "--folder", str(tmp_path)]
    assert main(words) == code, capsys.readouterr().out
    said = capsys.readouterr().out
    assert ("descriptors grows" in said) == ("worker memory grows" in said) == (code == 1)
    with (tmp_path / "samples.csv").open() as file:
        assert len(list(csv.DictReader(file))) > 20
