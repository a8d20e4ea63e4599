"""A comparison of two models as it is read: a table of verdicts, a list of those that are others, and what it means."""

import csv
import io

import numpy as np
from rich.table import Table

from training.words import bounded
from trt_build.comparison import VERDICTS, Comparison, Judged

_HEAD = ("clip_id", "project_id", "stalled", "probability_a", "verdict_a", "probability_b", "verdict_b")


def verdict_table(found: Comparison) -> Table:
    """Numbers of clips by both verdicts."""
    table = Table("A \\ B")
    for verdict in VERDICTS:
        table.add_column(verdict, justify="right")
    everything, stalled = found.counts(np.ones(len(found.facts), np.bool_)), found.counts(found.facts.stalled)
    for row, verdict in enumerate(VERDICTS):
        cells = zip(everything[row].tolist(), stalled[row].tolist(), strict=True)
        table.add_row(verdict, *(f"{count} ({of_them})" for count, of_them in cells))
    return table


def beneath(found: Comparison, description: str) -> str:
    """What the table is of: the clips, described in words, and the MCC of both."""
    mcc = f"MCC of A {bounded(found.mcc_a)}, of B {bounded(found.mcc_b)}"
    return f"{description}; in brackets how many of them are stalled. {mcc}."


def flips_csv(found: Comparison) -> str:
    """One line for each clip whose verdict is another one; what moved furthest comes first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEAD)
    moved = np.abs(found.b.probabilities - found.a.probabilities)
    facts = found.facts
    for row in sorted(found.flips.tolist(), key=lambda row: -moved[row]):
        known = (facts.clip_ids[row], facts.project_ids[row], int(facts.stalled[row]))
        writer.writerow([*known, *_told(found.a, row), *_told(found.b, row)])
    return text.getvalue()


def _told(judged: Judged, row: int) -> tuple[str, str]:
    return f"{judged.probabilities[row]:.6g}", VERDICTS[judged.verdicts[row]]


def meaning(found: Comparison, *, generated: bool) -> str:
    """What a comparison says of whether B should take A's place."""
    clips, flips = len(found.facts), len(found.flips)
    if not flips:
        changed = f"B gives each of {clips} clips the verdict that A gives it"
    else:
        changed = (
            f"B gives {flips} of {clips} clips another verdict: {found.better} towards the label, "
            f"{flips - found.better} away from it; {found.opposite} from stalled to flowing or back"
        )
    gain = found.gain
    interval = f"{gain.value:+.3f} [{gain.low:+.3f} {gain.high:+.3f}] in MCC"
    if gain.low > 0:
        judgement = f"B is better ({interval})"
    elif gain.high < 0:
        judgement = f"B is worse ({interval}): don't promote it without knowing why"
    elif (found.a.called == found.b.called).all():
        judgement = "where two classes are wanted, all are called the same"
    else:
        judgement = f"which of them is better can't be told by these clips ({interval})"
    caution = ". Generated clips say little of recorded ones: compare on some by --data, too" if generated else ""
    return f"{changed}; {judgement}{caution}."
