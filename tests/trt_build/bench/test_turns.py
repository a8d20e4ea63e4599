"""A turn counts what it is to count, and a report compares within rounds."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from stream.clip.spec import ClipSpec
from trt_build.bench.child import keep_busy, one_by_one
from trt_build.bench.contenders import Contender, Ready, Turn, Way
from trt_build.bench.report import Measured, Report, report, table
from trt_build.bench.run import fastest, plan
from trt_build.bench.settings import BenchSettings

CLIPS = np.zeros((4, 1, 2, 16, 16), np.uint8)


class Sleeper:
    """Takes a while for each batch, and notes how many it had in hand."""

    def __init__(self, lanes: int) -> None:
        self._threads = ThreadPoolExecutor(lanes)
        self._lock = threading.Lock()
        self._in_hand = 0
        self.most_in_hand = 0
        self.scored: list[int] = []

    def submit(self, clips) -> "Future[NDArray[np.float32]]":
        with self._lock:
            self._in_hand += 1
            self.most_in_hand = max(self.most_in_hand, self._in_hand)
        return self._threads.submit(self._score, clips)

    def _score(self, clips):
        time.sleep(0.002)
        with self._lock:
            self._in_hand -= 1
            self.scored.append(len(clips))
        return np.zeros(len(clips), np.float32)


@pytest.mark.parametrize("lanes", [1, 3])
def test_every_lane_is_busy_and_no_more_is_in_hand(lanes: int):
    sleeper = Sleeper(lanes)
    turn = keep_busy(sleeper.submit, [CLIPS[:2], CLIPS[2:]], lanes=lanes, seconds=0.05)
    assert sleeper.most_in_hand == lanes
    assert turn.clips == sum(sleeper.scored) == 2 * len(sleeper.scored), "what was submitted is also waited for"
    assert turn.wall_s >= 0.05
    assert turn.cpu_s < turn.wall_s, "to sleep is no work"


def test_single_clips_are_timed_one_by_one():
    sleeper = Sleeper(lanes=3)
    turn = one_by_one(sleeper.submit, CLIPS, seconds=0.03)
    assert sleeper.most_in_hand == 1
    assert len(turn.latencies_ms) == turn.clips == len(sleeper.scored)
    assert min(turn.latencies_ms) >= 2
    assert sum(turn.latencies_ms) / 1e3 <= turn.wall_s


def test_however_short_a_turn_is_something_is_scored():
    sleeper = Sleeper(lanes=2)
    assert keep_busy(sleeper.submit, [CLIPS], lanes=2, seconds=1e-9).clips == 4
    assert one_by_one(sleeper.submit, CLIPS, seconds=1e-9).clips == 1


@pytest.mark.parametrize(
    ("with_most", "tried"),
    [
        ({"eager": 30, "compiled": 40}, {"compiled"}),
        ({"eager": 35, "compiled": 40}, {"eager", "compiled"}),
        ({"eager": 10, "compiled": 0}, {"eager", "compiled"}),
        ({"eager": 0, "compiled": 0}, {"eager", "compiled"}),
    ],
)
def test_a_kind_of_way_that_is_far_behind_is_tried_once(with_most: dict[str, float], tried: set[str]):
    """One that can't be run with the most clips and lanes may do with fewer; fewer are a little faster here."""
    ways = [
        Way(runner="torch", source=Path(), clips=Path(), name=name, lanes=lanes, batch=batch, threads=2)
        for name in with_most
        for batch in (1, 8)
        for lanes in (1, 2)
    ]
    asked: list[Way] = []

    def speed(way: Way) -> float:
        asked.append(way)
        return with_most[way.name] * (1.1 if way.batch == 1 else 1)

    found = fastest(ways, speed)
    assert len(set(asked)) == len(asked) == sum(4 if name in tried else 1 for name in with_most)
    best = max(with_most, key=lambda name: with_most[name])
    assert found == (next(way for way in ways if way.name == best) if with_most[best] else None)


def test_what_will_be_done_is_told_with_its_time():
    way = Way(runner="torch", source=Path(), clips=Path(), lanes=1, threads=1)
    one = Contender(name="one", ways=(way,) * 8, spec=ClipSpec(), gflops=1, arithmetic="fp32")
    said = plan([one], BenchSettings(artifacts=[Path("a")], rounds=30, seconds=2))
    assert "at most 8 ways are tried; then 30 rounds of 8 s: 6 min at most" in said


