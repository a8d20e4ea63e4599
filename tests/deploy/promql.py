"""Expressions held against what workers expose: each metric and label that one names must be there."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import promql_parser
import yaml
from prometheus_client.parser import text_string_to_metric_families

MONITORING = Path(__file__).resolve().parents[2] / "deploy" / "monitoring"
BY_PROMETHEUS = {"job", "instance"}
Labels = Mapping[str, set[str]]
VARIABLES = {"$__rate_interval": "5m", "$job": "stall-workers", "$instance": ".*"}


def sent(expression: str) -> str:
    """As Grafana sends it, with all workers chosen."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def rules(name: str) -> Iterator[dict[str, Any]]:
    """Recording rules or alerts of a file."""
    for group in yaml.safe_load((MONITORING / name).read_text())["groups"]:
        yield from group["rules"]


def exposed_labels(text: str) -> dict[str, set[str]]:
    """The names of a /metrics page's samples, and the labels of each."""
    labels: dict[str, set[str]] = {"up": set(BY_PROMETHEUS), "ALERTS": {"job", "alertname", "alertstate", "severity"}}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels.setdefault(sample.name, set(BY_PROMETHEUS)).update(sample.labels)
    return labels


def recorded_labels() -> dict[str, set[str]]:
    """Of what the recording rules make: all are by job."""
    return {rule["record"]: {"job"} for rule in rules("recording.yml")}


def unknown_names(expression: str, known: Labels) -> list[str]:
    """What an expression names and nobody exposes.

    Raises:
        ValueError: it is none.
    """
    unknown: list[str] = []
    at_hand: set[str] = set()
    grouped: set[str] = set()

    def visit(node: object) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            name = node.name or ""
            labels = known.get(name)
            if labels is None:
                unknown.append(name)
                return
            at_hand.update(labels)
            unknown.extend(f"{name}{{{m.name}}}" for m in node.matchers.matchers if m.name not in labels)
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier:
            grouped.update(node.modifier.labels)
        elif isinstance(node, promql_parser.BinaryExpr) and node.modifier:
            grouped.update(node.modifier.group_labels or ())
            grouped.update(node.modifier.matching.labels if node.modifier.matching else ())

    promql_parser.walk(promql_parser.parse(expression), visit)
    return [*unknown, *sorted(grouped - at_hand)]
