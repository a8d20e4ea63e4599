"""The door to polars: a table of outcomes as Parquet. It comes with the extra [parquet]."""

from datetime import datetime
from pathlib import Path
from typing import get_args, get_type_hints

import polars as pl

from stream.results.table import Row

_TYPES: dict[type, pl.DataType] = {
    str: pl.String(),
    int: pl.Int64(),
    float: pl.Float64(),
    datetime: pl.Datetime("us", "UTC"),
}


def write_parquet(path: Path, table: Path) -> None:
    """Writes as Parquet what `write_csv` wrote at `table`, without having all of it in memory."""
    columns = {name: _TYPES[(get_args(kind) or (kind,))[0]] for name, kind in get_type_hints(Row).items()}
    times = [name for name, kind in columns.items() if isinstance(kind, pl.Datetime)]
    read = pl.scan_csv(table, schema={**columns, **dict.fromkeys(times, pl.String())})
    read.with_columns(pl.col(times).str.to_datetime("%+", time_unit="us", time_zone="UTC")).sink_parquet(path)
