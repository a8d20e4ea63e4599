"""`python -m stream produce`: sends references, from where an earlier run was stopped."""

import logging
import signal
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from stream.broker.cluster import Cluster
from stream.broker.contract import Message
from stream.broker.topics import topic_id
from stream.broker.writing import Writer
from stream.commands import start_log
from stream.commands.cluster import cluster_of
from stream.records import ClipReference
from stream.results.shown import Bar
from stream.sending.follow import Folder, follow
from stream.sending.journal import Journal, Names, Owner, Rows, journal_beside
from stream.sending.produce import count, open_source, paced
from stream.settings import ProduceSettings
from stream.terminal.wording import counted

log = logging.getLogger("stream")


def run(settings: ProduceSettings) -> int:
    """Sends references, from where an earlier run was stopped."""
    start_log(settings)
    source = open_source(settings.source, metadata=settings.metadata, root=settings.root)
    total = None if settings.follow else count(source)
    cluster = cluster_of(settings)
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
    cluster: Cluster,
    journal: Journal,
    references: Iterator[ClipReference],
    *,
    total: int,
) -> int:
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
    print(f"{counted(journal.count, 'reference')} acknowledged by Kafka in {settings.clips_topic}{earlier}")
    return 0


def _send_what_comes(
    settings: ProduceSettings, cluster: Cluster, journal: Journal, folder: Path, *, known: Names
) -> int:
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
        told = counted(journal.count - before, "reference")
        print(f"{told} acknowledged by Kafka in {settings.clips_topic}")
    return 0


def _write(settings: ProduceSettings, writer: Writer, references: Iterator[ClipReference]) -> None:
    for reference in paced(references, rate=settings.rate) if settings.rate else references:
        writer.write(Message(settings.clips_topic, reference.clip_id.encode(), reference.to_json()))
