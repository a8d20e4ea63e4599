"""The metrics as Prometheus sees them."""

import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from stream.errors import Reason
from stream.metrics import Lag, Metrics, Registry, State
from stream.records import KafkaSource, Partition, Rejection, Thresholds
from tests.results.made_outcomes import made_verdict

STATES: tuple[State, ...] = get_args(State)
SOURCE = KafkaSource(topic="stall-clips", partition=0, offset=0)
VERDICT = made_verdict(
    verdict="stalled",
    probability=0.93,
    thresholds=Thresholds(low=0.5, high=0.5, decide=0.5, prevalence=0.5),
    roi=(1, 2, 3, 4),
    artifact="a",
    spec="s",
    source=SOURCE,
)
REJECTION = Rejection(schema=1, clip_id=None, reason=Reason.NO_OUTLINE, detail="no ring", source=SOURCE)


class Time:
    """A clock that a test turns."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def scrape(registry: Registry) -> str:
    return registry.expose("text/plain")[1].decode()


def states(registry: Registry) -> dict[str, float]:
    families = text_string_to_metric_families(scrape(registry))
    family = next(family for family in families if family.name == "stall_worker_state_seconds")
    return {sample.labels["state"]: sample.value for sample in family.samples}


def test_every_metric_has_a_sentence_a_unit_and_few_label_sets():
    registry = Registry()
    Metrics(registry)
    families = [f for f in text_string_to_metric_families(scrape(registry)) if f.name.startswith("stall_")]
    assert len(families) >= 15
    for family in families:
        assert re.fullmatch(r"[A-Z].+\.", family.documentation), family.name
        label_sets = {frozenset((k, v) for k, v in s.labels.items() if k != "le") for s in family.samples}
        assert len(label_sets) <= 20, family.name
        assert not re.search("_(ms|us|millis|mb)$", family.name), family.name


def test_each_label_set_stands_before_its_first_event():
    registry = Registry()
    Metrics(registry)
    text = scrape(registry)
    for reason in Reason:
        assert f'stall_clips_total{{outcome="rejected",reason="{reason}"}} 0.0' in text
    for label in ("stalled", "flowing", "uncertain"):
        assert f'stall_clips_total{{outcome="{label}",reason=""}} 0.0' in text
    for stage in ("fetch", "read", "score", "deliver"):
        assert f'stall_stage_duration_seconds_count{{stage="{stage}"}} 0.0' in text
    assert 'stall_deliveries_total{result="refused"} 0.0' in text


def test_no_series_tells_when_it_was_created():
    registry = Registry()
    Metrics(registry).outcome(VERDICT)
    assert "_created" not in scrape(registry)


def test_two_registries_live_in_one_process():
    for _ in range(2):
        Metrics(Registry())


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(STATES), st.floats(0, 1000)), max_size=10))
def test_the_states_sum_to_wall_time_at_each_scrape(stays: list[tuple[State, float]]):
    clock, registry = Time(), Registry()
    metrics = Metrics(registry, clock=clock)
    for state, seconds in stays:
        metrics.state(state)
        clock.now += seconds
        assert sum(states(registry).values()) == pytest.approx(clock.now - Time.now)


def test_time_belongs_to_the_state_that_was_in_force():
    clock, registry = Time(), Registry()
    metrics = Metrics(registry, clock=clock)
    stays: tuple[tuple[State, float], ...] = (("working", 3), ("delivering", 1), ("working", 4), ("idle", 2))
    for state, seconds in stays:
        metrics.state(state)
        clock.now += seconds
    assert {k: v for k, v in states(registry).items() if v} == {"working": 7, "delivering": 1, "idle": 2}


def test_outcomes_are_counted_by_label_or_reason():
    registry = Registry()
    metrics = Metrics(registry)
    metrics.outcome(VERDICT)
    metrics.outcome(REJECTION)
    text = scrape(registry)
    assert 'stall_clips_total{outcome="stalled",reason=""} 1.0' in text
    assert 'stall_clips_total{outcome="rejected",reason="no_outline"} 1.0' in text
    assert 'stall_verdict_probability_bucket{le="0.95"} 1.0' in text
    assert 'stall_verdict_probability_bucket{le="0.9"} 0.0' in text


def test_a_clip_from_the_future_counts_as_zero_seconds_and_as_clock_skew():
    registry = Registry()
    Metrics(registry).end_to_end("captured", -5.0)
    text = scrape(registry)
    assert 'stall_clock_skew_total{origin="captured"} 1.0' in text
    assert 'stall_end_to_end_seconds_sum{origin="captured"} 0.0' in text


def test_gauges_and_counters_say_what_they_were_told():
    registry = Registry()
    metrics = Metrics(registry)
    metrics.stage("read", 0.06)
    metrics.in_flight(7, 1_000_000)
    metrics.oldest_unfinished(2.5)
    metrics.reader_restarted()
    metrics.assigned(4)
    metrics.rebalanced()
    metrics.delivery("committed", 40)
    metrics.engine_info(
        artifact="abc", kind="openvino", precision="fp32", spec="def", runtime="ov 2026.4", prevalence=0.3
    )
    metrics.worker_info(group="g", topic="t", delivery="exactly-once")
    metrics.references(9)
    metrics.waiting({"read": 3})
    metrics.capacity("score", 16)
    metrics.limits(clips=1024, bytes_=256)
    metrics.golden("logits", difference=3e-5, limit=1e-3)
    metrics.golden("pixels", difference=0, limit=2)
    text = scrape(registry)
    for line in (
        'stall_stage_duration_seconds_bucket{le="0.075",stage="read"} 1.0',
        "stall_inflight_clips 7.0",
        "stall_inflight_bytes 1e+06",
        "stall_oldest_unfinished_seconds 2.5",
        "stall_reader_restarts_total 1.0",
        "stall_assigned_partitions 4.0",
        "stall_rebalances_total 1.0",
        'stall_deliveries_total{result="committed"} 1.0',
        'stall_delivery_outcomes_total{result="committed"} 40.0',
        '{artifact="abc",kind="openvino",precision="fp32",prevalence="0.3",runtime="ov 2026.4",spec="def"} 1.0',
        'stall_worker_info{delivery="exactly-once",group="g",topic="t"} 1.0',
        "stall_references_total 9.0",
        'stall_stage_waiting_clips{stage="read"} 3.0',
        'stall_stage_waiting_clips{stage="score"} 0.0',
        'stall_stage_capacity{stage="score"} 16.0',
        "stall_inflight_clips_limit 1024.0",
        "stall_inflight_bytes_limit 256.0",
        'stall_golden_difference{of="logits"} 3e-05',
        'stall_golden_difference_limit{of="logits"} 0.001',
        'stall_golden_difference{of="pixels"} 0.0',
        'stall_golden_difference_limit{of="pixels"} 2.0',
    ):
        assert line in text
    assert re.search(r'stall_build_info\{version="\d', text)
    if Path("/proc").is_dir():
        assert "process_resident_memory_bytes" in text


def test_lag_is_told_of_the_partitions_that_were_named_last():
    registry = Registry()
    metrics = Metrics(registry)
    metrics.lag({Partition("t", 0): Lag(3, 1.5), Partition("t", 1): Lag(0, 0.0)})
    metrics.lag({Partition("t", 1): Lag(2, 4.0)})
    lines = [line for line in scrape(registry).splitlines() if line.startswith("stall_consumer_lag")]
    assert lines == [
        'stall_consumer_lag_messages{partition="1",topic="t"} 2.0',
        'stall_consumer_lag_seconds{partition="1",topic="t"} 4.0',
    ]
