"""The model card: what a checkpoint is for, what it isn't for, and what was measured, as Markdown.

The sections are those of Mitchell et al. 2019, Model Cards for Model Reporting (arXiv 1810.03993), as far as they
say something here.
"""

from collections.abc import Iterator, Sequence

from training import words
from training.checkpoint import CheckpointCard
from training.measures.coverage import Decided
from training.measures.needed import never_given
from training.measures.study import Study

_USE = """\
To judge clips of the Stall Catchers kind - two-photon stacks of brain capillaries, one vessel outlined in orange - as
stalled or flowing, and to leave to people what it can't tell: a first reader beside them, not in their place."""
_NOT_FOR = """\
Diagnosis, or any decision about a person. Clips without an outline, of other dyes, microscopes or animals, before it
was measured on labelled clips of that kind. Counting stalls at a prevalence that its thresholds were not chosen for."""
_MEASURED = """\
On clips that it was not trained on, two classes by the rule's `decide`, with 95 % intervals from drawing projects, and
then their clips, again:"""
_MEASURED_ON_KNOWN = """\
**Not all of these clips are new to it, and where they aren't it looks better than it is: see each set.** Two classes by
the rule's `decide`, with 95 % intervals from drawing projects, and then their clips, again:"""
_LIMITS = """\
- Probabilities, thresholds, MCC and PPV hold at the stated prevalence. Where another share of the clips is stalled,
  choose the thresholds again (`python -m training calibrate --prevalence ...`) or state the prevalence to the service.
- Re-weighting to another prevalence takes for granted that stalled clips look alike wherever they come from, and
  flowing ones too.
- Intervals tell what the number of clips and projects leaves open, not what other laboratories would find.
- It looks at {sees}: a stall that shows only elsewhere in the clip is not seen."""
_SYNTHETIC = """\
**Not for science as it is: it has never seen a real clip.** It was trained on generated ones, for the demo and for
trying things out."""


def write_card(card: CheckpointCard, studies: Sequence[Study], *, parameters: int) -> str:
    """The card's Markdown.

    Args:
        card: of the checkpoint.
        studies: of it; at least one.
        parameters: of the network.
    """
    sections = {
        "Intended use": _USE,
        "Not for": "\n\n".join([*([_SYNTHETIC] if card.training.generated else []), _NOT_FOR]),
        "Network and input": _network(card, parameters),
        "Training": _training(card),
        "Measures": _measures(studies),
        "Thresholds, and what they promise": _thresholds(card, studies),
        "Limits": _LIMITS.format(sees=words.clip_spec(card.spec)),
    }
    return "\n\n".join(["# Model card", *(f"## {title}\n\n{text}" for title, text in sections.items())]) + "\n"


def _network(card: CheckpointCard, parameters: int) -> str:
    return _table(
        ("", ""),
        [
            ("architecture", f"{card.network.architecture}, {parameters / 1e6:.2f} M parameters"),
            ("input", f"{words.clip_spec(card.spec)} (spec `{card.spec.digest}`)"),
            ("output", "one logit; a positive one speaks for stalled"),
            ("weights", f"sha256 `{card.weights_sha256}`"),
        ],
    )


def _training(card: CheckpointCard) -> str:
    training = card.training
    rows = [
        ("begun from", training.begun_from or "chance"),
        ("data", card.dataset),
        ("length", f"{training.steps} steps of {training.batch} clips in {training.minutes:g} minutes"),
        ("share of stalled clips in a batch", words.stated(card.rule.prior)),
        ("precision, seed", f"{training.precision}, {training.seed}"),
        ("made by", f"stall-stream {training.version}, torch {training.torch}"),
    ]
    if card.chosen_on:
        rows.append(("rule chosen on", card.chosen_on))
    if training.validation:
        found = training.validation
        text = (
            f"MCC {words.bounded(found.mcc)} on {found.clips} clips of {found.projects} projects, "
            f"{words.stated(found.prevalence)} stalled; the thresholds were chosen on them, so it is a little too good"
        )
        rows.append(("validation", text))
    return _table(("", ""), rows)


def _measures(studies: Sequence[Study]) -> str:
    header = (
        "clips",
        "stalled",
        "MCC",
        "PPV",
        "sensitivity",
        "specificity",
        "PR-AUC",
        "sensitivity at 99 % specificity",
        "ECE",
    )
    rows = []
    for each in studies:
        found = each.evaluation
        measures = (
            found.mcc,
            found.ppv,
            found.sensitivity,
            found.specificity,
            found.pr_auc,
            found.sensitivity_at_99,
        )
        rows.append((each.name, words.stated(found.prevalence), *map(words.bounded, measures), f"{found.ece:.3f}"))
    points = [
        (each.name, words.stated(point.prevalence), words.bounded(point.mcc), words.bounded_percent(point.ppv))
        for each in studies
        for point in each.points
    ]
    sets = "\n".join(f"- {each.name}: {each.description}, {each.evaluation.projects} projects" for each in studies)
    return "\n\n".join(
        [
            _MEASURED_ON_KNOWN if any(each.seen.by_network for each in studies) else _MEASURED,
            sets,
            _table(header, rows),
            "MCC and PPV depend on the share of stalled clips. The same clips, re-weighted:",
            _table(("clips", "prevalence", "MCC", "PPV"), points),
        ]
    )


def _thresholds(card: CheckpointCard, studies: Sequence[Study]) -> str:
    rule, limits = card.rule, card.training.limits
    chosen = (
        f"They were chosen so that of the clips called stalled at most {words.stated(limits.error)} flow, of those "
        f"called flowing at most {words.stated(limits.error)} are stalled, and of all stalled clips at most "
        f"{words.stated(limits.missed)} are called flowing: of the clips that they were "
        "chosen on, taken together, so that of hard ones alone more are wrong. "
        if limits
        else "What they were chosen to keep is not recorded. "
    )
    if any(never_given(low=rule.low, high=rule.high)):
        chosen += "What none is called is what those clips could not show that it keeps this. "
    known = any(each.seen for each in studies)
    measured = "Measured on clips of which not all are new to it or to its rule" if known else "Measured on other clips"
    header = ("clips", "decided without people", "wrong among called stalled", "wrong among called flowing", "missed")
    meaning = (
        f"For a prevalence of {words.stated(rule.prevalence)}: {words.thresholds(rule)}. "
        f"{chosen}{measured}, re-weighted to that prevalence:"
    )
    return f"{meaning}\n\n{_table(header, [(each.name, *_decided(each.promise.rule)) for each in studies])}"


def _decided(found: Decided) -> Iterator[str]:
    yield from map(words.bounded_percent, (found.share, found.wrong_stalled, found.wrong_flowing, found.missed))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
