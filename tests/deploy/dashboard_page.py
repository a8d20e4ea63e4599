"""The dashboard as one page of HTML, laid out as Grafana lays it out, with what Prometheus answered. Grafana's own
server is not to be had as a package; this is for a look at what it is asked to show."""

from base64 import b64encode
from html import escape
from typing import Any

from tests.deploy.dashboard_plots import Canvas, plot
from tests.deploy.shown import Curve, Firing, Shown, worded

_CELL_PX, _GAP_PX = 30, 8
_COLUMN_PX, _ROW_PX = 59 + _GAP_PX, _CELL_PX + _GAP_PX
_LEFT_PX, _TOP_PX = 12, 50
WIDTH_PX = 24 * _COLUMN_PX - _GAP_PX + 2 * _LEFT_PX
_CHARACTER_PX, _LINE_PX = 6.3, 17
_STYLE = """
body { margin: 0; padding: 12px; width: 1600px; background: #111217; color: #ccccdc;
  font: 12px/1.3 "DejaVu Sans", sans-serif; }
h1 { height: 28px; margin: 0 4px 10px; font-size: 18px; font-weight: normal; }
h1 small { float: right; font-size: 12px; color: #9a9ba8; }
main { display: grid; grid-template-columns: repeat(24, 1fr); grid-auto-rows: 30px; gap: 8px; }
section { display: flex; flex-direction: column; overflow: hidden; background: #181b1f; border: 1px solid #25272d; }
h2 { margin: 0; align-self: end; font-size: 14px; }
h3 { margin: 5px 8px 0; font-size: 12px; white-space: nowrap; overflow: hidden; }
h3 a { float: right; color: #8ab8ff; font-weight: normal; }
img { display: block; width: 100%; }
.legend { margin: 0 8px; font-size: 11px; overflow: hidden; }
.legend span { display: inline-block; margin-right: 10px; white-space: nowrap; }
.legend i { display: inline-block; width: 12px; margin-right: 4px; border-top: 3px solid; vertical-align: 3px; }
.number { flex: 1; display: grid; place-content: center; font-size: 30px; }
.nothing { flex: 1; display: grid; place-content: center; color: #9a9ba8; }
table { margin: 6px 8px; border-collapse: collapse; } td, th { padding: 2px 14px 2px 0; text-align: left; }
th { color: #8ab8ff; font-weight: normal; }
"""


def page(dashboard: dict[str, Any], shown: list[Shown], alerts: list[Firing]) -> str:
    """The whole HTML.

    Args:
        dashboard: as Grafana takes it.
        shown: its panels in their order, with their answers.
        alerts: those that fired.
    """
    rows = [panel for panel in dashboard["panels"] if panel["type"] == "row"]
    variables = " · ".join(each["label"] for each in dashboard["templating"]["list"])
    parts = [
        *(
            f'<h2 style="{_place(row)}">{"&gt;" if row["collapsed"] else "⌄"} {escape(row["title"])}</h2>'
            for row in rows
        ),
        *(_section(each, alerts) for each in shown),
    ]
    head = f"<h1>{escape(dashboard['title'])} <small>{variables} · {dashboard['time']['from']}</small></h1>"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(dashboard["title"])}</title>'
        f"<style>{_STYLE}</style>{head}<main>{''.join(parts)}</main></html>\n"
    )


def height_px(dashboard: dict[str, Any], *, rows: int | None = None) -> int:
    """Of the page, or of its first rows."""
    ends = [panel["gridPos"]["y"] for panel in dashboard["panels"] if panel["type"] == "row"]
    end = ends[-1] + 1 if rows is None else ends[rows]
    return int(_TOP_PX + end * _ROW_PX)


def box_px(panel: dict[str, Any]) -> tuple[int, int, int, int]:
    """Left, upper, right and lower edge of where only a panel's numbers or curves are: no title, no legend."""
    at = panel["gridPos"]
    left, top = _LEFT_PX + at["x"] * _COLUMN_PX, _TOP_PX + at["y"] * _ROW_PX
    width, height = at["w"] * _COLUMN_PX - _GAP_PX, at["h"] * _ROW_PX - _GAP_PX
    return left + width // 5, top + 28, left + width - 2, top + 28 + height // 2


def _place(panel: dict[str, Any]) -> str:
    at = panel["gridPos"]
    return f"grid-area: {at['y'] + 1} / {at['x'] + 1} / span {at['h']} / span {at['w']}"


def _section(shown: Shown, alerts: list[Firing]) -> str:
    panel = shown.panel
    links = "".join(f"<a>{escape(link['title'])}</a>" for link in panel["links"])
    draw = {"stat": _number, "table": _table}.get(panel["type"])
    content = draw(shown) if draw else _drawing(shown, alerts)
    return (
        f'<section id="panel-{panel["id"]}" title="{escape(panel["description"])}" style="{_place(panel)}">'
        f"<h3>{links}{escape(panel['title'])}</h3>{content}</section>"
    )


def _drawing(shown: Shown, alerts: list[Firing]) -> str:
    at = shown.panel["gridPos"]
    width = at["w"] * _COLUMN_PX - _GAP_PX
    told = [(curve, worded(curve.last, shown.defaults["unit"])) for curve in _named(shown)]
    lines = -(-sum(len(curve.name) + len(last) + 14 for curve, last in told) * _CHARACTER_PX // width)
    height = at["h"] * _ROW_PX - _GAP_PX - 28 - int(lines) * _LINE_PX
    svg = b64encode(plot(shown, Canvas(width, height), alerts).encode()).decode()
    legend = "".join(
        f'<span><i style="border-color: {curve.colour}; border-top-style: {"dashed" if curve.dashed else "solid"}"></i>'
        f"{escape(curve.name)} Last *: <b>{last}</b></span>"
        for curve, last in told
    )
    image = f'<img alt="" height="{height}" src="data:image/svg+xml;base64,{svg}">'
    return f'{image}<div class="legend">{legend}</div>'


def _named(shown: Shown) -> list[Curve]:
    return [] if shown.panel["type"] == "heatmap" else shown.curves()


def _number(shown: Shown) -> str:
    if not shown.answers[0]:
        return _nothing(shown)
    value = float(shown.answers[0][0]["value"][1])
    steps = shown.defaults["thresholds"]["steps"]
    colour = [step["color"] for step in steps if step["value"] is None or value >= step["value"]][-1]
    shade = "inherit" if colour == "text" else colour
    return f'<div class="number" style="color: {shade}">{worded(value, shown.defaults["unit"])}</div>'


def _table(shown: Shown) -> str:
    if not shown.answers[0]:
        return _nothing(shown)
    rows = [series["metric"] for series in shown.answers[0]]
    names = shown.panel["transformations"][0]["options"]["include"]["names"]
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{escape(row[name])}</td>" for name in names) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _nothing(shown: Shown) -> str:
    return f'<div class="nothing">{escape(shown.defaults.get("noValue", "No data"))}</div>'
