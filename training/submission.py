"""The competition's submission, `filename,stalled` in the order that it asks for, and beside it what was computed."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stream.errors import UserError
from stream.files import textfiles
from stream.verdict import DecisionRule, Label
from training.outfile import write_text


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is said of one clip."""

    clip_id: str
    stalled: bool
    """By the rule's `decide`."""
    logit: float | None = None
    """None of a clip that could not be read."""
    probability: float | None = None
    verdict: Label | None = None
    """Of three."""

    @classmethod
    def of(cls, clip_id: str, logit: float, rule: DecisionRule) -> "Prediction":
        """What the rule makes of a logit."""
        probability = rule.probability(logit)
        return cls(clip_id, probability >= rule.decide, logit, probability, rule.label(probability))


def read_order(submission_format: Path) -> list[str]:
    """The clips that the competition asks for, in its order.

    Raises:
        UserError: the file can't be read, has other columns, or names a clip twice.
    """
    order: dict[str, str] = {}
    for where, row in textfiles.rows(submission_format, {"filename", "stalled"}):
        if row["filename"] in order:
            raise UserError(f"{where}: {row['filename']} stands there twice, first at {order[row['filename']]}")
        order[row["filename"]] = where
    return list(order)


def check_read(asked: Sequence[str], unread: Mapping[str, str]) -> None:
    """Refuses to leave out clips that could not be read.

    Args:
        asked: clips that are to be predicted.
        unread: why each of them that could not be read couldn't.

    Raises:
        UserError: there is such a clip.
    """
    if lost := [clip_id for clip_id in asked if clip_id in unread]:
        raise UserError(
            f"{lost[0]} could not be read ({unread[lost[0]]}; {len(lost)} such clips of {len(asked)}); "
            "mend them, or call them flowing with --unread-flowing"
        )


def predict(clip_ids: Iterable[str], logits: Mapping[str, float], rule: DecisionRule) -> list[Prediction]:
    """What the rule makes of each clip's logit, in this order; a clip without one is called flowing."""
    return [
        Prediction.of(each, logits[each], rule) if each in logits else Prediction(each, stalled=False)
        for each in clip_ids
    ]


def write_submission(path: Path, predictions: Iterable[Prediction]) -> None:
    """Writes `filename,stalled`, with 0 or 1: the competition refuses 0.0."""
    _write(path, ("filename", "stalled"), ((each.clip_id, int(each.stalled)) for each in predictions))


def write_probabilities(path: Path, predictions: Iterable[Prediction]) -> None:
    """Writes what each prediction rests on; of a clip that could not be read all but the last column is empty."""
    _write(
        path,
        ("filename", "logit", "probability", "verdict", "stalled"),
        ((each.clip_id, each.logit, each.probability, each.verdict, int(each.stalled)) for each in predictions),
    )


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, text.getvalue())
