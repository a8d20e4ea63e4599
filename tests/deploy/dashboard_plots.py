"""A panel's curves or its heat map as SVG, by matplotlib, with what the dashboard says of axes, limits and colours."""

import io
import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.dates import DateFormatter, HourLocator
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator
from numpy.typing import NDArray

from deploy.grafana.panels import BAD
from tests.deploy.shown import Firing, Shown, worded

_DPI = 72
_INK, _GRID = "#ccccdc", "#34373e"


@dataclass(frozen=True)
class Canvas:
    """In pixels."""

    width: int
    height: int


def plot(shown: Shown, canvas: Canvas, alerts: list[Firing]) -> str:
    """The SVG of a time series or a heat map; while an alert fires, the curves have a shade behind them."""
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "stall", "font.family": "sans-serif", "font.size": 10}):
        figure = Figure(figsize=(canvas.width / _DPI, canvas.height / _DPI), dpi=_DPI, layout="constrained")
        axes = figure.add_subplot()
        if shown.panel["type"] == "heatmap":
            _bands(axes, shown)
        else:
            _curves(axes, shown)
            for each in alerts:
                axes.axvspan(_days(each.begin_s), _days(each.end_s), color=BAD, alpha=0.12, linewidth=0, zorder=0)
        _plain(axes)
        drawn = io.StringIO()
        FigureCanvasSVG(figure).print_svg(drawn, metadata={"Date": None})
    return drawn.getvalue()


def _days(at_s: int) -> float:
    """As matplotlib counts time."""
    return at_s / 86400


def _plain(axes: Axes) -> None:
    axes.patch.set_alpha(0)
    axes.figure.patch.set_alpha(0)
    axes.tick_params(colors=_INK, length=0)
    axes.xaxis.set_major_locator(HourLocator())
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M"))
    for spine in axes.spines.values():
        spine.set_visible(False)


def _curves(axes: Axes, shown: Shown) -> None:
    custom, curves = shown.defaults["custom"], shown.curves()
    times = sorted({at for curve in curves for at in curve.values})
    days = [_days(at) for at in times]
    values = np.array([[curve.values.get(at, np.nan) for at in times] for curve in curves])
    if custom["stacking"]["mode"] == "normal":
        colours, alpha = [curve.colour for curve in curves], custom["fillOpacity"] / 100
        axes.stackplot(days, np.nan_to_num(values), colors=colours, alpha=alpha, linewidth=0)
    else:
        for curve, line in zip(curves, values, strict=True):
            axes.plot(days, line, color=curve.colour, linewidth=1.2, linestyle="--" if curve.dashed else "-")
    _axis(axes, shown)


def _axis(axes: Axes, shown: Shown) -> None:
    defaults = shown.defaults
    if defaults["custom"]["scaleDistribution"]["type"] == "log":
        axes.set_yscale("log")
        axes.yaxis.set_minor_locator(axes.yaxis.get_major_locator())
    if defaults["custom"]["thresholdsStyle"]["mode"] == "dashed":
        axes.axhline(defaults["thresholds"]["steps"][-1]["value"], color=BAD, linewidth=1, linestyle=(0, (4, 4)))
    axes.set_ylim(bottom=defaults.get("min"), top=defaults.get("max"))
    if defaults["unit"] == "bytes":
        axes.yaxis.set_major_locator(MultipleLocator(2 ** round(math.log2(axes.get_ylim()[1] / 4))))
    axes.yaxis.set_major_formatter(lambda value, _: worded(value, defaults["unit"]))
    axes.grid(color=_GRID, linewidth=0.6)
    axes.set_axisbelow(True)


def _bands(axes: Axes, shown: Shown) -> None:
    """Each bucket less the one below it; they come cumulated."""
    series = sorted(shown.answers[0], key=lambda each: float(each["metric"]["le"]))
    times = [_days(int(at)) for at, _ in series[-1]["values"]]
    cumulated = [np.array([float(value) for _, value in each["values"]]) for each in series]
    bands: NDArray[np.float64] = np.array([cumulated[0], *(high - low for low, high in pairwise(cumulated))])
    axes.pcolormesh(times, range(len(series)), np.ma.masked_less_equal(bands, 0), cmap="Oranges_r", shading="nearest")
    axes.set_yticks(range(len(series)), [each["metric"]["le"] for each in series])
