"""`python -m stream COMMAND`: the one place where parts are built and joined.

What a command doesn't use isn't imported: `schema` starts without OpenVINO, `score` without Kafka.
"""
# ruff: noqa: T201, PLC0415 - commands print, and import only what they use

from stream.interrupts import drain_on_signals, end_in_order, end_silently

if __name__ == "__main__":
    end_silently()

import json
import logging
import random
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stream.cli import Command, main
from stream.errors import UserError
from stream.logs import log_to_stderr
from stream.settings import (
    AuditSettings,
    ConnectionSettings,
    DemoSettings,
    DlqShowSettings,
    KafkaSettings,
    LettersSettings,
    ModelSettings,
    OutcomesSettings,
    ProduceSettings,
    ReportSettings,
    RequeueSettings,
    SchemaSettings,
    ScoreSettings,
    SkipSettings,
    TopicsSettings,
    WorkerSettings,
)

if TYPE_CHECKING:
    from stream.audit import Topics
    from stream.broker.cluster import Cluster
    from stream.broker.kafka import KafkaBroker
    from stream.broker.writing import Writer
    from stream.engine.artifact import Artifact
    from stream.fetch import Source, SourceOptions
    from stream.journal import Journal, Names
    from stream.letters import Selection
    from stream.metrics import Metrics
    from stream.outcomes import Judge
    from stream.readers import Readers
    from stream.records import ClipReference, Outcome
    from stream.score import NamedClip
    from stream.scorer import Scorer
    from stream.window import Token
    from stream.worker import Worker

log = logging.getLogger("stream")


def kafka(settings: KafkaSettings) -> int:
    """Runs the embedded broker."""
    from stream.embedded import run_kafka

    return run_kafka(
        folder=settings.data,
        port=settings.port or None,
        fetch_only=settings.fetch_only,
        say=lambda line: print(line, flush=True),
    )


def topics(settings: TopicsSettings) -> int:
    """Creates the topics."""
    log_to_stderr(settings.log_level, secrets=settings.secrets, form=settings.log_format)
    for name, sentence in _create_topics(settings).items():
        print(f"{name}: {sentence}")
    return 0


def _create_topics(settings: TopicsSettings) -> Mapping[str, str]:
    from stream.broker.topics import FOR_EVER_MS, Topic, create_topics

    partitions, replication = settings.partitions, settings.replication
    kept_ms = None if settings.retention_days is None else int(settings.retention_days * 86_400_000)
    wanted = [
        Topic(settings.clips_topic, partitions, replication, kept_ms),
        Topic(settings.verdicts_topic, partitions, replication, FOR_EVER_MS),
        Topic(settings.dead_letters_topic, partitions, replication, FOR_EVER_MS),
    ]
    return create_topics(_cluster(settings), wanted)


def produce(settings: ProduceSettings) -> int:
    """Sends references, from where an earlier run was stopped."""
    from stream.broker.topics import topic_id
    from stream.journal import Journal, Names, Owner, Rows, journal_beside
    from stream.produce import count, open_source

    log_to_stderr(settings.log_level, secrets=settings.secrets, form=settings.log_format)
    source = open_source(settings.source, metadata=settings.metadata, root=settings.root)
    total = None if settings.follow else count(source)
    cluster = _cluster(settings)
    named = settings.metadata or settings.source
    assert named is not None
    folder = named.resolve() if named.is_dir() else None
    owner = Owner(settings.clips_topic, topic_id(cluster, settings.clips_topic), str(folder) if folder else None)
    names = Names()
    with Journal(settings.journal or journal_beside(named), owner, names if folder else Rows()) as journal:
        if total is None:
            assert folder is not None
            return _send_what_comes(settings, cluster, journal, folder, known=names)
        return _send(settings, cluster, journal, source(), total=total)


def _send(
    settings: ProduceSettings,
    cluster: "Cluster",
    journal: "Journal",
    references: "Iterator[ClipReference]",
    *,
    total: int,
) -> int:
    from stream.broker.writing import Writer
    from stream.show import Bar

    before = journal.count
    left = journal.left(references)
    first = next(left, None)
    if first is None:
        print(f"all {total} were sent already; to send them again, delete {journal.path}, or give another --journal")
        return 0
    try:
        with Bar("references acknowledged", total=total) as bar:
            bar.advance(min(before, total))  # files may have gone since

            def delivered(more: int) -> None:
                journal.acknowledged(more)
                bar.advance(more)

            with Writer(cluster, delivered=delivered) as writer:
                _write(settings, writer, chain([first], left))
    except (KeyboardInterrupt, SystemExit):
        print(f"stopped at {journal.count} of {total}; the same command goes on from there", file=sys.stderr)
        raise
    earlier = f" ({before} of them earlier)" if before else ""
    print(f"{journal.count} references acknowledged by Kafka in {settings.clips_topic}{earlier}")
    return 0


