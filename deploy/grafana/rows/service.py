"""What is promised and whether it is kept: the promise, traffic, latency, errors."""

from deploy.grafana.panels import BAD, ORANGE, Panel, Query, Row
from deploy.grafana.rows.queries import (
    GREY,
    GROUP,
    OUTCOMES,
    PERCENTILES,
    PURPLE,
    SKY,
    STAGES,
    WORKERS,
    growth,
    percentiles,
    rate,
)

REJECTED = 'outcome="rejected"'
BUDGET = f"last_over_time(stall:budget:ratio30d{{{GROUP}}}[10m])"
"""It is told each 5 minutes."""
BACKLOG = f"stall:lag_messages:sum{{{GROUP}}}"

PROMISE = Row(
    "The promise of the whole group: 99 of 100 outcomes within 60 s",
    (
        Panel(
            title="Firing",
            says="Alerts of the group, now. A page for each is folded away in the last row.",
            unit="none",
            kind="table",
            height=5,
            columns=("alertname", "severity"),
            nothing="No alert fires",
            queries=(Query(f'max by (alertname, severity) (ALERTS{{{GROUP},alertstate="firing"}})'),),
        ),
        Panel(
            title="Budget left",
            says="Of the outcomes that may be late in 30 days, the share that is left; below 0 the promise is broken.",
            unit="percentunit",
            kind="stat",
            width=4,
            at_least=0.1,
            nothing="Nobody tells",
            alert="StallSloBurn",
            queries=(Query(BUDGET),),
        ),
        Panel(
            title="Oldest reference",
            says="How long the oldest reference without an outcome has waited. At 10 minutes somebody is called.",
            unit="s",
            kind="stat",
            width=4,
            warn=60,
            limit=600,
            nothing="Nobody tells",
            alert="StallLag",
            queries=(Query(f"stall:lag_seconds:max{{{GROUP}}}"),),
        ),
        Panel(
            title="Backlog",
            says="References without an outcome.",
            unit="short",
            kind="stat",
            width=4,
            nothing="Nobody tells",
            queries=(Query(BACKLOG),),
        ),
        Panel(
            title="Time to drain",
            says="As the backlog has shrunk in the last 10 minutes. A day stands for longer, too.",
            unit="s",
            kind="stat",
            width=4,
            nothing="It doesn't shrink",
            queries=(Query(f"{BACKLOG} == 0 or clamp_max({BACKLOG} / (-deriv({BACKLOG}[10m]) > 0), 86400)"),),
        ),
        Panel(
            title="Late outcomes",
            says="Share of outcomes committed more than 60 s after their reference's append; 1 % may be. "
            "What is below 0.1 % is drawn there.",
            unit="percentunit",
            width=12,
            log=True,
            limit=0.01,
            top=1,
            alert="StallSloBurn",
            colours={"of 5 minutes": SKY, "of an hour": ORANGE},
            queries=(
                Query(f"clamp_min(stall:slow:ratio_rate5m{{{GROUP}}}, 0.001)", "of 5 minutes"),
                Query(f"clamp_min(stall:slow:ratio_rate1h{{{GROUP}}}, 0.001)", "of an hour"),
            ),
        ),
        Panel(
            title="Budget left, over time",
            says="A step down is an hour that was bad, or worse; it comes back 30 days later.",
            unit="percentunit",
            width=12,
            bottom=None,
            at_least=0.1,
            alert="StallSloBurn",
            colours={"left": SKY},
            queries=(Query(BUDGET, "left"),),
        ),
    ),
)

TRAFFIC = Row(
    "Traffic",
    (
        Panel(
            title="Outcomes",
            says="Committed a second, by verdict, or rejected.",
            unit="suffix:clips/s",
            stacked=True,
            colours=OUTCOMES,
            queries=(Query(rate("stall_clips_total", "outcome"), "{{outcome}}"),),
        ),
        Panel(
            title="References and outcomes",
            says="Read and committed a second; where they part, clips gather in the workers.",
            unit="suffix:clips/s",
            alert="StallNoOutcomes",
            colours={"references": SKY, "outcomes": ORANGE},
            queries=(
                Query(rate("stall_references_total"), "references"),
                Query(rate("stall_clips_total"), "outcomes"),
            ),
        ),
        Panel(
            title="Outcomes by worker",
            says="A worker that does less than others owns fewer partitions, or quieter ones.",
            unit="suffix:clips/s",
            queries=(Query(rate("stall_clips_total", "instance"), "{{instance}}"),),
        ),
    ),
)

LATENCY = Row(
    "Latency",
    (
        Panel(
            title="From append to outcome",
            says="Until the outcome was committed. Percentiles are read off buckets: 60 s is an edge of one.",
            unit="suffix:s",
            log=True,
            limit=60,
            alert="StallSloBurn",
            colours=PERCENTILES,
            queries=percentiles("stall_end_to_end_seconds", 'origin="appended"'),
        ),
        Panel(
            title="From capture to outcome",
            says="Only of references that say when the clip was captured.",
            unit="suffix:s",
            log=True,
            colours=PERCENTILES,
            queries=percentiles("stall_end_to_end_seconds", 'origin="captured"'),
        ),
        Panel(
            title="95 % of the clips pass a stage within",
            says="Waiting before a stage not included; deliver is a transaction of many outcomes.",
            unit="suffix:s",
            log=True,
            colours=STAGES,
            queries=(
                Query(
                    f"histogram_quantile(0.95, {rate('stall_stage_duration_seconds_bucket', 'le, stage')})",
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
            unit="suffix:clips/s",
            stacked=True,
            queries=(Query(f"{rate('stall_clips_total', 'reason', REJECTED)} > 0", "{{reason}}"),),
        ),
        Panel(
            title="Share of clips that are rejected",
            says="Above 5 % of half an hour's clips somebody is told.",
            unit="percentunit",
            limit=0.05,
            alert="StallDeadLetters",
            colours={"rejected": PURPLE},
            queries=(Query(f"{rate('stall_clips_total', more=REJECTED)} / {rate('stall_clips_total')}", "rejected"),),
        ),
        Panel(
            title="What went wrong and was done again",
            says="In 5 minutes: deliveries refused or unanswered, readers and workers that were started anew, clips "
            "from the future.",
            unit="short",
            alert="StallCrashLoop",
            colours={
                "deliveries refused": ORANGE,
                "deliveries unanswered": BAD,
                "readers restarted": SKY,
                "workers restarted": PURPLE,
                "from the future": GREY,
            },
            queries=(
                Query(growth("stall_deliveries_total", "result", 'result!="committed"'), "deliveries {{result}}"),
                Query(growth("stall_reader_restarts_total"), "readers restarted"),
                Query(f"sum (changes(process_start_time_seconds{{{WORKERS}}}[5m]))", "workers restarted"),
                Query(growth("stall_clock_skew_total"), "from the future"),
            ),
        ),
    ),
)
