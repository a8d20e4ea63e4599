"""What scientists ask: whether the verdicts are as they were, and who judges by what."""

from deploy.grafana.panels import BAD, ORANGE, Panel, Query, Row
from deploy.grafana.rows.queries import GREY, GROUP, RATE, SKY, WORKERS

MEAN, SIGMA = f"stall:stalled:mean7d{{{GROUP}}}", f"stall:stalled:sigma{{{GROUP}}}"

SCIENCE = Row(
    "Science, of the whole group",
    (
        Panel(
            title="Share of stalled clips",
            says="Of an hour's verdicts, between three sigmas around the week's mean. Outside, the input or the model "
            "has changed.",
            unit="percentunit",
            alert="StallRate",
            colours={"stalled": BAD, "mean of the week": GREY, "upper limit": SKY, "lower limit": SKY},
            dashed=("mean of the week", "upper limit", "lower limit"),
            queries=(
                Query(f"stall:stalled:ratio1h{{{GROUP}}}", "stalled"),
                Query(MEAN, "mean of the week"),
                Query(f"{MEAN} + 3 * {SIGMA}", "upper limit"),
                Query(f"clamp_min({MEAN} - 3 * {SIGMA}, 0)", "lower limit"),
            ),
        ),
        Panel(
            title="Probability of being stalled",
            says="Verdicts in each band, up to the number at its side. All moved: another prevalence or artifact. "
            "A second hump: other clips.",
            unit="none",
            kind="heatmap",
            queries=(
                Query(
                    f'sum by (le) (increase(stall_verdict_probability_bucket{{{GROUP},le!="+Inf"}}{RATE}))', "{{le}}"
                ),
            ),
        ),
        Panel(
            title="Clips that show no vessel to judge",
            says="Of an hour's clips, by what they lack: what is recorded or drawn upon otherwise shows here.",
            unit="percentunit",
            queries=(
                Query(
                    f"sum by (reason) (increase(stall_clips_total{{{GROUP},"
                    'reason=~"no_outline|unusable|too_short|damaged"}[1h]))'
                    f" / scalar(stall:outcomes:increase1h{{{GROUP}}})",
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
            width=24,
            height=6,
            alert="StallEngineMismatch",
            columns=(
                "instance",
                "group",
                "version",
                "artifact",
                "spec",
                "prevalence",
                "kind",
                "precision",
                "runtime",
                "topic",
                "delivery",
            ),
            nothing="No worker tells",
            queries=(
                Query(
                    f"stall_engine_info{{{WORKERS}}} * on (job, instance) group_left (group, topic, delivery) "
                    "stall_worker_info * on (job, instance) group_left (version) stall_build_info"
                ),
            ),
        ),
        Panel(
            title="Workers by artifact and prevalence",
            says="An update is where one gives way to the next; after half an hour of two somebody is told.",
            unit="short",
            stacked=True,
            alert="StallEngineMismatch",
            queries=(
                Query(
                    f"count by (artifact, prevalence) (stall_engine_info{{{WORKERS}}})",
                    "{{artifact}} at {{prevalence}}",
                ),
            ),
        ),
        Panel(
            title="Workers by version",
            says="Of the software.",
            unit="short",
            stacked=True,
            queries=(Query(f"count by (version) (stall_build_info{{{WORKERS}}})", "{{version}}"),),
        ),
        Panel(
            title="How far golden clips were off at the start",
            says="Of what is allowed, of the worker that is off most; beyond 100 % none starts. Near it, a library was "
            "changed.",
            unit="percentunit",
            limit=1,
            colours={"logits": SKY, "pixels": ORANGE},
            queries=(
                Query(f"max by (of) (stall_golden_difference{{{WORKERS}}} / stall_golden_difference_limit)", "{{of}}"),
            ),
        ),
    ),
)
