"""Shows evaluations: a table for people, a line of JSON for each set for programs."""

import json
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from stream.verdict import DecisionRule
from training import words
from training.measures import Evaluation


def print_table(found: Mapping[str, Evaluation], rule: DecisionRule) -> None:
    """One row for each set, with 95 % intervals."""
    table = Table("set", caption=f"stalled from {rule.decide} on; {rule}")
    for name in ("clips", "stalled", "MCC", "sensitivity", "specificity", "PR-AUC", "uncertain"):
        table.add_column(name, justify="right")
    for name, each in found.items():
        table.add_row(
            name,
            str(each.clips),
            words.stated(each.prevalence),
            *map(words.bounded, (each.mcc, each.sensitivity, each.specificity, each.pr_auc)),
            words.percent(each.uncertain),
        )
    Console(width=None if Console().is_terminal else 140).print(table)


def print_json(found: Mapping[str, Evaluation]) -> None:
    """One object a line: the set's name and its measures."""
    for name, each in found.items():
        print(json.dumps({"set": name, **each.model_dump()}))  # noqa: T201 - it is the command's output
