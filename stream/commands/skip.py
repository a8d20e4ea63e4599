"""`python -m stream skip`: has a reference rejected unseen."""

from stream.broker.reading import find_record
from stream.commands import start_log
from stream.commands.cluster import cluster_of
from stream.letters.render import record_lines
from stream.letters.skip import skip
from stream.records import Partition
from stream.settings import SkipSettings


def run(settings: SkipSettings) -> int:
    """Has a reference rejected unseen."""
    start_log(settings)
    cluster = cluster_of(settings)
    record = find_record(cluster, Partition(settings.clips_topic, settings.partition), settings.offset)
    print(*record_lines(record), "", sep="\n")
    done = skip(cluster, settings.group, record)
    again = " (as was said before)" if done.before else ""
    print(f"{record.source.place} will be a dead letter, unseen, once a worker of {settings.group!r} is there{again}")
    return 0