def _send_what_comes(
    settings: ProduceSettings, cluster: "Cluster", journal: "Journal", folder: Path, *, known: "Names"
) -> int:
    from stream.broker.writing import Writer
    from stream.follow import Folder, follow

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the way that this is meant to end
    before = journal.count
    try:
        with Writer(cluster, delivered=journal.acknowledged) as writer:
            log.info("watching %s; Ctrl-C ends it", folder)
            for references in follow(Folder(folder, known)):
                sent = journal.count
                _write(settings, writer, journal.left(references))
                writer.flush()
                if journal.count > sent:
                    log.info("%d more references acknowledged by Kafka", journal.count - sent)
    except KeyboardInterrupt:
        print(f"{journal.count - before} references acknowledged by Kafka in {settings.clips_topic}")
    return 0


def _write(settings: ProduceSettings, writer: "Writer", references: "Iterator[ClipReference]") -> None:
    from stream.broker.contract import Message
    from stream.produce import paced

    for reference in paced(references, rate=settings.rate) if settings.rate else references:
        writer.write(Message(settings.clips_topic, reference.clip_id.encode(), reference.to_json()))


def audit(settings: AuditSettings) -> int:
    """Proves delivery: exit code 0 if it holds and nothing is pending or unproven, else 1."""
    from rich.console import Console

    from stream.audit import Scope, audit, audit_until_settled, has_passed
    from stream.broker.topics import require_topics
    from stream.extent import Extent, parse_offsets
    from stream.ledger import Audit
    from stream.show import Bar, show_audit

    log_to_stderr(settings.log_level, secrets=settings.secrets, form=settings.log_format)
    extent = Extent(offsets=parse_offsets(settings.offsets), since=settings.since, until=settings.until)
    scope = Scope(extent=extent, late_after_s=settings.late_after_s)
    cluster, names = _cluster(settings), _topics(settings)
    require_topics(cluster, [names.clips, names.verdicts, names.dead_letters])
    with Bar("references with an outcome") as bar:

        def told(result: Audit) -> None:
            bar.reach(result.references - result.pending, result.references)

        result = audit_until_settled(
            lambda: audit(cluster, names, scope),
            has_passed=lambda: has_passed(cluster, names),
            wait_s=settings.wait_s,
            told=told,
        )
    if settings.as_json:
        print(json.dumps(asdict(result)))
    else:
        show_audit(Console(), result)
    return 0 if result.complete else 1


def report(settings: ReportSettings) -> int:
    """Shows what came of the references: exit code 0 if delivery holds, pending or not, else 1."""
    from rich.console import Console

    from stream.expectations import read_expectations
    from stream.report import report
    from stream.show import show_report

    log_to_stderr(settings.log_level, secrets=settings.secrets, form=settings.log_format)
    expectations = read_expectations(settings.labels, settings.expected_rejections)
    result = report(_cluster(settings), _topics(settings), expectations=expectations)
    if settings.as_json:
        print(json.dumps(result.summary()))
    else:
        show_report(Console(), result)
    return 0 if result.audit.holds else 1


def dlq_show(settings: DlqShowSettings) -> int:
    """Prints dead letters in full."""
    from itertools import islice

    from stream.letters import read_letters
    from stream.render import letter_json, letter_lines

    log_to_stderr(settings.log_level, secrets=settings.secrets, form=settings.log_format)
    found = read_letters(_cluster(settings), settings.dead_letters_topic, _selection(settings))
    with closing(found) as letters:
        for letter in islice(letters, settings.limit):
            if settings.as_json:
                print(json.dumps(letter_json(letter)))
            else:
                print(*letter_lines(letter), "", sep="\n")
    return 0