def turn(*, clips: int, cpu_s: float) -> Turn:
    return Turn(clips=clips, wall_s=1, cpu_s=cpu_s)


def measured(name: str, logits: list[float], *turns: Turn, spec: ClipSpec | None = None, gpu: bool = False) -> Measured:
    way = Way(runner="artifact", source=Path(name), clips=Path(), lanes=2, threads=1)
    contender = Contender(
        name=name, ways=(way,), spec=spec or ClipSpec(), gflops=0.5, arithmetic=None if gpu else "fp32"
    )
    latency = tuple(Turn(clips=4, wall_s=1, cpu_s=1, latencies_ms=(1, 2, 3, 10)) for _ in turns)
    return Measured(contender, way, Ready(load_s=1.5, memory_mb=80, logits=tuple(logits)), turns, latency)


SLOW_ROUND, QUICK_ROUND = turn(clips=10, cpu_s=2), turn(clips=40, cpu_s=2)
"""A machine that other work took three quarters of, and one that was free."""


def test_what_harms_a_round_harms_no_ratio():
    base = measured("base", [1, -2], SLOW_ROUND, QUICK_ROUND)
    twice = measured("twice", [1, -2], turn(clips=20, cpu_s=2), turn(clips=80, cpu_s=2))
    rows = report([base, twice], {"fp32": 100}, BenchSettings(artifacts=[Path("a")]), []).rows
    assert rows[0].less_cpu is not None
    assert rows[1].less_cpu is not None
    assert (rows[0].faster.median, rows[0].less_cpu.median) == (1, 1)
    for ratio in (rows[1].faster, rows[1].less_cpu):
        assert (ratio.low, ratio.median, ratio.high) == (2, 2, 2)
    assert (rows[0].clips_per_s.low, rows[0].clips_per_s.high) == (10, 40)


def test_a_share_of_the_peak_is_of_cpu_time():
    """0.5 Gop a clip, 10 clips in 2 s of CPU: 2.5 Gop/s."""
    one, gpu = measured("one", [0], SLOW_ROUND), measured("gpu", [0], SLOW_ROUND, gpu=True)
    rows = report([one, gpu], {"fp32": 50}, BenchSettings(artifacts=[Path("a")]), []).rows
    assert rows[0].share_of_peak == pytest.approx(0.05)
    assert rows[1].share_of_peak is None


@pytest.mark.parametrize("place", [0, 1])
def test_what_means_nothing_beside_a_gpu_stays_empty(place: int):
    """Its work and its memory are its own, whichever row it has."""
    cpu, gpu = measured("cpu", [0], SLOW_ROUND), measured("gpu", [0], SLOW_ROUND, gpu=True)
    rows = report([cpu, gpu] if place else [gpu, cpu], {}, BenchSettings(artifacts=[Path("a")]), []).rows
    of_gpu, of_cpu = rows[place], rows[1 - place]
    assert (of_gpu.less_cpu, of_gpu.memory_mb, of_cpu.memory_mb) == (None, None, 80)
    assert (of_cpu.less_cpu is None) == (place == 0)


def test_logits_are_held_against_those_of_the_same_clips():
    base, off = measured("base", [1, -20], SLOW_ROUND), measured("off", [1.5, -20], SLOW_ROUND)
    other = measured("other", [7, 7], SLOW_ROUND, spec=ClipSpec(frames=8))
    rows = report([base, off, other], {}, BenchSettings(artifacts=[Path("a")]), []).rows
    assert [row.difference for row in rows] == [0, 0.5, None]


def printed(found: Report) -> str:
    console = Console(record=True, width=80)
    console.print(table(found))
    return console.export_text()


def test_the_table_has_letters_for_all():
    names = [f"number {i}" for i in range(60)]
    found = report([measured(name, [0], SLOW_ROUND) for name in names], {}, BenchSettings(artifacts=[Path("a")]), [])
    shown = printed(found)
    assert all(f"{name}: batch" in shown for name in names)
    assert "AA  number 26: " in shown


def test_the_table_shows_every_row():
    found = report(
        [measured("first", [0], SLOW_ROUND), measured("second", [0], QUICK_ROUND, gpu=True)],
        {"fp32": 50},
        BenchSettings(artifacts=[Path("a")]),
        [],
    )
    shown = printed(found)
    for said in ("A  first: batch 1, 2 lanes", "1.00 [1.00, 1.00]", "5%", "50 Gop/s in fp32"):
        assert said in shown, said
