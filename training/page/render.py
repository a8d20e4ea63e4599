"""Fills the page's template with studies, their figures and their worst mistakes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from stream.pictures import png
from training import words
from training.data.clips import Clips
from training.measures.bootstrap import RESAMPLES, Estimate
from training.measures.evaluation import Evaluation
from training.measures.needed import Basis, Lack
from training.measures.reliability import BINS
from training.measures.study import Study
from training.page import plots
from training.page.head import Head
from training.page.strips import Mistake, worst_mistakes

_WORST = 6
"""Mistakes of each kind that are shown."""


@dataclass(frozen=True, slots=True)
class _Chapter:
    """What the template shows of one study; pictures are `data:` addresses."""

    study: Study
    stalled: int
    flowing: int
    measures: list[tuple[str, Estimate | float | None, str]]
    figures: dict[str, str]
    lacks: list[tuple[float, Lack]]
    """Prevalences at which thresholds chosen on the whole set never give a verdict, and which."""
    missed: list[Mistake]
    false: list[Mistake]


def render_page(head: Head, studies: Sequence[tuple[Study, Clips]]) -> str:
    """The HTML of a page about one checkpoint, with a chapter for each study; whatever a user has named is escaped.

    Args:
        head: the checkpoint.
        studies: each with the clips that it is of.
    """
    return _template().render(
        head=head,
        rule=head.rule,
        chapters=[_chapter(study, clips) for study, clips in studies],
        resamples=RESAMPLES,
        bins=BINS,
        prevalences=", ".join(words.stated(point.prevalence) for point in studies[0][0].points),
    )


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("training.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=words.number,
        percent=words.percent,
        stated=words.stated,
        probability=words.probability,
        thresholds=words.thresholds,
        png=png,
    )
    return environment.get_template("page.html")


def _chapter(study: Study, clips: Clips) -> _Chapter:
    stalled = int(study.facts.stalled.sum())
    shown = {
        truth: worst_mistakes(clips, study.probabilities, study.called, stalled=truth, count=_WORST)
        for truth in (True, False)
    }
    return _Chapter(
        study=study,
        stalled=stalled,
        flowing=len(clips) - stalled,
        measures=_measures(study.evaluation),
        figures=dict(_figures(study)),
        lacks=list(_lacks(study)),
        missed=shown[True],
        false=shown[False],
    )


def _measures(found: Evaluation) -> list[tuple[str, Estimate | float | None, str]]:
    share = words.stated(found.prevalence)
    return [
        ("MCC", found.mcc, f"correlation of verdict and truth, at {share} stalled"),
        ("PPV", found.ppv, f"of the clips called stalled, the share that is, at {share} stalled"),
        ("sensitivity", found.sensitivity, "of the stalled clips, the share called stalled"),
        ("specificity", found.specificity, "of the flowing clips, the share called flowing"),
        ("sensitivity at 99 % specificity", found.sensitivity_at_99, "with a threshold chosen on these clips"),
        ("sensitivity at 99.9 % specificity", found.sensitivity_at_999, "with a threshold chosen on these clips"),
        ("PR-AUC", found.pr_auc, f"mean precision over all recalls, at {share} stalled; chance gives the prevalence"),
        ("ROC-AUC", found.roc_auc, "how often a stalled clip scores higher than a flowing one; chance gives .5"),
        ("Brier score", found.brier, f"at {share} stalled; always saying {share} gives {_chance_brier(found):.3f}"),
        (
            "ECE",
            found.ece,
            f"how far probabilities are off, on average; right ones show {found.ece_by_chance:.3f} by chance",
        ),
    ]


def _chance_brier(found: Evaluation) -> float:
    return found.prevalence * (1 - found.prevalence)


def _figures(study: Study) -> Iterator[tuple[str, str]]:
    decide, limits = study.rule.decide, study.limits
    yield "roc", plots.roc_figure(study.roc, study.evaluation)
    yield "precision_recall", plots.precision_recall_figure(study.precision_recall, study.evaluation)
    yield "reliability", plots.reliability_figure(study.bins)
    yield "mcc", plots.threshold_figure(study.thresholds, "mcc", decide=decide)
    yield "ppv", plots.threshold_figure(study.thresholds, "ppv", decide=decide)
    if curves := [each.curves for each in study.choices]:
        yield "by_error", plots.coverage_figure(curves, "error", chosen=limits.error, fixed=limits.missed)
        yield "by_missed", plots.coverage_figure(curves, "missed", chosen=limits.missed, fixed=limits.error)


def _lacks(study: Study) -> Iterator[tuple[float, Lack]]:
    for choice in study.choices:
        prevalence = choice.decided.prevalence
        basis = Basis.of(study.facts.stalled, prevalence=prevalence, limits=study.limits)
        for lack in basis.lacks(low=choice.low, high=choice.high):
            yield prevalence, lack
