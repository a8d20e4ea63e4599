"""The comparison: the fastest way of each contender is found, then all take turns, one process at a time.

A machine that others use, too, then harms all alike; and each is compared with the first within a round.
"""

import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from stream.errors import UserError
from trt_build.bench.contenders import Contender, Order, Turn, Way
from trt_build.bench.field import contenders, peak_way
from trt_build.bench.peak import GFLOPS
from trt_build.bench.process import Process, Unavailable, opened
from trt_build.bench.report import Measured, Report, report
from trt_build.bench.settings import BenchSettings

Begin = Callable[[str], None]
_TRIES = 4
"""Turns in which a way shows whether it is the fastest; together they are as long as one turn of a round."""


def bench(settings: BenchSettings, begin: Begin) -> Report:
    """Runs it all.

    Args:
        settings: what is asked for.
        begin: told what is done next, in words.

    Raises:
        UserError: a folder can't be used, or an artifact doesn't run here.
    """
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="stall-bench-") as made, ExitStack() as running:
        scratch = Path(made)
        begin("make clips")
        entered: list[tuple[Contender, Process]] = []
        for contender in contenders(settings, scratch):
            way = _fastest(contender, settings.seconds, scratch, begin, notes)
            if way:
                begin(f"load {contender.name}: {way.described}")
                entered.append((contender, running.enter_context(opened(way, scratch))))
        needed = {each.arithmetic: each for each, _ in entered if each.arithmetic}
        peaks = {
            arithmetic: running.enter_context(opened(peak_way(arithmetic, one, settings.cpus), scratch))
            for arithmetic, one in needed.items()
        }
        turns = _rounds([*(process for _, process in entered), *peaks.values()], settings, begin)
    measured = [Measured(contender, process.way, process.ready, *turns[process]) for contender, process in entered]
    reached = {arithmetic: _gflops_per_cpu_s(turns[process][0]) for arithmetic, process in peaks.items()}
    return report(measured, reached, settings, notes)


def _fastest(contender: Contender, seconds: float, scratch: Path, begin: Begin, notes: list[str]) -> Way | None:
    """By the best of some short turns; what can't be run here is noted. None if nothing can, of a library."""
    clips_per_s: dict[Way, float] = {}
    for way in contender.ways:
        begin(f"try {contender.name}: {way.described}")
        try:
            with opened(way, scratch) as process:
                turns = [process.run(Order(kind="throughput", seconds=seconds / _TRIES)) for _ in range(_TRIES)]
            clips_per_s[way] = max(turn.clips / turn.wall_s for turn in turns)  # the one least disturbed
        except Unavailable as why:
            if way.runner == "artifact":
                raise UserError(f"{contender.name} doesn't run here: {why}") from None
            notes.append(f"{contender.name}, {way.described}, was left out: {why}")
    return max(clips_per_s, key=lambda way: clips_per_s[way], default=None)


_Turns = tuple[tuple[Turn, ...], tuple[Turn, ...]]
"""For throughput, and for latency; one of each round."""


def _rounds(processes: list[Process], settings: BenchSettings, begin: Begin) -> dict[Process, _Turns]:
    throughput: dict[Process, list[Turn]] = {each: [] for each in processes}
    latency: dict[Process, list[Turn]] = {each: [] for each in processes}
    for number in range(settings.rounds):
        begin(f"round {number + 1} of {settings.rounds}")
        for process in processes[:: 1 if number % 2 == 0 else -1]:  # nobody is always behind the same other
            throughput[process].append(process.run(Order(kind="throughput", seconds=settings.seconds)))
            latency[process].append(process.run(Order(kind="latency", seconds=settings.seconds)))
    return {each: (tuple(throughput[each]), tuple(latency[each])) for each in processes}


def _gflops_per_cpu_s(turns: tuple[Turn, ...]) -> float:
    return statistics.median(GFLOPS * turn.clips / turn.cpu_s for turn in turns)