def requeue(settings: RequeueSettings) -> int:
    """Sends dead letters back."""
    from stream.messages import OutcomeTopics
    from stream.render import letter_line
    from stream.requeue import requeue, sentences

    log_to_stderr(settings.log_level, secrets=settings.secrets, form=settings.log_format)
    selection = _selection(settings)
    if selection.is_limited == settings.all_letters:
        named = "some are named, too" if settings.all_letters else "it isn't said which"
        raise UserError(f"{named}: give --reason, --clip-id, --since or --until, or nothing but --all")
    outcomes = OutcomeTopics(verdicts=settings.verdicts_topic, dead_letters=settings.dead_letters_topic)
    done = requeue(
        _cluster(settings),
        settings.clips_topic,
        outcomes,
        selection,
        dry_run=settings.dry_run,
        told=lambda letter: None if settings.as_json else print(letter_line(letter)),
    )
    if settings.as_json:
        print(json.dumps({"dry_run": settings.dry_run, "sent": done.sent, "left": done.left}))
    else:
        print(*sentences(done, dry_run=settings.dry_run), sep="\n")
    return 0


def skip(settings: SkipSettings) -> int:
    """Has a reference rejected unseen."""
    from stream.records import Partition
    from stream.render import record_lines
    from stream.skip import find_record, skip

    log_to_stderr(settings.log_level, secrets=settings.secrets, form=settings.log_format)
    cluster = _cluster(settings)
    record = find_record(cluster, Partition(settings.clips_topic, settings.partition), settings.offset)
    print(*record_lines(record), "", sep="\n")
    done = skip(cluster, settings.group, record)
    again = " (as was said before)" if done.before else ""
    print(f"{record.source.place} will be a dead letter, unseen, once a worker of {settings.group!r} is there{again}")
    return 0


def worker(settings: WorkerSettings) -> int:
    """Judges clips as a member of the group; SIGTERM or Ctrl-C drains it, a second one ends it at once."""
    from stream.broker.watchdog import end_process, leave_process
    from stream.fetch import open_sources
    from stream.metrics import Metrics, Registry
    from stream.ops import OpsServer

    log_to_stderr(settings.log_level, secrets=settings.secrets, form=settings.log_format)
    sources = open_sources(settings.allow, _source_options(settings))
    registry = Registry()
    metrics = Metrics(registry)
    with _scoring(settings, sources, metrics) as parts:
        member = _worker(settings, parts.scorer, metrics)
        live = {"worker": member.live, "readers": parts.readers.live}
        ready = {"worker": member.ready}
        with OpsServer(registry, host=settings.ops_host, port=settings.ops_port, live=live, ready=ready) as ops:

            def end(reason: str) -> None:
                if outage := member.outage:  # asked for once: it may pass meanwhile
                    leave_process(f"{outage}; what was in hand is left to others", member.exit_code)
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


def _worker(settings: WorkerSettings, scorer: "Scorer[Token]", metrics: "Metrics") -> "Worker":
    from stream.broker.limits import message_limit_bytes
    from stream.clock import Clock
    from stream.messages import MESSAGE_LIMIT_BYTES, OutcomeTopics
    from stream.rejections import RejectionLimit
    from stream.window import Window
    from stream.worker import Worker, WorkerOptions

    cluster, outputs = _cluster(settings), (settings.verdicts_topic, settings.dead_letters_topic)
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


def _broker(settings: WorkerSettings, cluster: "Cluster", outputs: tuple[str, str]) -> "KafkaBroker":
    from stream.broker.at_least_once import AtLeastOnce
    from stream.broker.exactly_once import ExactlyOnce
    from stream.broker.kafka import KafkaBroker, KafkaOptions
    from stream.broker.rights import require_rights, transactions_right, worker_rights
    from stream.broker.start import settle_start

    if settings.create_topics:
        for name, sentence in _create_topics(settings).items():
            log.info("topic %s: %s", name, sentence)
    once = settings.delivery == "exactly-once"
    rights = worker_rights(group=settings.group, topic=settings.clips_topic, output_topics=outputs)
    more = [transactions_right(group=settings.group, slot=settings.slot)] if once else []
    require_rights(cluster, [*rights, *more])
    settle_start(cluster, group=settings.group, topic=settings.clips_topic, output_topics=outputs, start=settings.start)
    options = KafkaOptions(
        cluster=cluster,
        group=settings.group,
        topic=settings.clips_topic,
        output_topics=outputs,
        slot=settings.slot,
        session_timeout_s=settings.session_timeout_s,
    )
    return KafkaBroker(options, delivery=ExactlyOnce if once else AtLeastOnce)


