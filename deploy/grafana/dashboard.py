"""The dashboard: `python -m deploy.grafana.dashboard` writes stall.json, which is committed and provisioned."""

import json
from pathlib import Path
from typing import Any

from deploy.grafana.panels import Panel, Query, Row, panel_list

PATH = Path(__file__).with_name("stall.json")

OURS = 'job="$job"'
REJECTED = 'outcome="rejected"'
RATE = "[$__rate_interval]"


def _rate(metric: str, by: str = "", more: str = "") -> str:
    labels = ",".join(filter(None, (OURS, more)))
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{{{labels}}}{RATE}))"


def _quantiles(metric: str, more: str = "") -> tuple[Query, ...]:
    return tuple(
        Query(f"histogram_quantile({q}, {_rate(f'{metric}_bucket', 'le', more)})", f"p{round(100 * q)}")
        for q in (0.5, 0.95, 0.99)
    )


PROMISE = Row(
    "The promise: 99 of 100 outcomes within 60 s",
    (
        Panel(
            title="Late outcomes",
            says="Share of outcomes committed more than 60 s after their reference's append; 1 % may be.",
            unit="percentunit",
            limit=0.01,
            queries=(
                Query(f"stall:slow:ratio_rate5m{{{OURS}}}", "of 5 minutes"),
                Query(f"stall:slow:ratio_rate1h{{{OURS}}}", "of an hour"),
            ),
        ),
        Panel(
            title="Budget left",
            says="Of the outcomes that may be late in 30 days, the share that is left; below 0 the promise is broken.",
            unit="percentunit",
            kind="stat",
            width=4,
            at_least=0.1,
            queries=(Query(f"stall:budget:ratio30d{{{OURS}}}"),),
        ),
        Panel(
            title="Oldest reference",
            says="How long the oldest reference without an outcome has waited. At 10 minutes somebody is called.",
            unit="s",
            kind="stat",
            width=4,
            limit=600,
            queries=(Query(f"stall:lag_seconds:max{{{OURS}}}"),),
        ),
        Panel(
            title="Backlog",
            says="References without an outcome.",
            unit="short",
            kind="stat",
            width=4,
            queries=(Query(f"stall:lag_messages:sum{{{OURS}}}"),),
        ),
        Panel(
            title="Time to drain",
            says="As the backlog has shrunk in the last 10 minutes; nothing while it doesn't.",
            unit="s",
            width=4,
            queries=(
                Query(
                    f"stall:lag_messages:sum{{{OURS}}} / (-deriv(stall:lag_messages:sum{{{OURS}}}[10m]) > 0)",
                    "to drain",
                ),
            ),
        ),
    ),
)

TRAFFIC = Row(
    "Traffic",
    (
        Panel(
            title="Outcomes",
            says="Committed a second, by verdict, or rejected.",
            unit="reqps",
            stacked=True,
            queries=(Query(_rate("stall_clips_total", "outcome"), "{{outcome}}"),),
        ),
        Panel(
            title="References and outcomes",
            says="Read and committed a second; where they part, clips gather in the workers.",
            unit="reqps",
            queries=(
                Query(_rate("stall_references_total"), "references"),
                Query(_rate("stall_clips_total"), "outcomes"),
            ),
        ),
        Panel(
            title="Outcomes by worker",
            says="A worker that does less than others owns fewer partitions, or quieter ones.",
            unit="reqps",
            queries=(Query(_rate("stall_clips_total", "instance"), "{{instance}}"),),
        ),
    ),
)

LATENCY = Row(
    "Latency",
    (
        Panel(
            title="From append to outcome",
            says="Until the outcome was committed. Percentiles are read off buckets: 60 s is an edge of one.",
            unit="s",
            limit=60,
            queries=_quantiles("stall_end_to_end_seconds", 'origin="appended"'),
        ),
        Panel(
            title="From capture to outcome",
            says="Only of references that say when the clip was captured.",
            unit="s",
            queries=_quantiles("stall_end_to_end_seconds", 'origin="captured"'),
        ),
        Panel(
            title="95 % of the clips pass a stage within",
            says="Waiting before a stage not included; deliver is a transaction of many outcomes.",
            unit="s",
            queries=(
                Query(
                    f"histogram_quantile(0.95, {_rate('stall_stage_duration_seconds_bucket', 'le, stage')})",
                    "{{stage}}",
                ),
            ),
        ),
    ),
)

