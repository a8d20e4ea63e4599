"""Panels drawn from what Prometheus answers, for a look at them: not as Grafana does, but the same data and places."""

import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

Answers = list[tuple[str, list[dict[str, Any]]]]
"""Of a panel's targets: the template of their legend, and the series."""


def draw(panels: list[tuple[dict[str, Any], Answers]], path: Path) -> None:
    """Writes a picture of panels, each with the legend template and the answer of each of its targets."""
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel, _ in panels)
    figure = Figure(figsize=(26, rows * 0.5))
    grid = GridSpec(rows, 24, figure=figure, left=0.03, right=0.99, top=0.995, bottom=0.01, wspace=3, hspace=4)
    for panel, answers in panels:
        at = panel["gridPos"]
        axes = figure.add_subplot(grid[at["y"] : at["y"] + at["h"], at["x"] : at["x"] + at["w"]])
        axes.set_title(f"{panel['title']} [{panel['fieldConfig']['defaults']['unit']}]", fontsize=9)
        _DRAWERS[panel["type"]](axes, panel, answers)
    FigureCanvasAgg(figure).print_png(str(path))


def _legend(template: str, labels: Mapping[str, str]) -> str:
    for name, value in labels.items():
        template = template.replace(f"{{{{{name}}}}}", value)
    return template


def _curves(axes: Axes, panel: dict[str, Any], answers: Answers) -> None:
    stacked = panel["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "normal"
    names, curves = [], []
    for template, answer in answers:
        for series in answer:
            names.append(_legend(template, series["metric"]))
            curves.append({int(at): float(value) for at, value in series["values"]})
    times = sorted({at for curve in curves for at in curve})
    hours = [(at - times[0]) / 3600 for at in times]
    if stacked:
        axes.stackplot(hours, [[curve.get(at, 0.0) for at in times] for curve in curves], labels=names)
    else:
        for name, curve in zip(names, curves, strict=True):
            axes.plot(hours, [curve.get(at, math.nan) for at in times], label=name, linewidth=1)
    for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1:]:
        axes.axhline(step["value"], color="red", linewidth=0.7)
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=6, loc="upper left", ncols=3)


def _heatmap(axes: Axes, _panel: dict[str, Any], answers: Answers) -> None:
    series = sorted(answers[0][1], key=lambda each: float(each["metric"]["le"]))
    cumulated = [[float(value) for _, value in each["values"]] for each in series]
    bands = [[high - low for low, high in zip(below, here, strict=True)] for below, here in pairwise(cumulated)]
    axes.imshow([cumulated[0], *bands], aspect="auto", origin="lower", cmap="Oranges")
    axes.set_yticks(range(len(series)), [each["metric"]["le"] for each in series], fontsize=6)


def _number(axes: Axes, _panel: dict[str, Any], answers: Answers) -> None:
    axes.axis("off")
    axes.text(0.5, 0.5, f"{float(answers[0][1][0]['value'][1]):.4g}", fontsize=22, ha="center", va="center")


def _table(axes: Axes, _panel: dict[str, Any], answers: Answers) -> None:
    axes.axis("off")
    lines = ["  ".join(f"{name}={value}" for name, value in sorted(each["metric"].items())) for each in answers[0][1]]
    axes.text(0, 0.5, "\n\n".join(lines), fontsize=6, va="center")


_DRAWERS = {"timeseries": _curves, "heatmap": _heatmap, "stat": _number, "table": _table}
