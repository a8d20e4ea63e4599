"""Outcomes for tests to which most of what an outcome tells doesn't matter."""

from typing import Any

from stream.records import SCHEMA, FileSource, Thresholds, Timings, Verdict


def made_verdict(**fields: Any) -> Verdict:
    """A verdict of which these fields matter."""
    usual: dict[str, Any] = {
        "schema": SCHEMA,
        "clip_id": "a.mp4",
        "verdict": "flowing",
        "probability": 0.1,
        "thresholds": Thresholds(low=0.2, high=0.8, decide=0.5, prevalence=0.05),
        "roi": (1, 2, 30, 40),
        "frames": 52,
        "artifact": "a" * 16,
        "spec": "b" * 16,
        "timings": Timings(fetch_s=0.1, read_s=0.1, score_s=0.1),
        "source": FileSource(file="clips/a.mp4"),
    }
    return Verdict(**{**usual, **fields})
