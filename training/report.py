"""Shows evaluations: a table for people, a line of JSON for each set for programs."""

from collections.abc import Sequence

from pydantic_core import to_json
from rich.table import Table

from stream.terminal.console import Console
from stream.verdict import DecisionRule
from training import words
from training.measures.study import Study


def print_table(studies: Sequence[Study], rule: DecisionRule) -> None:
    """One row for each set, with 95 % intervals."""
    table = Table("set", caption=f"stalled from {rule.decide} on; {rule}")
    for name in ("clips", "stalled", "MCC", "sensitivity", "specificity", "PR-AUC", "uncertain"):
        table.add_column(name, justify="right")
    for of_set in studies:
        each = of_set.evaluation
        table.add_row(
            of_set.name,
            str(each.clips),
            words.stated(each.prevalence),
            *map(words.bounded, (each.mcc, each.sensitivity, each.specificity, each.pr_auc)),
            words.percent(each.uncertain),
        )
    Console(width=None if Console().is_terminal else 140, markup=False).print(table)


def print_json(studies: Sequence[Study]) -> None:
    """One object a line: the set's name, its measures, those at other prevalences, and what the rule decides."""
    for each in studies:
        told = {"set": each.name, **each.evaluation.model_dump(), "at": each.points, "decided": each.promise.rule}
        print(to_json(told).decode())  # noqa: T201 - it is the command's output
