"""The dashboard: it is what its code makes, names what workers expose, and is complete where Grafana wants it to be."""

import json
from itertools import combinations
from typing import Any

import pytest

from deploy.grafana.dashboard import PATH, text
from deploy.grafana.panels import Panel, Query, Row, panel_list
from tests.deploy.promql import exposed_labels, recorded_labels, unknown_names

DASHBOARD = json.loads(PATH.read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES = {"$__rate_interval": "5m", "$job": "stall-workers"}


def expressions(panel: dict[str, Any]) -> list[str]:
    """As Grafana sends them."""
    found: list[str] = []
    for target in panel["targets"]:
        sent = target["expr"]
        for name, value in VARIABLES.items():
            sent = sent.replace(name, value)
        found.append(sent)
    return found


def test_it_is_what_its_code_makes():
    assert PATH.read_text() == text(), "run: python -m deploy.grafana.dashboard"


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_names_what_workers_expose_or_rules_record(exposed: str, panel: dict[str, Any]):
    known = {**exposed_labels(exposed), **recorded_labels()}
    for expression in expressions(panel):
        assert "$" not in expression
        assert not unknown_names(expression, known), expression


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows_and_where_it_comes_from(panel: dict[str, Any]):
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert [target["refId"] for target in panel["targets"]] == ["A", "B", "C", "D"][: len(panel["targets"])]
    for source in (panel, *panel["targets"]):
        assert source["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for target in panel["targets"]:
        assert "rate(" not in target["expr"].replace("increase(", "") or "[$__rate_interval]" in target["expr"]


def test_panels_have_numbers_of_their_own_and_lie_on_the_page_side_by_side():
    everything = DASHBOARD["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    places = [(p["gridPos"]["x"], p["gridPos"]["y"], p["gridPos"]["w"], p["gridPos"]["h"]) for p in everything]
    assert all(x + w <= 24 for x, _, w, _ in places)
    for (x, y, w, h), (other_x, other_y, other_w, other_h) in combinations(places, 2):
        assert x + w <= other_x or other_x + other_w <= x or y + h <= other_y or other_y + other_h <= y


def test_a_row_that_leaves_a_gap_is_refused():
    panel = Panel(title="a", says="b.", unit="s", queries=(Query("up"),), width=10)
    with pytest.raises(ValueError, match="20 columns"):
        panel_list((Row("r", (panel, panel)),))
