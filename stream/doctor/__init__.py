"""What limits a group of workers, what to do about it, and when its backlog is done.

    worker's /metrics ──► Sample ─┐
                                  ├─ two of each ──► Load ──┐
    group's lag ─────────► Backlog ─────────────────────────┴─► diagnose ──► Diagnosis

`sample` alone knows the metrics' names; `diagnosis` alone knows what they mean; `setup` tries out what a worker needs.
"""

from stream.doctor.backlog import Backlog, Trend, backlog_of
from stream.doctor.diagnosis import Diagnosis, Finding, Limit, diagnose
from stream.doctor.load import Load
from stream.doctor.sample import Sample, Scraped, parse, scrape

__all__ = [
    "Backlog",
    "Diagnosis",
    "Finding",
    "Limit",
    "Load",
    "Sample",
    "Scraped",
    "Trend",
    "backlog_of",
    "diagnose",
    "parse",
    "scrape",
]
