"""Tries out, where the user is, what a worker needs: broker, rights, topics, artifact, store, clock."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from stream.broker.cluster import Cluster
from stream.broker.reading import end_offsets, first_offsets, read_topic
from stream.broker.rights import Right, require_rights, require_transactions
from stream.broker.topics import require_answer, require_for_ever
from stream.doctor.words import many
from stream.engine.artifact import load_artifact
from stream.engine.golden import check_golden
from stream.engine.open import open_engine
from stream.errors import ClipFault, Outage, UserError
from stream.fetch import Fetcher, Source, without_secrets
from stream.processes.cpus import usable_cpus
from stream.records import Record, parse_reference

CLOCK_LIMIT_S = 3.0
"""Beyond, end-to-end times and lags in seconds mean little; a worker tells its clock in whole seconds."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried out."""

    name: str
    said: str
    holds: bool | None
    """None where it could not be tried."""


class Untried(Exception):  # noqa: N818 - nothing went wrong
    """There is nothing yet to try it on."""


def check(name: str, attempt: Callable[[], str]) -> Check:
    """What came of an attempt, which says what it found or raises what is wrong."""
    try:
        return Check(name, attempt(), holds=True)
    except Untried as why:
        return Check(name, f"not tried: {why}", holds=None)
    except (UserError, ClipFault, Outage) as error:
        return Check(name, str(error), holds=False)


def check_broker(cluster: Cluster) -> str:
    """That it serves.

    Raises:
        UserError: it doesn't.
    """
    require_answer(cluster)
    return f"Kafka at {cluster.bootstrap} answers"


def check_topics(cluster: Cluster, names: Iterable[str]) -> str:
    """That all are there.

    Raises:
        UserError: one is missing, or isn't shown.
    """
    return ", ".join(f"{name} of {many(len(end_offsets(cluster, name)), 'partition')}" for name in names)


def check_retention(cluster: Cluster, outcomes: Iterable[str]) -> str:
    """That Kafka keeps outcomes.

    Raises:
        UserError: it would delete some.
    """
    require_for_ever(cluster, outcomes)
    return "outcomes are kept for ever, as far as this user may know"


def check_rights(cluster: Cluster, rights: Iterable[Right], transactions: Iterable[Right]) -> str:
    """That this user may do all that a worker does; a slot's transactions are left alone, for they may be under way.

    Raises:
        UserError: rights are missing, of which it names all, or the cluster has no transactions.
    """
    require_rights(cluster, (*rights, *transactions))
    for right in transactions:
        if right.prefix:
            require_transactions(cluster, right)
    return "this user may do all that a worker does"


def check_artifact(folder: Path) -> str:
    """That it is whole, that this machine runs it, and that it computes here what it did where it was built.

    Raises:
        UserError: it doesn't.
    """
    artifact = load_artifact(folder)
    with closing(open_engine(artifact, threads=usable_cpus())) as engine:
        golden = check_golden(artifact, engine)
    off = f"{golden.logits.difference:.2g} of {golden.logits.limit:g}"
    return f"{artifact.digest} runs here; its golden clips are off by {off} that they may"


def check_store(cluster: Cluster, clips: str, sources: Mapping[str, Source]) -> str:
    """That a clip can be read from here; the newest of each partition are tried.

    Raises:
        Untried: there is no reference.
        Outage: the store doesn't serve.
        UserError: none can, or as `read_topic`.
    """
    newest, fault = _newest(cluster, clips), None
    if not newest:
        raise Untried(f"{clips} holds no reference yet; send one (python -m stream produce)")
    with Fetcher(sources, threads=1) as fetcher:
        for record in newest:
            try:
                reference = parse_reference(record.value)
                data = fetcher.submit(reference.uri, sha256=reference.sha256).result()
            except ClipFault as its:
                fault = fault or its
            else:
                return f"a new reference's clip, {without_secrets(reference.uri)}, was read: {many(len(data), 'byte')}"
    raise UserError(f"not one of the newest clips can be read ({many(len(newest), 'partition')} looked at): {fault}")


def check_clock(worker: str, off_s: float, from_the_future: int) -> Check:
    """A worker's clock against this machine's, and against those that appended references."""
    said = f"that of {worker} differs from this machine's by {abs(off_s):.0f} s or so"
    if from_the_future:
        said += f"; by it {many(from_the_future, 'reference')} came from the future"
    return Check("clock", said, holds=abs(off_s) <= CLOCK_LIMIT_S and not from_the_future)


def check_rule(judges_by: Mapping[str, str]) -> Check:
    """That all workers judge by one artifact at one prevalence, of what each says of itself."""
    one_of = {rule: worker for worker, rule in judges_by.items()}
    if len(one_of) == 1:
        return Check("rule", f"{many(len(judges_by), 'worker')} asked: all judge by {next(iter(one_of))}", holds=True)
    said = "; ".join(f"{worker} judges by {rule}" for rule, worker in one_of.items())
    return Check("rule", f"{said}: finish the update, or go back", holds=False)


def _newest(cluster: Cluster, topic: str) -> list[Record]:
    """The last record of each partition, if it has any, the newest first."""
    first = first_offsets(cluster, topic)
    last = {number: end - 1 for number, end in end_offsets(cluster, topic).items() if end > first[number]}
    within = {number: range(offset, offset + 1) for number, offset in last.items()}
    with closing(read_topic(cluster, topic, within=within)) as records:
        return sorted(records, key=lambda record: record.timestamp_ms, reverse=True)
