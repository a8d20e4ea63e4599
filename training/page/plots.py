"""The door to matplotlib: figures of a study as SVG, each a `data:` address to be put into a page.

Colours are Okabe and Ito's, told apart by colour-blind readers too; lines also differ in their dashes, for paper.
"""

import base64
import io
from collections.abc import Callable, Sequence
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from training.measures.bootstrap import Estimate
from training.measures.curves import Banded, CoverageCurves, ThresholdCurves
from training.measures.evaluation import Evaluation
from training.measures.reliability import Bin

_BLUE, _GREY, _INK = "#0072B2", "#8a8f98", "#22262b"
_LINES = (
    ("#0072B2", "-"),
    ("#D55E00", "--"),
    ("#009E73", "-."),
    ("#882255", (0, (1, 1))),
    ("#56B4E9", (0, (6, 1, 1, 1, 1, 1))),
)
"""Colour and dashes of each prevalence: those of `study.PREVALENCES`, and the rule's own where it is another."""
_STYLE: Any = {  # its stubs name each key
    "axes.edgecolor": _GREY,
    "axes.grid": True,
    "axes.labelcolor": _INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 9,
    "grid.color": "#e3e6ea",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "svg.hashsalt": "stall-stream",  # the same figure gives the same bytes
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def roc_figure(curve: Banded, evaluation: Evaluation) -> str:
    """Sensitivity over false alarms on a logarithmic axis, with the rule's own point: at the edge if it has none."""

    def draw(axes: Axes) -> None:
        _band(axes, curve)
        axes.plot(curve.x, curve.x, color=_GREY, linewidth=1, linestyle=":", label="chance")
        false, edge = evaluation.specificity, float(curve.x[0])
        if (value := 1 - false.value) < edge:  # a logarithmic axis has no place for none
            axes.plot(edge, evaluation.sensitivity.value, color=_INK, marker="<", markersize=6, clip_on=False)
        at = Estimate(value=max(value, edge), low=max(1 - false.high, edge), high=max(1 - false.low, edge))
        _point(axes, at, evaluation.sensitivity)
        axes.set(xscale="log", xlim=(curve.x[0], 1), ylim=(0, 1.02))
        axes.set(xlabel="flowing clips called stalled (1 - specificity)", ylabel="sensitivity")
        axes.xaxis.set_major_formatter(FuncFormatter(_percent))
        axes.legend(loc="lower right")

    return _drawn(draw)


def precision_recall_figure(curve: Banded, evaluation: Evaluation) -> str:
    """Precision over recall, with the rule's own point and what chance gives."""

    def draw(axes: Axes) -> None:
        _band(axes, curve)
        axes.axhline(evaluation.prevalence, color=_GREY, linewidth=1, linestyle=":", label="chance")
        if evaluation.ppv is not None:
            _point(axes, evaluation.sensitivity, evaluation.ppv)
        axes.set(xlabel="recall (sensitivity)", ylabel="precision (PPV)", xlim=(0, 1.02), ylim=(0, 1.02))
        axes.legend(loc="lower left")

    return _drawn(draw)


def reliability_figure(bins: Sequence[Bin]) -> str:
    """Share that is stalled over mean probability of each bin, and below it how many clips each bin holds."""

    def draw(axes: Axes) -> None:
        means, shares = [each.probability for each in bins], [each.share for each in bins]
        reach = [
            [each.share - each.interval.low for each in bins],
            [each.interval.high - each.share for each in bins],
        ]
        axes.plot((0, 1), (0, 1), color=_GREY, linewidth=1, linestyle=":", label="what is said is so")
        axes.errorbar(
            means, shares, yerr=np.maximum(reach, 0), color=_BLUE, fmt="o", markersize=4, linewidth=1.2, capsize=2
        )
        axes.set(xlabel="probability of stalled, mean of each bin", ylabel="share stalled")
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
        below = axes.inset_axes((0, -0.46, 1, 0.22), sharex=axes)
        below.bar([each.low + 0.05 for each in bins], [each.clips for each in bins], width=0.09, color=_BLUE)
        below.set(yscale="log", ylabel="clips", ylim=(0.7, 2 * max(each.clips for each in bins)))
        below.yaxis.set_major_locator(LogLocator(numticks=3))
        below.yaxis.set_major_formatter(FuncFormatter(_plain))
        below.yaxis.set_minor_locator(NullLocator())

    return _drawn(draw, height_in=4.3)


def threshold_figure(curves: Sequence[ThresholdCurves], measure: Literal["mcc", "ppv"], *, decide: float) -> str:
    """MCC or PPV over the threshold on the probability, a line for each prevalence."""

    def draw(axes: Axes) -> None:
        for each, (colour, dashes) in zip(curves, _LINES[: len(curves)], strict=True):
            curve = each.mcc if measure == "mcc" else each.ppv
            axes.plot(curve.x, curve.y, color=colour, linestyle=dashes, label=_percent(each.prevalence))
        axes.axvline(decide, color=_GREY, linewidth=1)
        axes.annotate("decide", (decide, 1.02), xytext=(0, 3), textcoords="offset points", ha="center", color=_INK)
        axes.set_xscale("logit")
        axes.set(xlim=(1e-4, 1 - 1e-4), ylim=(0, 1.02), ylabel=measure.upper())
        axes.set(xlabel="stalled from this probability on")
        axes.xaxis.set_major_locator(FixedLocator([1e-3, 1e-2, 0.1, 0.5, 0.9, 0.99, 0.999]))
        axes.xaxis.set_major_formatter(FuncFormatter(_plain))
        axes.xaxis.set_minor_locator(NullLocator())
        _legend_below(axes)

    return _drawn(draw, height_in=3.9)


def coverage_figure(
    curves: Sequence[CoverageCurves], varied: Literal["error", "missed"], *, chosen: float, fixed: float
) -> str:
    """Share decided without people over what is accepted, a line for each prevalence."""
    labels = {
        "error": f"accepted error among verdicts (missed: {_percent(fixed)})",
        "missed": f"accepted share of missed stalls (error: {_percent(fixed)})",
    }

    def draw(axes: Axes) -> None:
        for each, (colour, dashes) in zip(curves, _LINES[: len(curves)], strict=True):
            curve = each.by_error if varied == "error" else each.by_missed
            axes.plot(
                curve.x,
                curve.y,
                color=colour,
                linestyle=dashes,
                marker="o",
                markersize=2.5,
                label=_percent(each.prevalence),
            )
        axes.axvline(chosen, color=_GREY, linewidth=1)
        axes.annotate("chosen", (chosen, 1.02), xytext=(0, 3), textcoords="offset points", ha="center", color=_INK)
        axes.set(xscale="log", ylim=(-0.02, 1.02), xlabel=labels[varied], ylabel="share decided without people")
        axes.xaxis.set_major_locator(FixedLocator([0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(_percent))
        axes.yaxis.set_major_formatter(FuncFormatter(_percent))
        _legend_below(axes)

    return _drawn(draw, height_in=3.9)


def _drawn(draw: Callable[[Axes], None], *, height_in: float = 3.5) -> str:
    out = io.BytesIO()
    with mpl.rc_context(_STYLE):  # saving reads the style as well
        figure = Figure(figsize=(4.8, height_in), layout="constrained")
        draw(figure.subplots())
        figure.savefig(out, format="svg", metadata=_NO_METADATA)
    return f"data:image/svg+xml;base64,{base64.b64encode(out.getvalue()).decode()}"


def _band(axes: Axes, curve: Banded) -> None:
    axes.fill_between(curve.x, curve.low, curve.high, color=_BLUE, alpha=0.15, linewidth=0, label="95 %")
    axes.plot(curve.x, curve.y, color=_BLUE)


def _point(axes: Axes, x: Estimate, y: Estimate) -> None:
    """The rule's `decide`, with both intervals."""
    axes.errorbar(
        x.value,
        y.value,
        xerr=[[x.value - x.low], [x.high - x.value]],
        yerr=[[y.value - y.low], [y.high - y.value]],
        color=_INK,
        fmt="o",
        markersize=4,
        linewidth=1,
        capsize=2,
        label="decide",
    )


def _legend_below(axes: Axes) -> None:
    """Outside: lines for several prevalences leave no corner free."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.legend(loc="outside lower center", title="share of stalled clips", ncols=len(_LINES), columnspacing=1.2)


def _percent(share: float, _place: int = 0) -> str:
    return f"{100 * share:.3g} %"


def _plain(value: float, _place: int = 0) -> str:
    return f"{value:g}"