ERRORS = Row(
    "Errors and dead letters",
    (
        Panel(
            title="Rejections",
            says="A second, by reason; each is a dead letter, and requeue sends it back.",
            unit="reqps",
            stacked=True,
            queries=(Query(f"{_rate('stall_clips_total', 'reason', REJECTED)} > 0", "{{reason}}"),),
        ),
        Panel(
            title="Share of clips that are rejected",
            says="Above 5 % of half an hour's clips somebody is told.",
            unit="percentunit",
            limit=0.05,
            queries=(
                Query(
                    f"{_rate('stall_clips_total', more=REJECTED)} / {_rate('stall_clips_total')}",
                    "rejected",
                ),
            ),
        ),
        Panel(
            title="What went wrong and was done again",
            says="In 5 minutes: deliveries refused or unanswered, readers that died, clips from the future.",
            unit="short",
            queries=(
                Query(
                    f'sum by (result) (increase(stall_deliveries_total{{{OURS},result!="committed"}}[5m]))',
                    "deliveries {{result}}",
                ),
                Query(f"sum (increase(stall_reader_restarts_total{{{OURS}}}[5m]))", "readers restarted"),
                Query(f"sum (increase(stall_clock_skew_total{{{OURS}}}[5m]))", "from the future"),
            ),
        ),
    ),
)

SATURATION = Row(
    "Saturation",
    (
        Panel(
            title="What workers do",
            says="Shares of their time. backpressure: the window is full. outage: a store or Kafka is waited for.",
            unit="percentunit",
            stacked=True,
            top=1,
            queries=(
                Query(
                    f"{_rate('stall_worker_state_seconds_total', 'state')} "
                    f"/ scalar({_rate('stall_worker_state_seconds_total')})",
                    "{{state}}",
                ),
            ),
        ),
        Panel(
            title="How full stages are",
            says="Clips in hand, on average, of those that can be: near 1 it is this stage that limits.",
            unit="percentunit",
            top=1,
            queries=(
                Query(
                    f"{_rate('stall_stage_duration_seconds_sum', 'stage')} "
                    f"/ sum by (stage) (stall_stage_capacity{{{OURS}}})",
                    "{{stage}}",
                ),
            ),
        ),
        Panel(
            title="Clips that wait for a stage",
            says="They gather in front of the stage that limits.",
            unit="short",
            stacked=True,
            queries=(Query(f"sum by (stage) (stall_stage_waiting_clips{{{OURS}}})", "{{stage}}"),),
        ),
        Panel(
            title="Windows",
            says="How full the fullest worker's window is: clips in flight, and bytes of them in memory.",
            unit="percentunit",
            queries=(
                Query(f"max (stall_inflight_clips{{{OURS}}} / stall_inflight_clips_limit)", "clips"),
                Query(f"max (stall_inflight_bytes{{{OURS}}} / stall_inflight_bytes_limit)", "bytes"),
            ),
        ),
        Panel(
            title="CPU",
            says="Cores used by each worker's own process; its readers' are on top.",
            unit="short",
            queries=(Query(_rate("process_cpu_seconds_total", "instance"), "{{instance}}"),),
        ),
        Panel(
            title="Memory",
            says="Resident, of each worker's own process; its readers' is on top.",
            unit="bytes",
            queries=(Query(f"process_resident_memory_bytes{{{OURS}}}", "{{instance}}"),),
        ),
    ),
)

