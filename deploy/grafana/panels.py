"""Panels and rows in few words, and what Grafana calls them: classic dashboard JSON, for Grafana 11 and later."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from zlib import crc32

Kind = Literal["timeseries", "stat", "heatmap", "table"]

GOOD, ORANGE, BAD = "#009E73", "#E69F00", "#D55E00"
"""Told apart with any eyes, as are the other colours of series: Okabe and Ito's, https://jfly.uni-koeln.de/color/."""

_COLUMNS = 24
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and what its curves are called."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture."""

    title: str
    """No other panel's."""
    says: str
    """Shown on hovering: what it is, and what to look for."""
    unit: str
    """By Grafana's name."""
    queries: tuple[Query, ...]
    kind: Kind = "timeseries"
    width: int = 8
    """Of 24 columns."""
    height: int = 8
    """Of 38 px; a line of panels is as high as its first."""
    stacked: bool = False
    log: bool = False
    """Its values are of several orders; 0 isn't drawn."""
    colours: Mapping[str, str] = field(default_factory=dict)
    """Of curves by their names; the others get Grafana's."""
    dashed: tuple[str, ...] = ()
    """These curves are what others are held against."""
    warn: float | None = None
    """From here on it isn't good."""
    limit: float | None = None
    """From here on it is bad."""
    at_least: float | None = None
    """Below it is bad, instead."""
    bottom: float | None = 0
    """Where the axis begins; None: where the curves do."""
    top: float | None = None
    """Where it ends; None: where the curves do."""
    columns: tuple[str, ...] = ()
    """Of a table, by their labels; what isn't named isn't shown."""
    nothing: str | None = None
    """What is shown where there is no answer."""
    alert: str | None = None
    """Who calls when it is bad; its page is linked."""


@dataclass(frozen=True, slots=True)
class Page:
    """A text in Markdown."""

    title: str
    markdown: str
    width: int = 12
    height: int = 14


@dataclass(frozen=True, slots=True)
class Row:
    """Panels about one question, side by side."""

    title: str
    panels: tuple[Panel | Page, ...]
    folded: bool = False
    """Until it is clicked on."""


def panel_list(rows: tuple[Row, ...]) -> list[dict[str, Any]]:
    """All panels, with their places.

    Raises:
        ValueError: a row is not as wide as the page.
    """
    listed: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        placed, end = _placed(row, y + 1)
        head = {"id": panel_id(row.title), "type": "row", "title": row.title, "collapsed": row.folded}
        listed.append(head | _place(0, y, _COLUMNS, 1) | {"panels": placed if row.folded else []})
        listed += [] if row.folded else placed
        y = end
    return listed


def panel_id(title: str) -> int:
    """Of a panel or a row, by which links name it: the same whatever comes or goes beside it."""
    return crc32(title.encode()) % 1_000_000


def _placed(row: Row, y: int) -> tuple[list[dict[str, Any]], int]:
    """Its panels from `y` on, and where they end."""
    placed: list[dict[str, Any]] = []
    x = height = 0
    for panel in row.panels:
        if x + panel.width > _COLUMNS:
            y, x = y + height, 0
        height = height if x else panel.height
        shown = _page(panel) if isinstance(panel, Page) else _panel(panel)
        placed.append({"id": panel_id(panel.title)} | shown | _place(x, y, panel.width, height))
        x += panel.width
    if x != _COLUMNS:
        raise ValueError(f"row {row.title!r}: its last line is {x} columns wide, not {_COLUMNS}")
    return placed, y + height


def _place(x: int, y: int, width: int, height: int) -> dict[str, Any]:
    return {"gridPos": {"x": x, "y": y, "w": width, "h": height}}


def _page(page: Page) -> dict[str, Any]:
    return {"type": "text", "title": page.title, "options": {"mode": "markdown", "content": page.markdown}}


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": DATASOURCE,
        "targets": [_target(panel, query, chr(ord("A") + number)) for number, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _overrides(panel)},
        "options": _options(panel),
        "links": [] if panel.alert is None else [_link(panel.alert)],
    } | _transformations(panel)


def _link(alert: str) -> dict[str, Any]:
    kept = "${datasource:queryparam}&${job:queryparam}&${__url_time_range}"
    return {"title": alert, "url": f"/d/stall-stream?viewPanel={panel_id(alert)}&{kept}", "targetBlank": True}


def _target(panel: Panel, query: Query, ref: str) -> dict[str, Any]:
    instant = panel.kind in ("stat", "table")  # a number that is told no more must not be shown as if it were
    return {
        "refId": ref,
        "datasource": DATASOURCE,
        "expr": query.expression,
        "legendFormat": query.legend,
        "instant": instant,
        "range": not instant,
        "format": {"heatmap": "heatmap", "table": "table"}.get(panel.kind, "time_series"),
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "text", "value": None}]
    if panel.limit is not None:
        told = ((GOOD, None), (ORANGE, panel.warn), (BAD, panel.limit))
        steps = [{"color": colour, "value": value} for colour, value in told if colour == GOOD or value is not None]
    if panel.at_least is not None:
        steps = [{"color": BAD, "value": None}, {"color": GOOD, "value": panel.at_least}]
    defaults: dict[str, Any] = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}}
    if panel.kind == "timeseries":
        defaults |= {"color": {"mode": "palette-classic-by-name"}, "custom": _curves(panel)}
        defaults |= {} if panel.log or panel.bottom is None else {"min": panel.bottom}
    if panel.kind == "stat":
        defaults["color"] = {"mode": "thresholds"}
    if panel.nothing is not None:
        defaults["noValue"] = panel.nothing
    return defaults | ({} if panel.top is None else {"max": panel.top})


def _curves(panel: Panel) -> dict[str, Any]:
    limited = (panel.limit, panel.at_least) != (None, None)
    return {
        "lineWidth": 1,
        "fillOpacity": 60 if panel.stacked else 0,
        "showPoints": "never",
        "stacking": {"mode": "normal" if panel.stacked else "none"},
        "scaleDistribution": {"type": "log", "log": 10} if panel.log else {"type": "linear"},
        "thresholdsStyle": {"mode": "dashed" if limited else "off"},
    }


def _overrides(panel: Panel) -> list[dict[str, Any]]:
    told: dict[str, list[dict[str, Any]]] = {}
    for name, colour in panel.colours.items():
        told[name] = [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}]
    for name in panel.dashed:
        told.setdefault(name, []).append({"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 6]}})
    return [
        {"matcher": {"id": "byName", "options": name}, "properties": properties} for name, properties in told.items()
    ]


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "timeseries":
        return {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull"]},
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
    shown = {"include": {"names": list(panel.columns)}}
    order = {"indexByName": {name: place for place, name in enumerate(panel.columns)}}
    return {"transformations": [{"id": "filterFieldsByName", "options": shown}, {"id": "organize", "options": order}]}
