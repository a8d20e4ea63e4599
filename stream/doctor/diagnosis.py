"""What samples and backlog mean: what limits, most of all first, and what to do about it."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from stream.doctor.backlog import Trend
from stream.doctor.load import Load
from stream.doctor.words import many, span

Limit = Literal["workers", "outage", "rebalancing", "partition", "fetch", "reading", "engine", "broker", "memory"]

_STAGES: dict[str, Limit] = {"fetch": "fetch", "read": "reading", "score": "engine", "deliver": "broker"}
_AT_ITS_LIMIT = 0.75
"""Share of a stage's capacity in use; clips come in bursts, so the rest is seldom to be had."""
_MUCH = 0.25
"""Share of the time that a worker should not spend so."""
_HOT = 0.7
"""Share of the backlog in one partition, where there are several."""
_KEEPS_PACE_S = 5.0
"""A backlog that takes less is what is in hand."""
_FEW = 30
"""References from which on a partition can be called hot, and a backlog that has only just come be called one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that limits."""

    limit: Limit
    said: str
    """What is seen, with its numbers."""
    remedy: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is to be told."""

    findings: tuple[Finding, ...]
    """The first limits most; none where the workers keep pace."""
    drained_in_s: float
    """0 where nothing is behind, infinite where that never is at this pace."""
    pace: str
    """In words: what comes, what is done, and when the backlog is."""


def diagnose(loads: Sequence[Load], trend: Trend) -> Diagnosis:
    """Judges what workers did while the backlog went from one moment to another.

    Args:
        loads: of the workers that could be asked.
        trend: of the group.
    """
    behind, hot = trend.last.total, _hot_partition(trend)
    rates = f"{trend.come_per_s:.1f} a second come, {trend.done_per_s:.1f} are done"
    told = f"{many(behind, 'reference')} behind; {rates}"
    if behind <= _KEEPS_PACE_S * trend.done_per_s:
        return Diagnosis((), 0.0, f"{told}: the workers keep pace" if behind else f"{told}: nothing is left to do")
    if behind < _FEW and trend.all_new:
        return Diagnosis((), 0.0, f"{told}: too few, and too new, to tell from")
    drained_in_s = trend.drained_in_s(hot)
    when = "never drained" if math.isinf(drained_in_s) else f"drained in {span(drained_in_s)}"
    return Diagnosis(tuple(_findings(loads, trend, hot)), drained_in_s, f"{told}: at this pace {when}")


def _findings(loads: Sequence[Load], trend: Trend, hot: int | None) -> Iterator[Finding]:
    working, partitions = [each for each in loads if each.owned], len(trend.last.ends)
    disturbed = list(_disturbances(loads))
    yield from disturbed
    if not working:
        seen = f"none of {many(len(loads), 'worker')} owns a partition" if loads else "no worker could be asked"
        yield Finding("workers", seen, "start workers (python -m stream worker), and name their metrics (--metrics)")
        return
    if hot is not None:
        share = trend.last.behind[hot] / trend.last.total
        yield Finding(
            "partition",
            f"{share:.0%} of the backlog is in partition {hot}, which takes {span(trend.drained_in_s(hot))} by itself",
            "one worker at a time judges a partition, in order: spread its keys, or send to more partitions "
            "(kafka-topics.sh --alter --partitions), which serves what comes from then on",
        )
    yield from _stages(
        working if hot is None else _owners(working, hot),
        can_share=partitions > len(working),
        otherwise_known=bool(disturbed) or hot is not None,
    )
    if len(working) < len(loads):
        yield Finding(
            "workers",
            f"{many(len(loads) - len(working), 'worker')} of {len(loads)} own no partition: there are {partitions}",
            "add partitions to the references' topic (kafka-topics.sh --alter --partitions), or stop them",
        )


def _owners(loads: Sequence[Load], number: int) -> Sequence[Load]:
    """Those that tell the partition's lag; all where nobody does."""
    return [each for each in loads if number in each.partitions] or loads