KAFKA = Row(
    "Kafka",
    (
        Panel(
            title="References behind",
            says="By partition, as its owner tells. One alone: its keys are hot, or its first clip takes long.",
            unit="short",
            queries=(Query(f"sum by (partition) (stall_consumer_lag_messages{{{OURS}}})", "{{partition}}"),),
        ),
        Panel(
            title="Seconds behind",
            says="Age of each partition's oldest reference without an outcome.",
            unit="s",
            limit=600,
            queries=(Query(f"max by (partition) (stall_consumer_lag_seconds{{{OURS}}})", "{{partition}}"),),
        ),
        Panel(
            title="Members",
            says="Workers, the partitions that they own, and changes of these in 5 minutes.",
            unit="short",
            queries=(
                Query(f"count (stall_build_info{{{OURS}}})", "workers"),
                Query(f"sum (stall_assigned_partitions{{{OURS}}})", "partitions owned"),
                Query(f"sum (increase(stall_rebalances_total{{{OURS}}}[5m]))", "rebalances"),
            ),
        ),
    ),
)

SCIENCE = Row(
    "Science",
    (
        Panel(
            title="Share of stalled clips",
            says="Of an hour's verdicts, between three sigmas around the week's mean. Outside, the input or the model "
            "has changed.",
            unit="percentunit",
            queries=(
                Query(f"stall:stalled:ratio1h{{{OURS}}}", "stalled"),
                Query(f"stall:stalled:mean7d{{{OURS}}}", "mean of the week"),
                Query(f"stall:stalled:mean7d{{{OURS}}} + 3 * stall:stalled:sigma{{{OURS}}}", "upper limit"),
                Query(
                    f"clamp_min(stall:stalled:mean7d{{{OURS}}} - 3 * stall:stalled:sigma{{{OURS}}}, 0)", "lower limit"
                ),
            ),
        ),
        Panel(
            title="Probability of being stalled",
            says="Verdicts in each band. All moved: another prevalence or artifact. A second hump: other clips.",
            unit="none",
            kind="heatmap",
            queries=(Query(f"sum by (le) (increase(stall_verdict_probability_bucket{{{OURS}}}{RATE}))", "{{le}}"),),
        ),
        Panel(
            title="Clips that show no vessel to judge",
            says="Of an hour's clips, by what they lack: what is recorded or drawn upon otherwise shows here.",
            unit="percentunit",
            queries=(
                Query(
                    f"sum by (reason) (increase(stall_clips_total{{{OURS},"
                    'reason=~"no_outline|unusable|too_short|damaged"}[1h]))'
                    f" / scalar(stall:outcomes:increase1h{{{OURS}}})",
                    "{{reason}}",
                ),
            ),
        ),
    ),
)

IDENTITY = Row(
    "Identity",
    (
        Panel(
            title="Who judges by what",
            says="Each worker's artifact and spec as in its verdicts, prevalence, runtime, version and group.",
            unit="none",
            kind="table",
            width=16,
            queries=(
                Query(
                    f"stall_engine_info{{{OURS}}} * on (job, instance) group_left (group, topic, delivery) "
                    "stall_worker_info * on (job, instance) group_left (version) stall_build_info"
                ),
            ),
        ),
        Panel(
            title="How far golden clips were off at the start",
            says="Of what is allowed; a worker beyond 1 doesn't start. Near 1, a library was changed.",
            unit="percentunit",
            limit=1,
            queries=(
                Query(
                    f"max by (instance, of) (stall_golden_difference{{{OURS}}} / stall_golden_difference_limit)",
                    "{{of}} {{instance}}",
                ),
            ),
        ),
    ),
)

ROWS = (PROMISE, TRAFFIC, LATENCY, ERRORS, SATURATION, KAFKA, SCIENCE, IDENTITY)


def dashboard() -> dict[str, Any]:
    """As Grafana's import and its provisioning take it."""
    source = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    job = {
        "name": "job",
        "label": "Group",
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "query": {"query": "label_values(stall_build_info, job)", "refId": "jobs"},
        "refresh": 2,
        "sort": 1,
    }
    return {
        "uid": "stall-stream",
        "title": "Stall Stream",
        "description": "Workers that judge clips of Stall Catchers.",
        "tags": ["stall-stream"],
        "schemaVersion": 41,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [source, job]},
        "annotations": {"list": []},
        "panels": panel_list(ROWS),
    }


def text() -> str:
    """Of the file."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(text())
