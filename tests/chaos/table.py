"""A run of chaos as a table in Markdown, for the README."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from stream.results.ledger import Fault
from tests.chaos.run import Result

FAULTS: tuple[Fault, ...] = ("lost", "doubled", "out_of_order", "invented")


def table(result: Result) -> str:
    audit = result.audit
    rows = [
        ("workers killed with SIGKILL", f"{result.kills.total()}: {_listed(result.kills)}"),
        ("workers that stood still within a delivery", str(result.frozen)),
        ("what else went wrong", _listed(result.events)),
        ("deliveries refused, and made again", str(result.refused)),
        ("exit codes", _listed(result.exits)),
        ("references, outcomes", f"{audit.references}, {audit.outcomes}"),
        ("fewest references in line", str(result.least_backlog)),
        (", ".join(FAULTS).replace("_", " "), ", ".join(str(audit.faults.get(each, 0)) for each in FAULTS)),
        ("outcomes that the clip doesn't deserve", str(len(result.wrong))),
        ("minutes, seed", f"{result.seconds / 60:.1f}, {result.script.seed}"),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


Name = TypeVar("Name", bound=str)


def _listed(counts: Mapping[Name, int]) -> str:
    return _joined(f"{count} {name}" for name, count in sorted(counts.items()))


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(parts) or "none"