def _disturbances(loads: Sequence[Load]) -> Iterator[Finding]:
    """What keeps workers from working."""
    if not loads:
        return
    if restarted := [each.name for each in loads if each.restarted]:
        remedy = "its log tells why it ended: a reference that ends each worker is a case for skip"
        yield Finding("workers", f"{restarted[0]} was started anew meanwhile", remedy)
    out = _mean(load.shares.get("outage", 0.0) for load in loads)
    if out > _MUCH:
        yield Finding(
            "outage",
            f"a store or Kafka did not serve for {out:.0%} of the time",
            "ask a worker's /readyz which it is; nothing is lost, and it goes on by itself once that serves",
        )
    if refused := sum(load.refused for load in loads):
        remedy = "see to the brokers: fewer in-sync copies than a topic wants, leaders that move, or too little time"
        yield Finding("broker", f"{many(refused, 'delivery', 'deliveries')} refused or not answered", remedy)
    if died := sum(load.reader_restarts for load in loads):
        remedy = "dlq show --reason reader_crashed or reader_timeout names the clips; see --reader-memory-mib, too"
        yield Finding("reading", f"{many(died, 'reader')} died or hung and were replaced", remedy)
    joining = _mean(load.shares.get("rebalancing", 0.0) for load in loads)
    changes = max(load.rebalances for load in loads)
    if joining > _MUCH or changes > 2:
        yield Finding(
            "rebalancing",
            f"partitions changed hands {changes} times for one worker, and {joining:.0%} of the time went into it",
            "see whether workers are started and stopped, or die: their logs, restarts, and memory limits; a worker "
            "with a --slot keeps its partitions over a restart",
        )


def _stages(loads: Sequence[Load], *, can_share: bool, otherwise_known: bool) -> Iterator[Finding]:
    """The stages that are at their limit, the fullest first; that one in any case, unless it is known what limits."""
    if max(load.memory for load in loads) >= 1:
        yield Finding("memory", "no more is fetched while so many bytes of clips are held", "raise --held-mib")
    known = [stage for stage in _STAGES if sum(load.capacity.get(stage, 0.0) for load in loads)]
    use = {stage: _use(loads, stage) for stage in known}
    more = "start more workers" if can_share else "add partitions, and workers with them"
    remedies = {
        "fetch": "raise --fetches, or see to the store and the network",
        "read": f"give more CPUs and --readers, or {more}",
        "score": f"give more --engine-threads, an artifact of int8 or a GPU, or {more}",
        "deliver": "see to the brokers' disks and network: a delivery waits for all copies of a partition",
    }
    for place, stage in enumerate(sorted(use, key=lambda stage: use[stage], reverse=True)):
        if use[stage] >= _AT_ITS_LIMIT or (place == 0 and not otherwise_known):
            took_s = _mean(each.took_s[stage] for each in loads if stage in each.took_s)
            what = "delivery" if stage == "deliver" else "clip"
            told = f"{min(use[stage], 1.0):.0%} busy, {took_s:.3f} s a {what}"
            yield Finding(_STAGES[stage], told, remedies[stage])


def _use(loads: Sequence[Load], stage: str) -> float:
    """Share of the workers' capacity that is in use."""
    return sum(load.in_hand.get(stage, 0.0) for load in loads) / sum(load.capacity.get(stage, 0.0) for load in loads)


def _hot_partition(trend: Trend) -> int | None:
    """The one that holds nearly all of a backlog that is one."""
    behind = trend.last.behind
    if len(behind) < 2 or not trend.last.total:
        return None
    number = max(behind, key=lambda number: behind[number])
    return number if behind[number] >= max(_FEW, _HOT * trend.last.total) else None


def _mean(values: Iterable[float]) -> float:
    given = list(values)
    return sum(given) / max(1, len(given))
