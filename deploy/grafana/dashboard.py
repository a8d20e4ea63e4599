"""The dashboard: `python -m deploy.grafana.dashboard` writes stall.json, which is committed and provisioned."""

import json
from pathlib import Path
from typing import Any

from deploy.grafana.panels import BAD, DATASOURCE, panel_list
from deploy.grafana.rows.queries import GROUP
from deploy.grafana.rows.runbooks import runbooks
from deploy.grafana.rows.science import IDENTITY, SCIENCE
from deploy.grafana.rows.service import ERRORS, LATENCY, PROMISE, TRAFFIC
from deploy.grafana.rows.workers import KAFKA, SATURATION

PATH = Path(__file__).with_name("stall.json")

_ALL = {"text": ["All"], "value": ["$__all"]}


def dashboard() -> dict[str, Any]:
    """As Grafana's import and its provisioning take it."""
    source = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    job = _variable("job", "Group", "label_values(stall_build_info, job)")
    workers = _variable("instance", "Workers", f"label_values(stall_build_info{{{GROUP}}}, instance)")
    several = {"multi": True, "includeAll": True, "allValue": ".*", "current": _ALL}
    return {
        "uid": "stall-stream",
        "title": "Stall Stream",
        "description": "Workers that judge clips of Stall Catchers.",
        "tags": ["stall-stream"],
        "schemaVersion": 39,  # Grafana 11.0's; later ones have nothing to change in it
        "editable": True,
        "graphTooltip": 1,  # the same moment in all panels
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [source, job, workers | several]},
        "annotations": {"list": [_alerts()]},
        "panels": panel_list(
            (PROMISE, TRAFFIC, LATENCY, ERRORS, SATURATION, KAFKA, SCIENCE, IDENTITY, runbooks()),
        ),
    }


def _variable(name: str, label: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,  # with the time range
        "sort": 1,
    }


def _alerts() -> dict[str, Any]:
    """While an alert fires, all curves have its name and a shade."""
    return {
        "name": "Alerts",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": BAD,
        "target": {"expr": f'ALERTS{{{GROUP},alertstate="firing"}}', "refId": "Alerts", "interval": "60s"},
        "titleFormat": "{{alertname}}",
        "textFormat": "{{instance}}",
        "tagKeys": "severity",
    }


def text() -> str:
    """Of the file."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(text())
