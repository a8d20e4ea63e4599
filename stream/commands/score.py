"""`python -m stream score`: judges files, without Kafka."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stream.commands import start_log
from stream.commands.scoring import Scoring, open_scoring
from stream.commands.sources import source_options
from stream.fetch import named_sources
from stream.metrics import Metrics, Registry
from stream.records import Outcome, Rejection
from stream.results.shown import Bar, show_outcomes
from stream.scoring.outcomefile import OutcomeFile
from stream.scoring.score import NamedClip, find_clips, given_clip, score
from stream.settings import ScoreSettings
from stream.terminal.console import Console
from stream.terminal.wording import counted


def run(settings: ScoreSettings) -> int:
    """Judges files: exit code 0 even if all are rejected, for a rejection is an outcome."""
    start_log(settings)
    clips = find_clips(settings.paths) if settings.paths else []
    if settings.reference is not None:
        clips.append(given_clip(settings.reference))
    if settings.out is not None:
        return _score_to(settings, settings.out, clips)
    outcomes, rejected = [], 0
    with _scoring_named(settings, clips) as parts:
        for outcome in _scored(parts, clips):
            rejected += isinstance(outcome, Rejection)
            if settings.as_json:
                print(outcome.model_dump_json(), flush=True)
            else:
                outcomes.append(outcome)
    if not settings.as_json:
        show_outcomes(Console(), outcomes)
    print(f"{counted(len(clips), 'clip')}, {rejected} of them rejected; {parts.said}", file=sys.stderr)
    return 0


def _score_to(settings: ScoreSettings, out: Path, clips: list[NamedClip]) -> int:
    with OutcomeFile(out, resume=settings.resume) as kept, _scoring_named(settings, clips) as parts:
        kept.require(parts.judge)
        left = list(kept.without_outcome(clips))
        for outcome in _scored(parts, left):
            kept.add(outcome)
    earlier = len(clips) - len(left)
    had = f", {earlier} of them had their outcome already" if earlier else ""
    print(f"{counted(len(clips), 'clip')}{had}, {kept.rejections} rejected in {out}; {parts.said}", file=sys.stderr)
    return 0


@contextmanager
def _scoring_named(settings: ScoreSettings, clips: Iterable[NamedClip]) -> Iterator[Scoring]:
    sources = named_sources((clip.uri for clip in clips), source_options(settings, connections=settings.fetches))
    with open_scoring(settings, sources, Metrics(Registry())) as parts:
        yield parts


def _scored(parts: Scoring, clips: list[NamedClip]) -> Iterator[Outcome]:
    """Their outcomes, with a bar that shows how many there are."""
    with Bar("clips", total=len(clips)) as bar:
        for outcome in score(clips, parts.scorer):
            bar.advance(1)
            yield outcome
