"""The door to matplotlib: a report as bars, throughput and CPU time, each with the spread over rounds."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stream.errors import UserError
from trt_build.bench.report import Report, Spread

_FORMATS = (".svg", ".png", ".pdf")
_BLUE, _GREY = "#0072B2", "#8a8f98"


def check_format(path: Path) -> None:
    """Refuses a file that would be of no known format.

    Raises:
        UserError: naming those that there are.
    """
    if path.suffix not in _FORMATS:
        raise UserError(f"--plot {path}: figures are written as {', '.join(_FORMATS)}; give a name that ends so")


def plot(report: Report, path: Path) -> None:
    """Draws the rows from above to below.

    Raises:
        UserError: the file can't be written.
    """
    figure = Figure(figsize=(10, 1.2 + 0.5 * len(report.rows)), layout="constrained")
    throughput, cpu = figure.subplots(1, 2, sharey=True)
    _bars(throughput, [row.clips_per_s for row in report.rows], "clips a second")
    _bars(cpu, [row.cpu_ms for row in report.rows], "CPU ms a clip")
    throughput.set_yticks(range(len(report.rows)), [f"{row.name}\n{row.way}" for row in report.rows], fontsize=7)
    throughput.invert_yaxis()
    try:
        figure.savefig(path)
    except OSError as error:
        raise UserError(f"--plot {path} can't be written ({error.strerror}); give another place") from None


def _bars(axes: Axes, spreads: list[Spread], label: str) -> None:
    medians = [each.median for each in spreads]
    around = [[each.median - each.low for each in spreads], [each.high - each.median for each in spreads]]
    colours = [_GREY, *[_BLUE] * (len(spreads) - 1)]  # the first is what others are compared with
    axes.barh(range(len(spreads)), medians, xerr=around, color=colours, ecolor="#22262b")
    axes.set_xlabel(label)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
