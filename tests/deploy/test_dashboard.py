"""The dashboard: it is what its code makes, names what workers expose, and is complete where Grafana wants it to be."""

import json
import re
from itertools import combinations
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.dashboard import PATH, text
from deploy.grafana.panels import Panel, Query, Row, panel_list
from tests.deploy.promql import exposed_labels, recorded_labels, rules, sent, unknown_names

DASHBOARD = json.loads(PATH.read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EVERYTHING = [*DASHBOARD["panels"], *(panel for row in DASHBOARD["panels"] for panel in row.get("panels", ()))]


def test_it_is_what_its_code_makes():
    assert PATH.read_text() == text(), "run: python -m deploy.grafana.dashboard"


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_names_what_workers_expose_or_rules_record(exposed: str, panel: dict[str, Any]):
    known = {**exposed_labels(exposed), **recorded_labels()}
    for expression in (sent(target["expr"]) for target in panel["targets"]):
        assert "$" not in expression
        assert not unknown_names(expression, known), expression


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows_and_where_it_comes_from(panel: dict[str, Any]):
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert [target["refId"] for target in panel["targets"]] == ["A", "B", "C", "D", "E"][: len(panel["targets"])]
    for source in (panel, *panel["targets"]):
        assert source["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for target in panel["targets"]:
        assert "rate(" not in target["expr"].replace("increase(", "") or "[$__rate_interval]" in target["expr"]


def test_panels_lie_on_the_page_side_by_side():
    places = [(p["gridPos"]["x"], p["gridPos"]["y"], p["gridPos"]["w"], p["gridPos"]["h"]) for p in EVERYTHING]
    assert all(x + w <= 24 for x, _, w, _ in places)
    for (x, y, w, h), (other_x, other_y, other_w, other_h) in combinations(places, 2):
        assert x + w <= other_x or other_x + other_w <= x or y + h <= other_y or other_y + other_h <= y


def test_a_panel_has_a_number_of_its_own_which_stays_whatever_comes_beside_it():
    assert len({panel["id"] for panel in EVERYTHING}) == len(EVERYTHING)
    old, new = (Panel(title=title, says="It.", unit="s", queries=(Query("up"),), width=12) for title in ("old", "new"))
    (_, before, _), (_, _, after) = panel_list((Row("r", (old, new)),)), panel_list((Row("r", (new, old)),))
    assert before["id"] == after["id"]


def through_grafanas_model(told: dict[str, Any]) -> Any:
    register_default_plugins()
    return json.loads(JSONEncoder().encode(Dashboard.from_json(told)))


def test_grafanas_own_model_knows_all_of_it():
    told = {**DASHBOARD, "annotations": {"list": []}}  # whose queries it leaves to the data source
    assert lost(told, through_grafanas_model(told)) == []


def test_what_grafana_has_no_name_for_is_found():
    misspelt = json.loads(PATH.read_text().replace('"unit"', '"untis"').replace('"noValue"', '"noValu"'))
    paths = lost(misspelt["panels"], through_grafanas_model(misspelt)["panels"])
    assert {path.rpartition("/")[2] for path in paths} == {"untis", "noValu"}


def lost(told: Any, known: Any, path: str = "") -> list[str]:
    """Where something is that didn't come through a model, or came as another."""
    if told == known or told in (None, []):
        return []
    if isinstance(told, dict) and isinstance(known, dict):
        return [each for name in told for each in lost(told[name], known.get(name), f"{path}/{name}")]
    if isinstance(told, list) and isinstance(known, list):
        return [each for at, (a, b) in enumerate(zip(told, known, strict=True)) for each in lost(a, b, f"{path}/{at}")]
    return [path]


def test_each_alert_is_shown_and_linked_to_its_page():
    pages = {panel["id"]: panel["title"] for panel in EVERYTHING if panel["type"] == "text"}
    linked = {link["title"]: link["url"] for panel in PANELS for link in panel["links"]}
    assert set(linked) == {rule["alert"] for rule in rules("alerts.yml")} == set(pages.values())
    for alert, url in linked.items():
        number = re.match(rf"/d/{DASHBOARD['uid']}\?viewPanel=(\d+)&", url)
        assert number
        assert pages[int(number[1])] == alert
    (annotation,) = DASHBOARD["annotations"]["list"]
    assert not unknown_names(sent(annotation["target"]["expr"]), exposed_labels(""))


def test_a_row_that_leaves_a_gap_is_refused():
    panel = Panel(title="a", says="b.", unit="s", queries=(Query("up"),), width=10)
    with pytest.raises(ValueError, match="20 columns"):
        panel_list((Row("r", (panel, panel)),))
