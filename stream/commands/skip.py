"""`python -m stream skip`: has a reference rejected unseen."""

from stream.commands.cluster import cluster_of
from stream.logs import log_to_stderr
from stream.records import Partition
from stream.render import record_lines
from stream.settings import SkipSettings
from stream.skip import find_record, skip


def run(settings: SkipSettings) -> int:
    """Has a reference rejected unseen."""
    log_to_stderr(settings.log_level, secrets=settings.secrets, form=settings.log_format)
    cluster = cluster_of(settings)
    record = find_record(cluster, Partition(settings.clips_topic, settings.partition), settings.offset)
    print(*record_lines(record), "", sep="\n")
    done = skip(cluster, settings.group, record)
    again = " (as was said before)" if done.before else ""
    print(f"{record.source.place} will be a dead letter, unseen, once a worker of {settings.group!r} is there{again}")
    return 0
