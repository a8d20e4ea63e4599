"""What the workers do, and what limits them: saturation, and their part in Kafka's group."""

from deploy.grafana.panels import GOOD, ORANGE, Panel, Query, Row
from deploy.grafana.rows.queries import PURPLE, SKY, STAGES, STATES, WORKERS, growth, rate

SATURATION = Row(
    "Saturation",
    (
        Panel(
            title="What workers do",
            says="Shares of their time. backpressure: the window is full. outage: a store or Kafka is waited for.",
            unit="percentunit",
            stacked=True,
            top=1,
            colours=STATES,
            queries=(
                Query(
                    f"{rate('stall_worker_state_seconds_total', 'state')} "
                    f"/ scalar({rate('stall_worker_state_seconds_total')})",
                    "{{state}}",
                ),
            ),
        ),
        Panel(
            title="How full stages are",
            says="Clips in hand, on average, of those that can be: near 100 % it is this stage that limits.",
            unit="percentunit",
            top=1,
            colours=STAGES,
            queries=(
                Query(
                    f"{rate('stall_stage_duration_seconds_sum', 'stage')} "
                    f"/ sum by (stage) (stall_stage_capacity{{{WORKERS}}})",
                    "{{stage}}",
                ),
            ),
        ),
        Panel(
            title="Clips that wait for a stage",
            says="They gather in front of the stage that limits.",
            unit="short",
            stacked=True,
            colours=STAGES,
            queries=(Query(f"sum by (stage) (stall_stage_waiting_clips{{{WORKERS}}})", "{{stage}}"),),
        ),
        Panel(
            title="Windows",
            says="How full the fullest worker's window is: clips in flight, and bytes of them in memory.",
            unit="percentunit",
            top=1,
            colours={"clips": SKY, "bytes": ORANGE},
            queries=(
                Query(f"max (stall_inflight_clips{{{WORKERS}}} / stall_inflight_clips_limit)", "clips"),
                Query(f"max (stall_inflight_bytes{{{WORKERS}}} / stall_inflight_bytes_limit)", "bytes"),
            ),
        ),
        Panel(
            title="CPU",
            says="Cores used by each worker's own process; its readers' are on top.",
            unit="suffix:cores",
            queries=(Query(rate("process_cpu_seconds_total", "instance"), "{{instance}}"),),
        ),
        Panel(
            title="Memory",
            says="Resident, of each worker's own process; its readers' is on top.",
            unit="bytes",
            queries=(Query(f"process_resident_memory_bytes{{{WORKERS}}}", "{{instance}}"),),
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
            queries=(Query(f"sum by (partition) (stall_consumer_lag_messages{{{WORKERS}}})", "#{{partition}}"),),
        ),
        Panel(
            title="Seconds behind",
            says="Age of each partition's oldest reference without an outcome, and of the oldest that a worker has in "
            "hand: where that is much younger, references wait in Kafka.",
            unit="suffix:s",
            limit=600,
            alert="StallLag",
            queries=(
                Query(f"max by (partition) (stall_consumer_lag_seconds{{{WORKERS}}})", "#{{partition}}"),
                Query(f"max (stall_oldest_unfinished_seconds{{{WORKERS}}})", "in flight"),
            ),
        ),
        Panel(
            title="Members",
            says="Workers, the partitions that they own, and changes of these in 5 minutes.",
            unit="short",
            alert="StallTargetDown",
            colours={"workers": GOOD, "partitions owned": SKY, "rebalances": PURPLE},
            queries=(
                Query(f"count (stall_build_info{{{WORKERS}}})", "workers"),
                Query(f"sum (stall_assigned_partitions{{{WORKERS}}})", "partitions owned"),
                Query(growth("stall_rebalances_total"), "rebalances"),
            ),
        ),
    ),
)
