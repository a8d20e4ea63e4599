"""Panels and rows in few words, and what Grafana calls them: classic dashboard JSON, for Grafana 11 and later."""

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["timeseries", "stat", "heatmap", "table"]

_COLUMNS = 24
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and what its curves are called."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture."""

    title: str
    says: str
    """Shown on hovering: what it is, and what to look for."""
    unit: str
    """By Grafana's name."""
    queries: tuple[Query, ...]
    kind: Kind = "timeseries"
    width: int = 8
    """Of 24 columns."""
    stacked: bool = False
    limit: float | None = None
    """From here on it is red."""
    at_least: float | None = None
    """Below it is red, instead."""
    top: float | None = None
    """Where the axis ends."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels about one question, side by side."""

    title: str
    panels: tuple[Panel, ...]
    height: int = 8


def panel_list(rows: tuple[Row, ...]) -> list[dict[str, Any]]:
    """All panels, with their places.

    Raises:
        ValueError: a row is not as wide as the page.
    """
    placed: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        placed.append({"type": "row", "title": row.title, "collapsed": False, "panels": []} | _place(0, y, _COLUMNS, 1))
        y, x = y + 1, 0
        for panel in row.panels:
            if x + panel.width > _COLUMNS:
                y, x = y + row.height, 0
            placed.append(_json(panel) | _place(x, y, panel.width, row.height))
            x += panel.width
        if x != _COLUMNS:
            raise ValueError(f"row {row.title!r}: its last line is {x} columns wide, not {_COLUMNS}")
        y += row.height
    return [{"id": number, **panel} for number, panel in enumerate(placed, start=1)]


def _place(x: int, y: int, width: int, height: int) -> dict[str, Any]:
    return {"gridPos": {"x": x, "y": y, "w": width, "h": height}}


def _json(panel: Panel) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": _DATASOURCE,
        "targets": [_target(panel, query, chr(ord("A") + number)) for number, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
    } | _transformations(panel)


def _target(panel: Panel, query: Query, ref: str) -> dict[str, Any]:
    return {
        "refId": ref,
        "datasource": _DATASOURCE,
        "expr": query.expression,
        "legendFormat": query.legend,
        "instant": panel.kind in ("stat", "table"),
        "range": panel.kind not in ("stat", "table"),
        "format": {"heatmap": "heatmap", "table": "table"}.get(panel.kind, "time_series"),
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
    if panel.at_least is not None:
        steps = [{"color": "red", "value": None}, {"color": "green", "value": panel.at_least}]
    defaults: dict[str, Any] = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}}
    if panel.kind == "timeseries":
        defaults |= {"min": 0, "custom": _curves(panel)}
    return defaults | ({} if panel.top is None else {"max": panel.top})


def _curves(panel: Panel) -> dict[str, Any]:
    limited = panel.limit is not None
    return {
        "lineWidth": 1,
        "fillOpacity": 40 if panel.stacked else 0,
        "showPoints": "never",
        "stacking": {"mode": "normal" if panel.stacked else "none"},
        "thresholdsStyle": {"mode": "line" if limited else "off"},
    }


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "timeseries":
        return {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    if panel.kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "none"}
    if panel.kind == "heatmap":
        return {"calculate": False, "yAxis": {"unit": panel.unit}, "color": {"scheme": "Oranges", "mode": "scheme"}}
    return {"showHeader": True}


def _transformations(panel: Panel) -> dict[str, Any]:
    if panel.kind != "table":
        return {}
    hidden = {"excludeByName": {"Time": True, "Value": True, "__name__": True, "job": True}}
    return {"transformations": [{"id": "organize", "options": hidden}]}