def score(settings: ScoreSettings) -> int:
    """Judges files: exit code 0 even if all are rejected, for a rejection is an outcome."""
    from rich.console import Console

    from stream.records import Rejection
    from stream.score import find_clips, given_clip
    from stream.show import show_outcomes

    log_to_stderr(settings.log_level, secrets=settings.secrets, form=settings.log_format)
    clips = find_clips(settings.paths) if settings.paths else []
    if settings.reference is not None:
        clips.append(given_clip(settings.reference))
    if settings.out is not None:
        return _score_to(settings, settings.out, clips)
    outcomes, rejected = [], 0
    with _scoring_named(settings, clips) as parts:
        for outcome in _scored(parts, clips):
            rejected += isinstance(outcome, Rejection)
            if settings.as_json:
                print(outcome.model_dump_json(), flush=True)
            else:
                outcomes.append(outcome)
    if not settings.as_json:
        show_outcomes(Console(), outcomes)
    print(f"{len(clips)} clips, {rejected} of them rejected; {parts.said}", file=sys.stderr)
    return 0


def _score_to(settings: ScoreSettings, out: Path, clips: "list[NamedClip]") -> int:
    from stream.outcomefile import OutcomeFile

    with OutcomeFile(out, resume=settings.resume) as kept, _scoring_named(settings, clips) as parts:
        kept.require(parts.judge)
        left = list(kept.without_outcome(clips))
        for outcome in _scored(parts, left):
            kept.add(outcome)
    earlier = len(clips) - len(left)
    had = f", {earlier} of them had their outcome already" if earlier else ""
    print(f"{len(clips)} clips{had}, {kept.rejections} rejected in {out}; {parts.said}", file=sys.stderr)
    return 0


@contextmanager
def _scoring_named(settings: ScoreSettings, clips: "Iterable[NamedClip]") -> "Iterator[_Scoring]":
    from stream.fetch import named_sources
    from stream.metrics import Metrics, Registry

    sources = named_sources((clip.uri for clip in clips), _source_options(settings))
    with _scoring(settings, sources, Metrics(Registry())) as parts:
        yield parts


def _scored(parts: "_Scoring", clips: "list[NamedClip]") -> "Iterator[Outcome]":
    """Their outcomes, with a bar that shows how many there are."""
    from stream.score import score
    from stream.show import Bar

    with Bar("clips", total=len(clips)) as bar:
        for outcome in score(clips, parts.scorer):
            bar.advance(1)
            yield outcome


def demo(settings: DemoSettings) -> int:
    """Plays the demo."""
    from rich.console import Console

    from stream.children import ChildFailedError
    from stream.demo import DemoOptions, run_demo

    options = DemoOptions(
        clips=settings.clips,
        workers=settings.workers,
        seed=settings.seed,
        artifact=settings.artifact,
        folder=settings.folder,
        keep=settings.keep,
    )
    console = Console(highlight=False, soft_wrap=True)
    try:
        run_demo(options, say=lambda line: console.print(line, style="bold", markup=False))
    except ChildFailedError as failure:
        print(f"python -m stream demo: {failure}", file=sys.stderr)
        return 1
    return 0


def schema(settings: SchemaSettings) -> int:
    """Prints JSON Schema."""
    from stream.schema import json_schema, json_schemas

    print(json.dumps(json_schema(settings.record) if settings.record else json_schemas(), indent=2))
    return 0


def _cluster(settings: ConnectionSettings) -> "Cluster":
    from stream.broker.cluster import Cluster, parse_options

    return Cluster(
        settings.bootstrap,
        options=parse_options(settings.kafka_texts()),
        connect_timeout_s=settings.connect_timeout_s,
    )


@dataclass(frozen=True, slots=True)
class _Scoring:
    """A scorer and what it was made of."""

    scorer: "Scorer[Any]"
    readers: "Readers"
    artifact: "Artifact"
    judge: "Judge"

    @property
    def said(self) -> str:
        """What judges."""
        return f"artifact {self.artifact.digest} at a prevalence of {self.judge.rule.prevalence:g}"


def _source_options(settings: ModelSettings) -> "SourceOptions":
    from stream.fetch import Patience, S3Access, SourceOptions

    access = S3Access(
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        unsigned=settings.s3_unsigned,
        virtual_hosted=settings.s3_virtual_hosted,
    )
    return SourceOptions(s3=access, patience=Patience.of(settings.fetch_timeout_s), connections=settings.fetches)


