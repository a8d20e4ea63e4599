"""`python -m stream report`: shows what came of the references."""

import json

from stream.commands import start_log
from stream.commands.cluster import cluster_of, extent_of, topics_of
from stream.results.expectations import read_expectations
from stream.results.report import report
from stream.results.shown import show_report
from stream.settings import ReportSettings
from stream.terminal.console import Console


def run(settings: ReportSettings) -> int:
    """Shows what came of the references: exit code 0 if delivery holds, pending or not, else 1."""
    start_log(settings)
    expectations = read_expectations(settings.labels, settings.expected_rejections)
    extent = extent_of(settings)
    result = report(cluster_of(settings), topics_of(settings), expectations=expectations, extent=extent)
    if settings.as_json:
        print(json.dumps(result.summary()))
    else:
        show_report(Console(), result)
    return 0 if result.audit.holds else 1
