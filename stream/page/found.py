"""Which outcomes a page is of: the latest of each clip that is named, from the topics or from a file."""

from collections.abc import Container, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stream.broker.cluster import Cluster
from stream.broker.reading import find_record
from stream.errors import ClipFault, UserError
from stream.messages import OutcomeTopics
from stream.records import SCHEMA, ClipReference, KafkaSource, Outcome, Partition, parse_reference
from stream.results.answers import Answer, read_answers
from stream.scoring.outcomefile import outcomes_in


@dataclass(frozen=True, slots=True)
class Found:
    """An outcome, and what it was of."""

    outcome: Outcome
    appended_at: datetime | None
    """To its topic; None where it comes from a file."""
    reference: ClipReference | str
    """Or why it can't be had."""


def found_in_topics(cluster: Cluster, clips_topic: str, topics: OutcomeTopics, clip_ids: Sequence[str]) -> list[Found]:
    """The clips in their order, each with its reference if the broker still has that.

    Raises:
        UserError: a clip has no outcome, or as `read_answers`.
    """
    latest: dict[str | None, Answer] = {}
    with closing(read_answers(cluster, clips_topic, topics)) as answers:
        for each in answers:
            clip_id = each.outcome.clip_id
            if clip_id in clip_ids and (clip_id not in latest or each.order > latest[clip_id].order):
                latest[clip_id] = each
    _require(clip_ids, latest, f"{topics.verdicts} and {topics.dead_letters}")
    return [_with_reference(cluster, latest[clip_id]) for clip_id in clip_ids]


def found_in_file(path: Path, clip_ids: Sequence[str]) -> list[Found]:
    """The clips in their order, of a file that `score --out` wrote.

    Raises:
        UserError: a clip has no outcome, or as `outcomes_in`.
    """
    found = {each.clip_id: each for each in outcomes_in(path) if each.clip_id in clip_ids}
    _require(clip_ids, found, str(path))
    return [Found(found[clip_id], None, _reference_to(found[clip_id])) for clip_id in clip_ids]


def _with_reference(cluster: Cluster, answer: Answer) -> Found:
    source = answer.source
    reference: ClipReference | str
    try:
        record = find_record(cluster, Partition(source.topic, source.partition), source.offset)
        reference = parse_reference(record.value)
    except (UserError, ClipFault) as error:
        reference = f"its reference can't be had: {error}"
    return Found(answer.outcome, datetime.fromtimestamp(answer.appended_ms / 1000, UTC), reference)


def _reference_to(outcome: Outcome) -> ClipReference | str:
    source = outcome.source
    if isinstance(source, KafkaSource):
        return f"its outcome is of {source.place}: leave --outcomes out to have it read from there"
    uri = source.file if "://" in source.file else str(Path(source.file).absolute())
    return ClipReference(schema=SCHEMA, clip_id=outcome.clip_id or source.file, uri=uri)


def _require(clip_ids: Sequence[str], found: Container[str | None], where: str) -> None:
    missing = [clip_id for clip_id in clip_ids if clip_id not in found]
    if missing:
        raise UserError(f"no outcome of clip {missing[0]!r} in {where}: give a clip_id as it stands there")