@contextmanager
def _scoring(settings: ModelSettings, sources: "Mapping[str, Source]", metrics: "Metrics") -> "Iterator[_Scoring]":
    """Fetcher, readers and engine joined; closed in the end."""
    from stream.backoff import Backoff
    from stream.cpus import usable_cpus
    from stream.engine.artifact import default_artifact_path, load_artifact
    from stream.engine.golden import check_golden
    from stream.engine.open import open_engine
    from stream.fetch import Fetcher
    from stream.outcomes import Judge
    from stream.readers import Readers
    from stream.scorer import Scorer, ScorerOptions

    artifact = load_artifact(settings.artifact or default_artifact_path())
    rule, spec, cpus = artifact.manifest.rule, artifact.manifest.spec, usable_cpus()
    judge = Judge(
        rule.at_prevalence(settings.prevalence) if settings.prevalence else rule, artifact.digest, spec.digest
    )
    options = ScorerOptions(fetches=settings.fetches, held_bytes=settings.held_mib * 2**20)
    with (
        Readers(  # first: its fork server must not inherit threads, connections or secrets
            spec,
            processes=settings.readers or cpus,
            deadline_s=settings.read_timeout_s,
            memory_limit_bytes=settings.reader_memory_mib * 2**20,
            restarted=metrics.reader_restarted,
        ) as readers,
        closing(open_engine(artifact, threads=settings.engine_threads or cpus)) as engine,
        Fetcher(sources, threads=options.fetches) as fetcher,
    ):
        golden = check_golden(artifact, engine)
        metrics.engine_info(
            artifact=artifact.digest,
            kind=artifact.manifest.kind,
            precision=artifact.manifest.precision,
            spec=spec.digest,
            runtime=engine.runtime,
            prevalence=judge.rule.prevalence,
        )
        metrics.golden("logits", difference=golden.logits.difference, limit=golden.logits.limit)
        metrics.golden("pixels", difference=golden.pixels.difference, limit=golden.pixels.limit)
        metrics.capacity("fetch", options.fetches)
        metrics.capacity("read", readers.size)
        metrics.capacity("score", engine.slots * engine.batch_sizes[-1])
        metrics.capacity("deliver", 1)
        scorer: Scorer[Any] = Scorer(
            fetcher,
            readers,
            engine,
            judge,
            backoff=Backoff(random=random.random),
            clock=time.monotonic,
            observe=metrics.stage,
            options=options,
        )
        yield _Scoring(scorer, readers, artifact, judge)


def _selection(settings: LettersSettings) -> "Selection":
    from stream.letters import Selection

    return Selection(
        reasons=frozenset(settings.reason),
        clip_ids=frozenset(settings.clip_id),
        since=settings.since,
        until=settings.until,
    )


def _topics(settings: OutcomesSettings) -> "Topics":
    from stream.audit import Topics

    return Topics(
        clips=settings.clips_topic,
        verdicts=settings.verdicts_topic,
        dead_letters=settings.dead_letters_topic,
        group=settings.group,
    )


COMMANDS = {
    "demo": Command("the whole way on this machine, with a worker killed midway", DemoSettings, demo),
    "kafka": Command("a real Apache Kafka of one node on this machine, in the foreground", KafkaSettings, kafka),
    "topics": Command("create the topics", TopicsSettings, topics),
    "produce": Command("send references of a folder, a metadata CSV or a manifest", ProduceSettings, produce),
    "worker": Command("judge clips as a member of a group", WorkerSettings, worker),
    "score": Command("judge files and folders, without Kafka", ScoreSettings, score),
    "report": Command("what came of the references", ReportSettings, report),
    "audit": Command("prove that each reference has exactly one outcome, in order", AuditSettings, audit),
    "dlq show": Command("dead letters with all there is of them", DlqShowSettings, dlq_show),
    "requeue": Command("send dead letters back, each once", RequeueSettings, requeue),
    "skip": Command("have a reference rejected that ends its workers", SkipSettings, skip),
    "schema": Command("JSON Schema of each record", SchemaSettings, schema),
}

if __name__ == "__main__":
    end_in_order()
    sys.exit(main("python -m stream", COMMANDS, sys.argv[1:], foreign=("STALL_TRAINING_", "STALL_BUILD_")))
