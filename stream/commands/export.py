"""`python -m stream export`: outcomes as a table, one row a clip."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import NamedTemporaryFile

from stream.commands import start_log
from stream.commands.cluster import cluster_of, extent_of, outcome_topics_of
from stream.errors import UserError
from stream.files.outfile import replacing
from stream.processes.interrupts import end_waits
from stream.results.answers import Answer, read_answers
from stream.results.latest import latest
from stream.results.shown import Bar
from stream.results.table import Row, write_csv
from stream.settings import ExportSettings
from stream.terminal.wording import counted

_STEP = 1000


def run(settings: ExportSettings) -> int:
    """Writes the latest outcome of each clip; a clip without one, as yet, has no row."""
    start_log(settings)
    if settings.out is None:
        count = write_csv(sys.stdout, _rows(settings))
    elif settings.out.suffix == ".parquet":
        count = _write_parquet(settings.out, settings)
    else:
        with replacing(settings.out) as beside, beside.open("w", encoding="utf-8", newline="") as file:
            count = write_csv(file, _rows(settings))
    told = counted(count, "clip has", "clips have")
    print(f"{told} an outcome{f', in {settings.out}' if settings.out else ''}", file=sys.stderr)
    return 0


def _write_parquet(out: Path, settings: ExportSettings) -> int:
    try:
        from stream.results.parquet import write_parquet  # noqa: PLC0415 - it comes with an extra
    except ModuleNotFoundError:
        raise UserError(
            f"--out {out}: Parquet takes polars: pip install '.[parquet]', or give a name that ends in .csv"
        ) from None
    end_waits()
    with (
        replacing(out) as beside,
        NamedTemporaryFile("w", dir=out.parent, suffix=".csv", encoding="utf-8", newline="") as table,
    ):
        count = write_csv(table, _rows(settings))
        table.flush()
        write_parquet(beside, Path(table.name))
    return count


def _rows(settings: ExportSettings) -> Iterator[Row]:
    cluster, topics = cluster_of(settings), outcome_topics_of(settings)
    within = extent_of(settings).within(cluster, settings.clips_topic)
    with closing(read_answers(cluster, settings.clips_topic, topics, within=within)) as answers:
        yield from map(Row.of, latest(_counted(answers)))


def _counted(answers: Iterable[Answer]) -> Iterator[Answer]:
    """Shows how many have been read."""
    with Bar("outcomes read") as bar:
        for count, answer in enumerate(answers, 1):
            if count % _STEP == 0:
                bar.advance(_STEP)
            yield answer
