"""The report: what each contender's turns come to, as a table and as JSON."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count, product
from string import ascii_uppercase

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from stream.engine.golden import difference
from trt_build.bench.contenders import Arithmetic, Contender, Fact, Ready, Turn, Way
from trt_build.bench.settings import BenchSettings

_COLUMNS = ("", "clips/s", "CPU ms", "less by", "peak", "p50", "p99", "load", "MB", "off")
_LEGEND = """\
CPU ms: for a clip, of all threads. less by: A's over this one's, in the same round; median, lowest and highest.
peak: share of it, by CPU time. p50, p99: ms of single clips, each alone. load: s. MB: above a bare process.
off: largest difference of logits from A's."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A contender, the way it was run, and its turns of each round."""

    contender: Contender
    way: Way
    ready: Ready
    throughput: tuple[Turn, ...]
    latency: tuple[Turn, ...]


class Spread(Fact):
    """The median over rounds, with the lowest and the highest."""

    median: float
    low: float
    high: float


class Row(Fact):
    """A contender's numbers."""

    name: str
    way: str
    clips_per_s: Spread
    cpu_ms: Spread
    """CPU time for a clip, of all threads, at full throughput."""
    p50_ms: float
    """Of single clips, each alone, over all rounds."""
    p99_ms: float
    less_cpu: Spread | None
    """How many times the CPU time of the first row for a clip is this one's; within a round. None of GPUs."""
    faster: Spread
    """How many times the throughput of the first row this one's is; within a round."""
    gflops: float
    """1e9 operations for a clip."""
    share_of_peak: float | None
    """Of what the machine reaches in the contender's arithmetic, by CPU time; None where it isn't known."""
    load_s: float
    memory_mb: float | None
    """None of GPUs, which have their own."""
    difference: float | None
    """Largest of its logits from the first row's (`stream.engine.golden.difference`); None for other clips."""


class Report(Fact):
    """The whole comparison; the first row is what others are compared with."""

    threads: int
    rounds: int
    seconds: float
    peaks: dict[Arithmetic, float]
    """1e9 operations in a second of CPU time."""
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def report(
    measured: Sequence[Measured], peaks: Mapping[Arithmetic, float], settings: BenchSettings, notes: Sequence[str]
) -> Report:
    """Sums up; the first of those measured is what others are compared with."""
    return Report(
        threads=settings.cpus,
        rounds=settings.rounds,
        seconds=settings.seconds,
        peaks=dict(peaks),
        rows=tuple(_row(each, measured[0], peaks) for each in measured),
        notes=tuple(notes),
    )


def table(found: Report) -> Group:
    """For a terminal: who is who, then their numbers."""
    peaks = " and ".join(f"{value:.0f} Gop/s in {name}" for name, value in found.peaks.items())
    reached = f"; a second of CPU time reaches {peaks}" if peaks else ""
    shown = Table(
        *_COLUMNS, box=None, padding=(0, 2, 0, 0), title=f"{found.threads} threads, {found.rounds} rounds{reached}"
    )
    names = []
    for letter, row in zip(_letters(), found.rows, strict=False):
        names.append(f"{letter}  {row.name}: {row.way}")
        shown.add_row(
            letter,
            f"{row.clips_per_s.median:.0f}",
            f"{row.cpu_ms.median:.2f}",
            "" if row.less_cpu is None else _bracketed(row.less_cpu),
            "" if row.share_of_peak is None else f"{row.share_of_peak:.0%}",
            f"{row.p50_ms:.1f}",
            f"{row.p99_ms:.1f}",
            f"{row.load_s:.1f}",
            "" if row.memory_mb is None else f"{row.memory_mb:.0f}",
            "" if row.difference is None else f"{row.difference:.0e}",
        )
    for column in shown.columns[1:]:
        column.justify = "right"
    return Group(*(Text(name) for name in names), shown, Text(_LEGEND))


def _letters() -> Iterator[str]:
    """A to Z, then AA, AB, ..., without end."""
    for length in count(1):
        yield from map("".join, product(ascii_uppercase, repeat=length))


def _row(one: Measured, base: Measured, peaks: Mapping[Arithmetic, float]) -> Row:
    cpu_ms = _spread(one.throughput, _cpu_ms)
    latencies_ms = list(chain.from_iterable(turn.latencies_ms for turn in one.latency))
    both_on_cpu = one.contender.arithmetic and base.contender.arithmetic
    peak = peaks.get(one.contender.arithmetic) if one.contender.arithmetic else None
    return Row(
        name=one.contender.name,
        way=one.way.described,
        clips_per_s=_spread(one.throughput, _clips_per_s),
        cpu_ms=cpu_ms,
        p50_ms=float(np.percentile(latencies_ms, 50)),
        p99_ms=float(np.percentile(latencies_ms, 99)),
        less_cpu=_ratios(base.throughput, one.throughput, _cpu_ms) if both_on_cpu else None,
        faster=_ratios(one.throughput, base.throughput, _clips_per_s),
        gflops=one.contender.gflops,
        share_of_peak=one.contender.gflops / (cpu_ms.median / 1e3 * peak) if peak else None,
        load_s=one.ready.load_s,
        memory_mb=one.ready.memory_mb if one.contender.arithmetic else None,
        difference=_difference(one.ready, base.ready) if one.contender.spec == base.contender.spec else None,
    )


def _bracketed(found: Spread) -> str:
    return f"{found.median:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _cpu_ms(turn: Turn) -> float:
    return 1e3 * turn.cpu_s / turn.clips


def _clips_per_s(turn: Turn) -> float:
    return turn.clips / turn.wall_s


def _spread(turns: Sequence[Turn], measure: Callable[[Turn], float]) -> Spread:
    return _over([measure(turn) for turn in turns])


def _ratios(above: Sequence[Turn], below: Sequence[Turn], measure: Callable[[Turn], float]) -> Spread:
    """Of two contenders, round by round."""
    return _over([measure(a) / measure(b) for a, b in zip(above, below, strict=True)])


def _over(values: Sequence[float]) -> Spread:
    return Spread(median=statistics.median(values), low=min(values), high=max(values))


def _difference(one: Ready, base: Ready) -> float:
    return float(difference(*(np.array(each.logits, np.float32) for each in (one, base))).max())
