"""What one worker's metrics say at one moment; the door to the parser of their text."""

import time
import urllib.request
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

from stream.errors import UserError

_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Counters as they stand; seconds, clips and partitions."""

    at_s: float
    """By this machine's monotonic clock."""
    state_s: Mapping[str, float]
    """Time in each state of the worker's thread, since its start."""
    stage_s: Mapping[str, float]
    """Time that clips spent in each stage, in all."""
    stage_clips: Mapping[str, float]
    """Clips that have been through each stage; for `deliver`, batches of outcomes."""
    capacity: Mapping[str, float]
    """Clips that a stage can have in hand at a time."""
    from_the_future: float
    """References that were appended later than it was, by the worker's clock, when they got their outcome."""
    rebalances: float
    refused: float
    """Deliveries that Kafka refused, or didn't answer."""
    reader_restarts: float
    partitions: frozenset[int]
    """That it owns and tells the lag of."""
    owned: int
    memory: float
    """Share of the bytes that may be held; 0 where no limit is told."""
    judges_by: str
    """Artifact and prevalence, in words."""

    @property
    def running_s(self) -> float:
        """Since its start: states sum to wall time."""
        return sum(self.state_s.values())

    def at_birth(self) -> Self:
        """The same worker when its counters stood at 0."""
        born = replace(self, state_s={}, stage_s={}, stage_clips={})
        return replace(born, from_the_future=0.0, rebalances=0.0, refused=0.0, reader_restarts=0.0)


@dataclass(frozen=True, slots=True)
class Scraped:
    """A sample, and what the worker's clock said."""

    sample: Sample
    off_s: float
    """Its clock against this one's, in whole seconds."""


def scrape(url: str) -> Scraped:
    """Asks a worker for its metrics.

    Raises:
        UserError: it doesn't answer, or with something else.
    """
    if not url.startswith(("http://", "https://")):
        raise UserError(f"--metrics {url}: give the address of a worker's metrics, as http://host:9464/metrics")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - its scheme was looked at
            text, said_at = answer.read().decode(), parsedate_to_datetime(answer.headers.get("Date", ""))
        return Scraped(parse(text, at_s=time.monotonic()), (said_at - datetime.now(UTC)).total_seconds())
    except (OSError, ValueError, KeyError, HTTPException) as error:
        raise UserError(f"{url} gives no metrics of a worker: {error}") from None


def parse(text: str, *, at_s: float) -> Sample:
    """Reads an exposition.

    Raises:
        ValueError, KeyError: it is none, or not a worker's.
    """
    found: dict[str, list[tuple[dict[str, str], float]]] = defaultdict(list)
    for family in text_string_to_metric_families(text):
        for each in family.samples:
            found[each.name].append((each.labels, each.value))
    if not found["stall_worker_state_seconds_total"]:
        raise ValueError("stall_worker_state_seconds_total isn't among them")

    def by(label: str, name: str) -> dict[str, float]:
        return {labels[label]: value for labels, value in found[name]}

    def total(name: str) -> float:
        return sum(value for _, value in found[name])

    ((engine, _),) = found["stall_engine_info"]
    deliveries, limit = by("result", "stall_deliveries_total"), total("stall_inflight_bytes_limit")
    return Sample(
        at_s=at_s,
        state_s=by("state", "stall_worker_state_seconds_total"),
        stage_s=by("stage", "stall_stage_duration_seconds_sum"),
        stage_clips=by("stage", "stall_stage_duration_seconds_count"),
        capacity=by("stage", "stall_stage_capacity"),
        from_the_future=by("origin", "stall_clock_skew_total")["appended"],
        rebalances=total("stall_rebalances_total"),
        refused=deliveries["refused"] + deliveries["unanswered"],
        reader_restarts=total("stall_reader_restarts_total"),
        partitions=frozenset(int(number) for number in by("partition", "stall_consumer_lag_messages")),
        owned=int(total("stall_assigned_partitions")),
        memory=total("stall_inflight_bytes") / limit if limit else 0.0,
        judges_by=f"artifact {engine['artifact']} at a prevalence of {engine['prevalence']}",
    )
