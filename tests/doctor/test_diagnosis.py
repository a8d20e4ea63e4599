"""Made situations, told by the worker's own metrics: what limits, what to do, and when the backlog is drained."""

import math
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.doctor import Backlog, Diagnosis, Load, Trend, diagnose, parse
from stream.doctor.setup import check_rule
from stream.doctor.words import span
from stream.metrics import Lag, Metrics, Registry, Stage
from stream.records import Partition

WATCHED_S = 10.0
CAPACITY: Mapping[Stage, int] = {"fetch": 16, "read": 2, "score": 4, "deliver": 1}


class Member:
    """A worker that does nothing but tell of it."""

    def __init__(self, *partitions: int) -> None:
        self.now_s = 100.0
        self.start(*partitions)
        self.now_s += 50

    def start(self, *partitions: int) -> None:
        self.registry = Registry()
        self.metrics = Metrics(self.registry, clock=lambda: self.now_s)
        for stage, clips in CAPACITY.items():
            self.metrics.capacity(stage, clips)
        self.metrics.limits(clips=1024, bytes_=256 << 20)
        self.metrics.assigned(len(partitions))
        self.metrics.lag({Partition("stall-clips", number): Lag(9, 1.0) for number in partitions})
        self.metrics.engine_info(
            artifact="a" * 16, kind="openvino", precision="fp32", spec="b" * 16, runtime="2026.2", prevalence=0.003
        )
        self.metrics.state("working")

    def told(self) -> str:
        return self.registry.expose("text/plain")[1].decode()

    def watched(self, act: Callable[["Member"], None]) -> Load:
        """Its load while it acts so."""
        first = parse(self.told(), at_s=self.now_s)
        until_s = self.now_s + WATCHED_S
        act(self)
        self.now_s = until_s
        return Load.between(first, parse(self.told(), at_s=self.now_s), name="w")

    def busy(self, stage: Stage, share: float, *, clips: int = 20) -> None:
        for _ in range(clips):
            self.metrics.stage(stage, share * CAPACITY[stage] * WATCHED_S / clips)


def backlog(at_s: float, **offsets: tuple[int, int]) -> Backlog:
    """By partition its end, and up to where the group is done: `p0=(1000, 400)`."""
    found = {int(name[1:]): told for name, told in offsets.items()}
    return Backlog(at_s, {n: end for n, (end, _) in found.items()}, {n: done for n, (_, done) in found.items()})


BEHIND = Trend(
    backlog(0.0, p0=(1000, 100), p1=(1000, 100)), backlog(WATCHED_S, p0=(1000, 150), p1=(1000, 150))
)  # 1,700 behind, 10 a second done


def found(act: Callable[[Member], None], trend: Trend = BEHIND) -> Diagnosis:
    return diagnose([Member(0, 1).watched(act)], trend)


@pytest.mark.parametrize(
    ("stage", "limit", "remedy"),
    [
        ("fetch", "fetch", "--fetches"),
        ("read", "reading", "--readers"),
        ("score", "engine", "--engine-threads"),
        ("deliver", "broker", "the brokers' disks"),
    ],
)
def test_a_stage_whose_capacity_is_in_use_is_what_limits(stage: Stage, limit: str, remedy: str):
    def act(member: Member) -> None:
        for each in CAPACITY:
            member.busy(each, 0.95 if each == stage else 0.3)

    (finding,) = found(act).findings
    assert (finding.limit, remedy in finding.remedy) == (limit, True)
    assert "95% busy" in finding.said


def test_the_busiest_stage_is_told_first_and_even_where_none_is_at_its_limit():
    def both(member: Member) -> None:
        member.busy("fetch", 0.8)
        member.busy("score", 0.9)

    assert [each.limit for each in found(both).findings] == ["engine", "fetch"]
    assert [each.limit for each in found(lambda member: member.busy("read", 0.4)).findings] == ["reading"]


def test_workers_that_are_fewer_than_partitions_can_be_more():
    def act(member: Member) -> None:
        member.busy("read", 1.0)

    assert "start more workers" in found(act).findings[0].remedy
    full = diagnose([Member(0).watched(act), Member(1).watched(act)], BEHIND)
    assert "add partitions" in full.findings[0].remedy


def outage(member: Member) -> None:
    member.metrics.state("outage")
    member.now_s += 6
    member.metrics.state("working")


def rebalancing(member: Member) -> None:
    for _ in range(4):
        member.metrics.state("rebalancing")
        member.metrics.rebalanced()
        member.now_s += 1
        member.metrics.state("working")


def refusing(member: Member) -> None:
    member.metrics.delivery("refused", 50)
    member.metrics.delivery("unanswered", 50)


def swollen(member: Member) -> None:
    member.metrics.in_flight(100, 300 << 20)
    member.busy("read", 0.9)


@pytest.mark.parametrize(
    ("act", "limits", "said"),
    [
        (outage, ["outage"], "60% of the time"),
        (rebalancing, ["rebalancing"], "4 times for one worker, and 40% of the time"),
        (refusing, ["broker"], "2 deliveries refused or not answered"),
        (lambda member: member.metrics.reader_restarted(), ["reading"], "1 reader died"),
        (swollen, ["memory", "reading"], "so many bytes"),
        (lambda member: member.start(0, 1), ["workers"], "w was started anew"),
    ],
)
def test_what_keeps_workers_from_working_is_told(act: Callable[[Member], None], limits: list[str], said: str):
    diagnosis = found(act)
    assert [each.limit for each in diagnosis.findings] == limits
    assert said in diagnosis.findings[0].said


