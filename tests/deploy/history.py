"""Six hours of three workers as Prometheus would have scraped them, told by our metrics: a night with its incidents.

hour 0  quiet                      hour 3  one worker is gone, the others do its work, it comes back
hour 1  a store is slow: backlog   hour 4  a tenth of the clips is rejected
hour 2  the backlog drains         hour 5  twice as many clips are stalled; the store is slow again, and now it drains
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.metrics_core import Metric

from stream.errors import Reason
from stream.metrics import Lag, Metrics, Stage, State
from stream.records import SCHEMA, KafkaSource, Outcome, Partition, Rejection, Thresholds, Timings
from tests.results.made_outcomes import made_verdict

STEP_S, STEPS = 60, 360
ARRIVALS = 240
"""A minute."""
MONTH_DAYS, IN_TIME_S = 29, 60
SOURCE = KafkaSource(topic="stall-clips", partition=0, offset=0)
WORKERS = ("10.0.0.1:9464", "10.0.0.2:9464", "10.0.0.3:9464")
STATES: tuple[State, ...] = get_args(State)
Point = tuple[int, float]


class Night:
    """What the group goes through, minute by minute."""

    def __init__(self, *, begin_s: int) -> None:
        self._rng = random.Random(0)
        self._now = float(begin_s)
        self.begin_s = begin_s
        self.registries = {name: CollectorRegistry() for name in WORKERS}
        self._metrics = {name: Metrics(each, clock=lambda: self._now) for name, each in self.registries.items()}
        self._cpu = {name: Counter("process_cpu_seconds", "", registry=each) for name, each in self.registries.items()}
        self._memory = {
            name: Gauge("process_resident_memory_bytes", "", registry=each) for name, each in self.registries.items()
        }
        self._started = {
            name: Gauge("process_start_time_seconds", "", registry=each) for name, each in self.registries.items()
        }
        for started in self._started.values():
            started.set(begin_s - 9000)
        self._behind = 0.0
        for metrics in self._metrics.values():
            metrics.worker_info(group="stall-workers", topic="stall-clips", delivery="exactly-once")
            metrics.engine_info(
                artifact="6dad462aa3d7a6a7",
                kind="openvino",
                precision="fp32",
                spec="f3a01274a556cdd6",
                runtime="openvino 2026.4.1",
                prevalence=0.3,
            )
            metrics.golden("logits", difference=2e-5, limit=1e-3)
            metrics.golden("pixels", difference=1, limit=2)
            metrics.limits(clips=1024, bytes_=256 * 2**20)
            for stage, capacity in (("fetch", 16), ("read", 2), ("score", 16), ("deliver", 1)):
                metrics.capacity(stage, capacity)  # type: ignore[arg-type]  # a Stage each

    def text(self) -> str:
        """The history in OpenMetrics: all points of a series together, families one after another."""
        families: dict[str, Metric] = {}
        points: dict[str, dict[tuple[str, frozenset[tuple[str, str]]], list[Point]]] = defaultdict(dict)
        for step in range(STEPS):
            at_s = self.begin_s + step * STEP_S
            alive = self._minute(step)
            for worker in WORKERS:
                up = float(worker in alive)
                self._note(points["up"], "up", {}, worker, (at_s, up))
                for family in self.registries[worker].collect() if up else ():
                    families[family.name] = family
                    for sample in family.samples:
                        self._note(points[family.name], sample.name, sample.labels, worker, (at_s, sample.value))
        self._begin_with_a_quiet_month(points["stall_end_to_end_seconds"])
        return "\n".join([*self._lines(families, points), "# EOF\n"])

    def _begin_with_a_quiet_month(self, series: dict[tuple[str, frozenset[tuple[str, str]]], list[Point]]) -> None:
        """All clips of the month before were in time, as the budget wants to know."""
        for (name, labels), told in series.items():
            told_by = dict(labels)
            if told_by["origin"] == "appended" and float(told_by.get("le", "inf")) >= IN_TIME_S and "sum" not in name:
                clips = ARRIVALS * 60 * 24 * MONTH_DAYS // len(WORKERS)
                told[:] = [(self.begin_s - MONTH_DAYS * 86400, 0.0), *((at, value + clips) for at, value in told)]

    def _note(
        self,
        into: dict[tuple[str, frozenset[tuple[str, str]]], list[Point]],
        name: str,
        labels: dict[str, str],
        worker: str,
        point: Point,
    ) -> None:
        all_labels = frozenset({**labels, "job": "stall-workers", "instance": worker}.items())
        into.setdefault((name, all_labels), []).append(point)

    def _lines(
        self,
        families: dict[str, Metric],
        points: dict[str, dict[tuple[str, frozenset[tuple[str, str]]], list[Point]]],
    ) -> Iterator[str]:
        for family, series in points.items():
            yield f"# TYPE {family} {families[family].type if family in families else 'gauge'}"
            for (name, labels), told in series.items():
                shown = ",".join(f'{key}="{value}"' for key, value in sorted(labels))
                yield from (f"{name}{{{shown}}} {value} {at_s}" for at_s, value in told)

    def _minute(self, step: int) -> tuple[str, ...]:
        hour, minute = divmod(step, 60)
        alive = WORKERS[:2] if hour == 3 and 10 <= minute < 40 else WORKERS
        slow = (hour == 1 and minute >= 15) or (hour == 5 and 20 <= minute < 48)
        capacity = (60 if slow else 110) * len(alive)
        arrived = ARRIVALS + self._rng.randrange(-30, 30)
        done = min(int(self._behind) + arrived, capacity + self._rng.randrange(-5, 5))
        self._behind += arrived - done
        waited_s = self._behind / max(done, 1) * STEP_S
        for index, worker in enumerate(alive):
            self._work(worker, index, done // len(alive), hour=hour, slow=slow, waited_s=waited_s, count=len(alive))
        if hour == 3 and minute in (10, 40):
            for worker in alive:
                self._metrics[worker].rebalanced()
        if hour == 3 and minute == 40:
            self._started[WORKERS[2]].set(self.begin_s + step * STEP_S - 5)
        self._now += STEP_S
        for worker in alive:
            self._metrics[worker].state("idle")
        return alive

    def _work(self, worker: str, index: int, clips: int, *, hour: int, slow: bool, waited_s: float, count: int) -> None:
        metrics, rng = self._metrics[worker], self._rng
        owned = [number for number in range(12) if number % count == index]
        metrics.assigned(len(owned))
        metrics.references(clips)
        for _ in range(clips):
            metrics.outcome(self._outcome(hour))
            metrics.end_to_end("appended", waited_s + rng.lognormvariate(-0.5, 0.6))
            metrics.end_to_end("captured", waited_s + rng.lognormvariate(4.5, 0.4))
            metrics.stage("fetch", rng.lognormvariate(2.6 if slow else -3.0, 0.3))
            metrics.stage("read", rng.lognormvariate(-2.2, 0.4))
            metrics.stage("score", rng.lognormvariate(-3.5, 0.3))
        for _ in range(clips // 10):
            metrics.delivery("committed", 10)
            metrics.stage("deliver", rng.lognormvariate(-4.0, 0.4))
        if slow and rng.random() < 0.2:
            metrics.delivery("refused", 10)
        if hour == 4 and rng.random() < 0.1:
            metrics.reader_restarted()
        share = self._behind / 12
        metrics.lag({Partition("stall-clips", each): Lag(int(share), waited_s) for each in owned})
        waiting: dict[Stage, int] = {"fetch": int(min(share * len(owned), 900)), "read": rng.randrange(4), "score": 0}
        metrics.waiting({**waiting, "deliver": rng.randrange(6)})
        metrics.in_flight(sum(waiting.values()), rng.randrange(20, 60) * 2**20)
        metrics.oldest_unfinished(waited_s)
        self._cpu[worker].inc(0.2 * clips)
        self._memory[worker].set(rng.randrange(195, 200) * 2**20 + index * 2**23)
        self._spend(metrics, "backpressure" if slow else "working")

    def _spend(self, metrics: Metrics, most: State) -> None:
        """A minute's time, of which the rest is told at its end."""
        now = self._now
        parts: tuple[tuple[State, float], ...] = (("delivering", 3.0), (most, 40.0))
        for state, seconds in parts:
            metrics.state(state)
            self._now += seconds
        metrics.state("idle")
        self._now = now

    def _outcome(self, hour: int) -> Outcome:
        if self._rng.random() < (0.1 if hour == 4 else 0.01):
            reason = self._rng.choice([Reason.NO_OUTLINE, Reason.DAMAGED, Reason.NOT_FOUND])
            return Rejection(schema=SCHEMA, clip_id="a", reason=reason, detail="", source=SOURCE)
        stalled = self._rng.random() < (0.6 if hour == 5 else 0.3)
        probability = self._rng.betavariate(8, 1) if stalled else self._rng.betavariate(1, 12)
        return made_verdict(
            clip_id="a",
            verdict="stalled" if probability > 0.8 else "flowing" if probability < 0.1 else "uncertain",
            probability=probability,
            thresholds=Thresholds(low=0.1, high=0.8, decide=0.5, prevalence=0.3),
            roi=(0, 0, 9, 9),
            artifact="a",
            spec="s",
            timings=Timings(fetch_s=0, read_s=0, score_s=0),
            source=SOURCE,
        )
