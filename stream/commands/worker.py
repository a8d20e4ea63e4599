"""`python -m stream worker`: judges clips as a member of the group."""

import logging

from stream.broker.at_least_once import AtLeastOnce
from stream.broker.cluster import Cluster
from stream.broker.exactly_once import ExactlyOnce
from stream.broker.joining import KafkaOptions
from stream.broker.kafka import KafkaBroker
from stream.broker.limits import message_limit_bytes
from stream.broker.rights import require_rights, require_transactions, worker_rights
from stream.broker.start import settle_start
from stream.broker.watchdog import end_process, leave_process
from stream.commands import start_log
from stream.commands.cluster import cluster_of, create_all_topics, transactions_rights_of
from stream.commands.scoring import open_scoring
from stream.commands.sources import source_options
from stream.fetch import open_sources
from stream.logs import last_line
from stream.messages import MESSAGE_LIMIT_BYTES, OutcomeTopics
from stream.metrics import Metrics, Registry
from stream.ops import OpsServer
from stream.processes.interrupts import drain_on_signals
from stream.scoring.scorer import Scorer
from stream.settings import WorkerSettings
from stream.worker.clock import Clock
from stream.worker.loop import Worker, WorkerOptions
from stream.worker.rejections import RejectionLimit
from stream.worker.window import Token, Window

log = logging.getLogger("stream")


def run(settings: WorkerSettings) -> int:
    """Judges clips as a member of the group; SIGTERM or Ctrl-C drains it, a second one ends it at once."""
    start_log(settings)
    sources = open_sources(settings.allow, source_options(settings, connections=settings.fetches))
    registry = Registry()
    metrics = Metrics(registry)
    with open_scoring(settings, sources, metrics) as parts:
        member = _worker(settings, parts.scorer, metrics)
        live = {"worker": member.live, "readers": parts.readers.live}
        ready = {"worker": member.ready}
        with OpsServer(registry, host=settings.ops_host, port=settings.ops_port, live=live, ready=ready) as ops:

            def end(reason: str) -> None:
                if outage := member.outage:  # asked for once: it may pass meanwhile
                    said = f"stall-stream: {outage}; what was in hand is left to others"
                    leave_process(last_line(said, form=settings.log_format), member.exit_code)
                end_process(reason)

            drain_on_signals(member.request_stop, drain_s=settings.drain_s, end=end)
            log.info(
                "artifact %s, %d readers, group %s, %s; http://%s:%d/metrics",
                parts.artifact.digest,
                parts.readers.size,
                settings.group,
                settings.delivery,
                settings.ops_host,
                ops.port,
            )
            return member.run()


def _worker(settings: WorkerSettings, scorer: Scorer[Token], metrics: Metrics) -> Worker:
    cluster, outputs = cluster_of(settings), (settings.verdicts_topic, settings.dead_letters_topic)
    broker = _broker(settings, cluster, outputs)
    options = WorkerOptions(
        topics=OutcomeTopics(
            verdicts=settings.verdicts_topic,
            dead_letters=settings.dead_letters_topic,
            message_limit_bytes=min(MESSAGE_LIMIT_BYTES, message_limit_bytes(cluster, outputs) or MESSAGE_LIMIT_BYTES),
        ),
        rejections=RejectionLimit(in_a_row=settings.rejections_in_a_row, share=settings.rejections_share),
        drain_s=settings.drain_s,
    )
    window = Window(clips=settings.clips_in_window, clips_per_partition=settings.clips_per_partition)
    metrics.worker_info(group=settings.group, topic=settings.clips_topic, delivery=settings.delivery)
    metrics.limits(clips=settings.clips_in_window, bytes_=settings.held_mib * 2**20)
    return Worker(broker, scorer, window, Clock(), metrics, options)


def _broker(settings: WorkerSettings, cluster: Cluster, outputs: tuple[str, str]) -> KafkaBroker:
    if settings.create_topics:
        for name, sentence in create_all_topics(settings).items():
            log.info("topic %s: %s", name, sentence)
    rights = worker_rights(group=settings.group, topic=settings.clips_topic, output_topics=outputs)
    transactions = transactions_rights_of(settings)
    require_rights(cluster, (*rights, *transactions))
    for right in transactions:
        require_transactions(cluster, right)
    settle_start(cluster, group=settings.group, topic=settings.clips_topic, output_topics=outputs, start=settings.start)
    options = KafkaOptions(
        cluster=cluster,
        group=settings.group,
        topic=settings.clips_topic,
        output_topics=outputs,
        slot=settings.slot,
        session_timeout_s=settings.session_timeout_s,
    )
    return KafkaBroker(options, delivery=ExactlyOnce if transactions else AtLeastOnce)
