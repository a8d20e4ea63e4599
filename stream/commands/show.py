"""`python -m stream show`: chosen clips and their outcomes on one page, with pictures."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from stream.clip import ClipSpec
from stream.commands import start_log
from stream.commands.cluster import cluster_of, outcome_topics_of
from stream.commands.sources import source_options
from stream.engine.artifact import default_artifact_path, load_artifact
from stream.errors import ClipFault, Outage
from stream.fetch import Fetcher, Source, named_sources, open_sources
from stream.files.outfile import replacing
from stream.page import Found, Look, Subject, found_in_file, found_in_topics, look_at, render_page, surroundings
from stream.readers import Readers
from stream.records import ClipReference, Verdict
from stream.settings import ShowSettings


def run(settings: ShowSettings) -> int:
    """Writes the page of the latest outcome of each clip that is named."""
    start_log(settings)
    assert settings.out is not None
    spec = load_artifact(settings.artifact or default_artifact_path()).manifest.spec
    with replacing(settings.out) as beside:
        found, sources = _found(settings)
        page = render_page(list(_subjects(found, spec, sources)), made=datetime.now(UTC))
        beside.write_text(page, encoding="utf-8")
    print(f"{settings.out} shows {', '.join(settings.names)}", file=sys.stderr)
    return 0


def _found(settings: ShowSettings) -> tuple[list[Found], Mapping[str, Source]]:
    """The outcomes, and where their clips may be read from: what a topic's reference names is a stranger's word."""
    options = source_options(settings, connections=1)
    if settings.outcomes is None:
        sources = open_sources(settings.allow, options)
        topics = outcome_topics_of(settings)
        return found_in_topics(cluster_of(settings), settings.clips_topic, topics, settings.names), sources
    found = found_in_file(settings.outcomes, settings.names)
    uris = [each.reference.uri for each in found if isinstance(each.reference, ClipReference)]
    return found, named_sources(uris, options)


def _subjects(found: Sequence[Found], spec: ClipSpec, sources: Mapping[str, Source]) -> Iterator[Subject]:
    with (
        Readers(spec, processes=1) as crops,
        Readers(surroundings(spec), processes=1) as around,
        Fetcher(sources, threads=1) as fetcher,
    ):

        def look(each: Found) -> Look | str:
            if isinstance(each.reference, str):
                return each.reference
            if isinstance(each.outcome, Verdict) and each.outcome.spec != spec.digest:
                return f"the artifact here reads clips by spec {spec.digest}: give the one that judged by --artifact"
            try:
                return look_at(each.reference, fetcher, spec=spec, crops=crops, around=around)
            except (ClipFault, Outage) as error:
                return str(error)

        for each in found:
            yield Subject(each.outcome, each.appended_at, look(each))