def test_a_hot_partition_is_told_with_what_limits_its_own_worker():
    hot = Trend(backlog(0.0, p0=(2000, 0), p1=(900, 890)), backlog(WATCHED_S, p0=(2000, 50), p1=(1000, 990)))
    idle, busy = Member(1).watched(lambda _: None), Member(0).watched(lambda member: member.busy("score", 0.9))
    diagnosis = diagnose([idle, busy], hot)
    assert [each.limit for each in diagnosis.findings] == ["partition", "engine"]
    assert "99% of the backlog is in partition 0" in diagnosis.findings[0].said
    assert diagnosis.drained_in_s == 1950 / 5


def test_workers_without_partitions_are_told():
    diagnosis = diagnose(
        [Member(0, 1).watched(lambda member: member.busy("read", 1.0)), Member().watched(lambda _: None)], BEHIND
    )
    assert [each.limit for each in diagnosis.findings] == ["reading", "workers"]
    assert diagnosis.findings[1].said == "1 worker of 2 own no partition: there are 2"


def test_without_workers_it_says_so():
    assert [each.said for each in diagnose([], BEHIND).findings] == ["no worker could be asked"]
    lone = diagnose([Member().watched(lambda _: None)], BEHIND)
    assert [each.said for each in lone.findings] == ["none of 1 worker owns a partition"]


def test_the_backlog_is_drained_by_what_is_done_beyond_what_comes():
    coming = Trend(backlog(0.0, p0=(1000, 100), p1=(0, 0)), backlog(WATCHED_S, p0=(1100, 400), p1=(0, 0)))
    diagnosis = found(lambda _: None, coming)
    assert diagnosis.drained_in_s == 700 / 20
    assert diagnosis.pace == "700 references behind; 10.0 a second come, 30.0 are done: at this pace drained in 35 s"
    growing = Trend(coming.last, backlog(2 * WATCHED_S, p0=(1500, 500), p1=(0, 0)))
    assert math.isinf(found(lambda _: None, growing).drained_in_s)


def test_who_keeps_pace_is_limited_by_nothing():
    steady = Trend(backlog(0.0, p0=(1000, 960)), backlog(WATCHED_S, p0=(1200, 1158)))
    diagnosis = found(lambda member: member.busy("read", 0.9), steady)
    assert (diagnosis.findings, diagnosis.drained_in_s) == ((), 0.0)
    assert diagnosis.pace.endswith("the workers keep pace")
    rest = found(lambda _: None, Trend(backlog(0.0, p0=(5, 5)), backlog(WATCHED_S, p0=(5, 5))))
    assert rest.pace.endswith("nothing is left to do")


def test_a_reference_that_came_just_before_the_second_look_is_no_backlog_but_one_that_stays_is():
    quiet = backlog(0.0, p0=(5, 5), p1=(7, 7))
    last = backlog(WATCHED_S, p0=(6, 5), p1=(7, 7))
    diagnosis = found(lambda _: None, Trend(quiet, last))
    assert (diagnosis.findings, diagnosis.drained_in_s) == ((), 0.0)
    assert diagnosis.pace.endswith("too few, and too new, to tell from")
    stays = found(lambda _: None, Trend(last, last))
    assert math.isinf(stays.drained_in_s)
    assert "partition" not in [each.limit for each in stays.findings]  # one reference is in one, always


def test_many_that_came_meanwhile_without_an_outcome_are_a_backlog():
    flood = Trend(backlog(0.0, p0=(5, 5), p1=(7, 7)), backlog(WATCHED_S, p0=(905, 5), p1=(7, 7)))
    diagnosis = found(lambda _: None, flood)
    assert math.isinf(diagnosis.drained_in_s)
    assert diagnosis.findings[0].limit == "partition"


@pytest.mark.parametrize("text", ["", "up 1\n", "<html>\n"])
def test_what_is_no_workers_exposition_is_refused(text: str):
    with pytest.raises(ValueError, match=r"stall_worker_state_seconds_total|metric name"):
        parse(text, at_s=0.0)


def test_workers_that_judge_otherwise_are_named_with_what_they_judge_by():
    rule = parse(Member(0).told(), at_s=0.0).judges_by
    assert rule == "artifact aaaaaaaaaaaaaaaa at a prevalence of 0.003"
    assert check_rule({"a": rule, "b": rule}).holds is True
    other = check_rule({"a": rule, "b": rule.replace("0.003", "0.3"), "c": rule})
    assert other.holds is False
    assert "b judges by artifact aaaaaaaaaaaaaaaa at a prevalence of 0.3" in other.said


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1), st.floats(0.1, 100))
def test_what_is_behind_at_the_rates_that_are_told_is_gone_when_it_says(counts: list[tuple[int, int]], seconds: float):
    """With any numbers: nothing is negative, and the time is the backlog over the difference of the rates."""
    first = Backlog(0.0, {n: 1000 for n, _ in enumerate(counts)}, dict.fromkeys(range(len(counts)), 0))
    ends, done = ({n: base + each[k] for n, each in enumerate(counts)} for k, base in ((0, 1000), (1, 0)))
    trend = Trend(first, Backlog(seconds, ends, done))
    gain = trend.done_per_s - trend.come_per_s
    drained_in_s = trend.drained_in_s()
    assert drained_in_s == (pytest.approx(trend.last.total / gain) if gain > 0 else math.inf)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (99, "99 s"), (600, "10 min"), (12_000, "3 h 20 min"), (1e6, "11 days"), (math.inf, "for ever")],
)
def test_a_wait_is_told_in_few_words(seconds: float, said: str):
    assert span(seconds) == said
