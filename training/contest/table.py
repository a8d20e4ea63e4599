"""The table of a contest, in Markdown for people and JSON for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from training.contest.contest import Row, Rules
from training.networks.cost import Cost
from training.words import bounded, percent

_COLUMNS = (
    "",
    "test",
    "stalled",
    "MCC",
    "each seed",
    "PR-AUC",
    "above the first row",
    "sensitivity at 95 % specificity",
    "at 99 %",
    "learning rate",
    "clips seen",
    "M parameters",
    "GFLOPs",
    "CPU ms a clip",
)


def as_markdown(rows: Sequence[Row], costs: Sequence[Cost], rules: Rules) -> str:
    """One line for each row and test set, with what all have in common above."""
    head = (
        f"Each network was trained {_length(rules)} ({rules.precision}), {rules.seeds} times at its best learning "
        "rate. Measures are means over these, re-weighted to the share of stalled clips beside them; in brackets "
        "stands the 95 % interval of projects, then clips, drawn again, but not of seeds. MCC is at a threshold chosen "
        "on other clips; how far PR-AUC is above the first row's is of the same clips. A training that diverged counts "
        "as one that tells nothing apart."
    )
    lines = [head, "", f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    for row, cost in zip(rows, costs, strict=True):
        for name, result in row.results.items():
            cells = (
                row.entry.name,
                name,
                percent(result.prevalence),
                bounded(result.mcc),
                " ".join(f"{mcc:.2f}" for mcc in result.mcc_seeds),
                *map(bounded, (result.pr_auc, result.above_first, result.sensitivity_at_95, result.sensitivity_at_99)),
                " ".join(f"{rate:g}" for rate in row.learning_rates),
                str(row.clips_seen),
                f"{cost.parameters / 1e6:.2f}",
                f"{cost.gflops:.2f}",
                f"{cost.cpu_ms:.1f}",
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _length(rules: Rules) -> str:
    if rules.length.passes is not None:
        return f"on {rules.length.passes:g} passes over the clips"
    return f"for {rules.length.minutes:g} minutes of {'CPU time on one thread' if rules.device == 'cpu' else 'a GPU'}"


def as_json(rows: Sequence[Row], costs: Sequence[Cost]) -> str:
    """A line for each row: its settings, cost and results."""
    found = []
    for row, cost in zip(rows, costs, strict=True):
        results = {
            name: {
                "prevalence": result.prevalence,
                "mcc_seeds": result.mcc_seeds,
                "pr_auc_seeds": result.pr_auc_seeds,
                **{
                    each: getattr(result, each).model_dump()
                    for each in ("mcc", "pr_auc", "sensitivity_at_95", "sensitivity_at_99")
                },
                "above_first": result.above_first and result.above_first.model_dump(),
            }
            for name, result in row.results.items()
        }
        entry = row.entry
        settings = {
            "network": entry.network.model_dump(),
            "recipe": entry.recipe.model_dump(),
            "spec": entry.spec.model_dump(),
            "views": entry.views,
            "learning_rates": row.learning_rates,
        }
        line = {"row": entry.name, "clips_seen": row.clips_seen, "cost": asdict(cost), "results": results} | settings
        found.append(json.dumps(line))
    return "\n".join(found) + "\n"
