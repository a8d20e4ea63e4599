"""`python -m trt_build bench`: how fast artifacts are, beside PyTorch and ONNX Runtime."""

from stream.terminal.console import Console
from training.outfile import check_writable, write_text
from trt_build.bench.plot import check_format, plot
from trt_build.bench.report import table
from trt_build.bench.run import bench
from trt_build.bench.settings import BenchSettings


def run(settings: BenchSettings) -> int:
    """Prints the table, and writes the numbers and the picture where they are asked for."""
    for path in filter(None, (settings.json_file, settings.plot)):
        check_writable(path)
    if settings.plot:
        check_format(settings.plot)
    console = Console(stderr=True, markup=False, highlight=False)
    found = bench(settings, lambda what: console.print(what, style="dim", soft_wrap=True))
    Console(markup=False).print(table(found))
    for note in found.notes:
        Console().print(note, markup=False, highlight=False, soft_wrap=True)
    if settings.json_file:
        write_text(settings.json_file, found.model_dump_json(indent=2) + "\n")
    if settings.plot:
        plot(found, settings.plot)
    return 0
