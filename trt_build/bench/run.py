"""The comparison: the fastest way of each contender is found, then all take turns, one process at a time.

A machine that others use, too, then harms all alike; and each is compared with the first within a round.
"""

import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from stream.errors import UserError
from trt_build.bench.contenders import Contender, Order, Runner, Turn, Way
from trt_build.bench.field import contenders, peak_way
from trt_build.bench.peak import GFLOPS
from trt_build.bench.process import Process, Unavailable, opened
from trt_build.bench.report import Measured, Report, report
from trt_build.bench.settings import BenchSettings

Begin = Callable[[str], None]
_TRIES = 4
"""Turns in which a way shows whether it is the fastest; together they are as long as one turn of a round."""
_REACH = 1.2
"""A kind of way is tried with fewer clips and lanes, too, if with the most it is at most so many times slower than the
fastest. Three of PyTorch's kinds were slower with fewer (the model that comes along): 0.95 to 0.98 times as fast in one
lane, 0.2 to 0.9 times with single clips.
"""
_LOAD_S: dict[Runner, float] = {"artifact": 2, "onnxruntime": 2, "peak": 2, "torch": 15}
"""About what a process takes until it is ready; PyTorch compiles in every fourth."""
_PEAK = "the machine's peak"

Turns = tuple[tuple[Turn, ...], tuple[Turn, ...]]
"""For throughput, and for latency; one of each round."""


def bench(settings: BenchSettings, begin: Begin) -> Report:
    """Runs it all; what ends before the last round is left out, with a note.

    Args:
        settings: what is asked for.
        begin: told what is done next, in words.

    Raises:
        UserError: a folder can't be used, an artifact doesn't run here, or nothing is left to compare.
    """
    with tempfile.TemporaryDirectory(prefix="stall-bench-") as made, ExitStack() as running:
        stage = _Stage(settings.seconds, Path(made), begin, running)
        begin("make clips")
        everyone = contenders(settings, stage.scratch)
        begin(plan(everyone, settings))
        entered = {process: each for each in everyone if (process := stage.enter(each))}
        needed = {each.arithmetic: each for each in entered.values() if each.arithmetic}
        peaks = {
            process: arithmetic
            for arithmetic, one in needed.items()
            if (process := stage.load(peak_way(arithmetic, one, settings.cpus), _PEAK))
        }
        names = {process: each.name for process, each in entered.items()} | dict.fromkeys(peaks, _PEAK)
        turns = stage.play(names, rounds=settings.rounds)
    measured = [
        Measured(contender, process.way, process.ready, *turns[process])
        for process, contender in entered.items()
        if process in turns
    ]
    if not measured:
        raise UserError(f"nothing is left to compare: {stage.notes[-1]}")
    reached = {
        arithmetic: _gflops_per_cpu_s(turns[process][0]) for process, arithmetic in peaks.items() if process in turns
    }
    return report(measured, reached, settings, stage.notes)


def plan(everyone: Sequence[Contender], settings: BenchSettings) -> str:
    """What will be done, and about how long it takes, in words."""
    ways = [way for each in everyone for way in each.ways]
    turns = 2 * (len(everyone) + len({each.arithmetic for each in everyone if each.arithmetic}))
    round_s = turns * settings.seconds
    longest_s = sum(_LOAD_S[way.runner] + settings.seconds for way in ways) + settings.rounds * round_s
    return (
        f"to find the fastest, at most {len(ways)} ways are tried; then {settings.rounds} rounds of {round_s:.3g} s: "
        f"{max(1, longest_s / 60):.0f} min at most if the machine has no other work"
    )


def fastest(ways: Sequence[Way], speed: Callable[[Way], float]) -> Way | None:
    """The fastest way, without trying them all: a kind that is far behind with the most clips and lanes stays there.

    Args:
        ways: of each name, that with the most clips and lanes comes last.
        speed: tries one; 0 if it can't be run.

    Returns:
        None if none can be run.
    """
    most = {way.name: way for way in ways}
    speeds = {way: speed(way) for way in most.values()}
    best = max(speeds.values())
    near = {name for name, way in most.items() if not speeds[way] or speeds[way] * _REACH >= best}
    speeds |= {way: speed(way) for way in ways if way.name in near and way not in speeds}
    found = max(speeds, key=lambda way: speeds[way])
    return found if speeds[found] else None


@dataclass(frozen=True, slots=True)
class _Stage:
    """Where contenders' processes are tried, loaded and given their turns."""

    seconds: float
    """Of a turn."""
    scratch: Path
    begin: Begin
    running: ExitStack
    """Ends the processes that wait."""
    notes: list[str] = field(default_factory=list)
    """Who was left out, and why."""

    def enter(self, contender: Contender) -> Process | None:
        """The contender in its fastest way; None if it can't be run here.

        Raises:
            UserError: it is an artifact, which was named to be run.
        """
        found = fastest(contender.ways, lambda way: self._speed(way, contender.name))
        return self.load(found, contender.name) if found else None

    def load(self, way: Way, name: str) -> Process | None:
        """A process that waits for its turns."""
        self.begin(f"load {name}: {way.described}")
        try:
            folder = Path(tempfile.mkdtemp(dir=self.scratch))  # its own, for the time that it takes to load counts
            return self.running.enter_context(opened(way, folder))
        except Unavailable as why:
            self.notes.append(f"{name}, {way.described}, was left out: {why}")
            return None

    def _speed(self, way: Way, name: str) -> float:
        """Clips a second of the best of some short turns, the one least disturbed; 0 and a note if it can't be run."""
        self.begin(f"try {name}: {way.described}")
        folder = self.scratch / "tries"  # of all: what is compiled for one serves the next
        folder.mkdir(exist_ok=True)
        order = Order(kind="throughput", seconds=self.seconds / _TRIES)
        try:
            with opened(way, folder) as process:
                turns = [process.run(order) for _ in range(_TRIES)]
        except Unavailable as why:
            if way.runner == "artifact":
                raise UserError(f"{name} doesn't run here: {why}") from None
            self.notes.append(f"{name}, {way.described}, was left out: {why}")
            return 0.0
        return max(turn.clips / turn.wall_s for turn in turns)

    def play(self, names: Mapping[Process, str], *, rounds: int) -> dict[Process, Turns]:
        """The turns of all processes that are still there after the last round."""
        turns: dict[Process, tuple[list[Turn], list[Turn]]] = {each: ([], []) for each in names}
        throughput, latency = (Order(kind=kind, seconds=self.seconds) for kind in ("throughput", "latency"))
        for number in range(rounds):
            self.begin(f"round {number + 1} of {rounds}")
            for process in list(turns)[:: 1 if number % 2 == 0 else -1]:  # nobody is always behind the same other
                try:
                    for order, brought in zip((throughput, latency), turns[process], strict=True):
                        brought.append(process.run(order))
                except Unavailable as why:
                    del turns[process]
                    self.notes.append(f"{names[process]} was left out, for in round {number + 1} it ended: {why}")
        return {process: (tuple(busy), tuple(alone)) for process, (busy, alone) in turns.items()}


def _gflops_per_cpu_s(turns: tuple[Turn, ...]) -> float:
    return statistics.median(GFLOPS * turn.clips / turn.cpu_s for turn in turns)
