"""What a person sees of outcomes, audit and report: rich tables, on whatever console they are given."""

from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from stream.measures import Confusion, Interval
from stream.records import FileSource, Outcome, Rejection, Source, Verdict
from stream.results.ledger import Audit, Fault
from stream.terminal.console import Console
from stream.terminal.wording import counted

if TYPE_CHECKING:
    from stream.results.report import Report  # brings Kafka's client, which `score` has no use for

_FAULTS: dict[Fault, str] = {
    "lost": "lost: passed by the group, without an outcome",
    "doubled": "doubled: more than one outcome",
    "out_of_order": "out of order within an output partition",
    "invented": "invented: an outcome without a reference",
    "unidentified": "unidentified: a record that names no reference",
    "mismatched": "mismatched: an outcome that contradicts its own headers, or its reference's clip_id",
    "late": "late: appended too long after the reference; the slowest first",
}
_COLOURS = {"stalled": "red", "flowing": "green", "uncertain": "yellow"}


_PROBABILITY = "P(stalled)"


class Bar:
    """A progress bar on stderr, so that stdout holds nothing but results; a context manager.

    Args:
        what: is being done.
        total: how many steps that takes; None where it is not known yet.
    """

    def __init__(self, what: str, *, total: int | None = None) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._task = self._progress.add_task(what, total=total)

    def advance(self, more: int) -> None:
        """So many more are done."""
        self._progress.advance(self._task, more)

    def reach(self, done: int, total: int) -> None:
        """So many are done, of so many."""
        self._progress.update(self._task, completed=done, total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()


def show_outcomes(console: Console, outcomes: Iterable[Outcome]) -> None:
    """A row for each outcome, in their order."""
    table = Table(_clip_column(), "verdict", _PROBABILITY, "frames", "rejected for")
    for outcome in outcomes:
        if isinstance(outcome, Verdict):
            table.add_row(escape(outcome.clip_id), _label(outcome), f"{outcome.probability:.3f}", str(outcome.frames))
        else:
            table.add_row(_clip(outcome), "[dim]rejected[/]", "", "", escape(f"{outcome.reason}: {outcome.detail}"))
    console.print(table)


def show_audit(console: Console, audit: Audit) -> None:
    """Each thing that doesn't hold, or not yet, with where it is; last, a line for what holds."""
    for fault, count in audit.faults.items():
        colour = "yellow" if fault == "late" else "red"
        _list(console, f"[{colour}]{count} {_FAULTS[fault]}[/]", audit.examples[fault], of=count)
    if audit.pending:
        told = f"[yellow]{audit.pending} pending: without an outcome as yet; the oldest first[/]"
        _list(console, told, audit.oldest_pending, of=audit.pending)
    if audit.expired:
        told = counted(audit.expired, "outcome is of a reference", "outcomes are of references")
        console.print(f"{told} that the broker has deleted since")
    if audit.unproven:
        told = counted(audit.unproven, "reference has no outcome", "references have no outcome")
        console.print(
            f"[yellow]{told}, and may have had one[/]: the group has passed them, "
            "and the broker has deleted outcomes since"
        )
    console.print(_in_one_line(audit))


def _list(console: Console, what: str, examples: tuple[str, ...], *, of: int) -> None:
    console.print(what)
    for example in examples:
        console.print(f"    {example}", markup=False, soft_wrap=True)  # to be copied as it is
    if of > len(examples):
        console.print(f"    ... and {of - len(examples)} more")


def _in_one_line(audit: Audit) -> str:
    told = f"{counted(audit.references, 'reference')}, {counted(audit.outcomes, 'outcome')}"
    if audit.is_broken:
        return f"[red]delivery is broken[/]: {told}"
    if not audit.references:
        return "[yellow]nothing is proved[/]: there are no references"
    late = f", {audit.late} late" if audit.late else ""
    if audit.pending:
        return f"[yellow]{audit.pending} pending{late}[/]: {told}; so far each in order, none twice, none invented"
    if audit.unproven:
        return f"[yellow]not proven{late}[/]: {told}; those that are there in order, none twice, none invented"
    if audit.late:
        return f"[yellow]{audit.late} late[/], else each reference has exactly one outcome, in order: {told}"
    return f"[green]each reference has exactly one outcome[/], in order, none invented: {told}"


def show_report(console: Console, report: "Report") -> None:
    """The whole report; clips one by one where they are few."""
    verdicts, rejections = sum(report.labels.values()), sum(report.rejections.values())
    if verdicts:
        console.print(_verdicts(report, one_by_one=verdicts == len(report.verdicts)))
    if rejections:
        console.print(_rejections(report, one_by_one=rejections == len(report.rejected)))
    if verdicts or rejections:
        told = "counted are outcomes, all those of a clip that was sent again; export has the latest of each clip"
        console.print(told + (f"; sent back by requeue: {report.sent_back}" if report.sent_back else ""))
    if report.confusion:
        console.print(_measures(report.confusion, report.prevalences))
    elif verdicts and (labels := report.expectations.stalled):
        told = f"as {next(iter(labels))}; verdicts are as {report.verdicts[0].clip_id}"
        console.print(f"[yellow]none of the {len(labels)} labels is of a clip with a verdict[/]: {escape(told)}")
    if report.unexpected:
        console.print(f"[red]{counted(report.unexpected, 'clip')} ended otherwise than was expected of them[/]")
    elif report.expectations.rejections:
        console.print("rejected were those that were meant to be, for the reasons expected")
    show_audit(console, report.audit)
    if speed := report.speed:
        console.print(
            f"{counted(speed.clips, 'clip')} in {speed.span_s:.1f} s, pauses included: {speed.clips_per_s:.1f} clips/s;"
            f" from a reference's append to its outcome's: p50 {speed.p50_s:.2f} s, p95 {speed.p95_s:.2f} s"
        )


def _verdicts(report: "Report", *, one_by_one: bool) -> Table:
    if not one_by_one:
        table = Table("verdict", "outcomes", title="Verdicts")
        for label, count in sorted(report.labels.items()):
            table.add_row(f"[{_COLOURS[label]}]{label}[/]", str(count))
        return table
    truths = report.expectations.stalled
    known = ["truth", "of two classes"] if truths else []
    table = Table(_clip_column(), "verdict", _PROBABILITY, *known, title="Verdicts")
    for verdict in sorted(report.verdicts, key=lambda each: each.clip_id):
        row = [escape(verdict.clip_id), _label(verdict), f"{verdict.probability:.3f}"]
        table.add_row(*row, *(_truth(verdict, truths.get(verdict.clip_id)) if truths else []))
    return table


def _truth(verdict: Verdict, stalled: bool | None) -> tuple[str, str]:  # noqa: FBT001 - the truth is a bool
    if stalled is None:
        return "unknown", ""
    right = stalled == (verdict.probability >= verdict.thresholds.decide)
    return "stalled" if stalled else "flowing", "[green]right[/]" if right else "[red]wrong[/]"


def _rejections(report: "Report", *, one_by_one: bool) -> Table:
    table = Table("reason", _clip_column() if one_by_one else "outcomes", "detail", title="Rejections")
    if one_by_one:
        for each in sorted(report.rejected, key=lambda each: (each.reason, each.clip_id or "")):
            table.add_row(each.reason, _clip(each), escape(each.detail))
        return table
    for reason, count in sorted(report.rejections.items()):
        example = next((each for each in report.rejected if each.reason == reason), None)
        table.add_row(reason, str(count), f"for one, {_clip(example)}: {escape(example.detail)}" if example else "")
    return table


def _measures(confusion: Confusion, prevalences: tuple[float, ...]) -> Table:
    stated = ", ".join(f"{each:g}" for each in prevalences)
    table = Table("measure", "value", "95 % interval", title=f"Against the truth (n = {confusion.total})")
    table.add_row("MCC", f"{confusion.mcc:.3f}", "")
    table.add_row("sensitivity", f"{confusion.sensitivity:.3f}", _interval(confusion.sensitivity_interval))
    table.add_row("specificity", f"{confusion.specificity:.3f}", _interval(confusion.specificity_interval))
    table.add_row("prevalence of these clips", f"{confusion.prevalence:.3f}", "")
    table.add_row("prevalence stated to the workers", stated, "")
    return table


def _clip_column() -> Column:
    return Column("clip", overflow="fold")  # whole ids, whatever the width


def _interval(interval: Interval) -> str:
    return f"{interval.low:.2f} to {interval.high:.2f}"


def _label(verdict: Verdict) -> str:
    return f"[{_COLOURS[verdict.verdict]}]{verdict.verdict}[/]"


def _clip(rejection: Rejection) -> str:
    return escape(rejection.clip_id) if rejection.clip_id is not None else f"[dim]{escape(_place(rejection.source))}[/]"


def _place(source: Source) -> str:
    return source.file if isinstance(source, FileSource) else f"{source.topic}[{source.partition}]@{source.offset}"
