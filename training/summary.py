"""What a finished cache of clips holds, for people."""

from pathlib import Path

from rich.markup import escape
from rich.table import Table

from stream.terminal.console import Console
from training.data.cache import Contents, Count
from training.words import percent


def show_contents(console: Console, contents: Contents, *, failures: Path) -> None:
    """Counts by project and class, what could not be read and where that is listed, and what should be known."""
    table = Table("project", caption="clips that are ready")
    for name in ("stalled", "flowing", "share stalled"):
        table.add_column(name, justify="right")
    for project, count in contents.projects.items():
        table.add_row(escape(project), *_cells(count))
    table.add_section()
    table.add_row("all", *_cells(contents.clips))
    console.print(table)
    for reason, clips in contents.failures.items():
        console.print(f"{clips} could not be read: {reason}", markup=False, highlight=False)
    if contents.failures:
        console.print(f"they are listed in {failures}", markup=False, highlight=False, soft_wrap=True)
    for note in contents.notes:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)


def _cells(count: Count) -> tuple[str, str, str]:
    return str(count.stalled), str(count.flowing), percent(count.stalled / (count.stalled + count.flowing))
