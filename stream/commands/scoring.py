"""What `worker` and `score` share: fetcher, readers and engine, joined."""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from stream.backoff import Backoff
from stream.engine.artifact import Artifact, default_artifact_path, load_artifact
from stream.engine.golden import check_golden
from stream.engine.open import open_engine
from stream.fetch import Fetcher, Source
from stream.metrics import Metrics
from stream.processes.cpus import usable_cpus
from stream.readers import Readers
from stream.scoring.outcomes import Judge
from stream.scoring.scorer import Scorer, ScorerOptions
from stream.settings import ModelSettings


@dataclass(frozen=True, slots=True)
class Scoring:
    """A scorer and what it was made of."""

    scorer: Scorer[Any]
    readers: Readers
    artifact: Artifact
    judge: Judge

    @property
    def said(self) -> str:
        """What judges."""
        return f"artifact {self.artifact.digest} at a prevalence of {self.judge.rule.prevalence:g}"


@contextmanager
def open_scoring(settings: ModelSettings, sources: Mapping[str, Source], metrics: Metrics) -> Iterator[Scoring]:
    """Fetcher, readers and engine joined; closed in the end."""
    artifact = load_artifact(settings.artifact or default_artifact_path())
    rule, spec, cpus = artifact.manifest.rule, artifact.manifest.spec, usable_cpus()
    judge = Judge(
        rule.at_prevalence(settings.prevalence) if settings.prevalence else rule, artifact.digest, spec.digest
    )
    options = ScorerOptions(fetches=settings.fetches, held_bytes=settings.held_mib * 2**20)
    with (
        Readers(  # first: its fork server must not inherit threads, connections or secrets
            spec,
            processes=settings.readers or cpus,
            deadline_s=settings.read_timeout_s,
            memory_limit_bytes=settings.reader_memory_mib * 2**20,
            restarted=metrics.reader_restarted,
        ) as readers,
        closing(open_engine(artifact, threads=settings.engine_threads or cpus)) as engine,
        Fetcher(sources, threads=options.fetches) as fetcher,
    ):
        golden = check_golden(artifact, engine)
        metrics.engine_info(
            artifact=artifact.digest,
            kind=artifact.manifest.kind,
            precision=artifact.manifest.precision,
            spec=spec.digest,
            runtime=engine.runtime,
            prevalence=judge.rule.prevalence,
        )
        metrics.golden("logits", difference=golden.logits.difference, limit=golden.logits.limit)
        metrics.golden("pixels", difference=golden.pixels.difference, limit=golden.pixels.limit)
        metrics.capacity("fetch", options.fetches)
        metrics.capacity("read", readers.size)
        metrics.capacity("score", engine.slots * engine.batch_sizes[-1])
        metrics.capacity("deliver", 1)
        scorer: Scorer[Any] = Scorer(
            fetcher,
            readers,
            engine,
            judge,
            backoff=Backoff(random=random.random),
            clock=time.monotonic,
            observe=metrics.stage,
            options=options,
        )
        yield Scoring(scorer, readers, artifact, judge)
