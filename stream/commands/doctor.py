"""`python -m stream doctor`: what limits the workers, and whether the set-up holds."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import isfinite

from stream.broker.rights import worker_rights
from stream.commands import start_log
from stream.commands.cluster import cluster_of, outcome_topics_of, transactions_rights_of
from stream.commands.sources import source_options
from stream.doctor import Diagnosis, Load, Scraped, Trend, backlog_of, diagnose, scrape
from stream.doctor.setup import (
    Check,
    check,
    check_artifact,
    check_broker,
    check_clock,
    check_retention,
    check_rights,
    check_rule,
    check_store,
    check_topics,
)
from stream.engine.artifact import default_artifact_path
from stream.errors import UserError
from stream.fetch import open_sources
from stream.settings import DoctorSettings


def run(settings: DoctorSettings) -> int:
    """Checks the set-up, watches the group for a while: exit code 0 if all holds and the backlog, if any, drains."""
    start_log(settings)
    checks = list(_set_up(settings))
    diagnosis = None
    if all(each.holds for each in checks if each.name in ("broker", "topics")):
        more, diagnosis = _watch(settings)
        checks += more
    if settings.as_json:
        print(json.dumps({"checks": [asdict(each) for each in checks], **_as_json(diagnosis)}))
    else:
        print(*_lines(checks, diagnosis), sep="\n")
    drains = diagnosis is not None and isfinite(diagnosis.drained_in_s)
    return 0 if drains and all(each.holds is not False for each in checks) else 1


def _set_up(settings: DoctorSettings) -> Iterator[Check]:
    cluster, outcomes = cluster_of(settings), outcome_topics_of(settings)
    clips, names = settings.clips_topic, (outcomes.verdicts, outcomes.dead_letters)
    yield check("artifact", lambda: check_artifact(settings.artifact or default_artifact_path()))
    reached = check("broker", lambda: check_broker(cluster))
    yield reached
    if not reached.holds:
        return
    rights = worker_rights(group=settings.group, topic=clips, output_topics=names)
    yield check("rights", lambda: check_rights(cluster, rights, transactions_rights_of(settings)))
    topics = check("topics", lambda: check_topics(cluster, (clips, *names)))
    yield topics
    if not topics.holds:
        return
    yield check("retention", lambda: check_retention(cluster, names))
    if settings.allow:
        options = source_options(settings, connections=1)
        yield check("store", lambda: check_store(cluster, clips, open_sources(settings.allow, options)))
    else:
        yield Check("store", "not tried: name by --allow what the workers may read", holds=None)


def _watch(settings: DoctorSettings) -> tuple[list[Check], Diagnosis]:
    """What the group does meanwhile, and what there is to say of its workers' addresses and clocks."""
    cluster, group, topic = cluster_of(settings), settings.group, settings.clips_topic
    first, silent = _scrape_all(settings.metrics)
    before = backlog_of(cluster, group=group, topic=topic)
    time.sleep(settings.watch_s)
    second, gone = _scrape_all(list(first))
    trend = Trend(before, backlog_of(cluster, group=group, topic=topic))
    loads = {url: Load.between(first[url].sample, each.sample, name=url) for url, each in second.items()}
    clocks = [check_clock(url, second[url].off_s, load.from_the_future) for url, load in loads.items()]
    rules = [check_rule({url: each.sample.judges_by for url, each in second.items()})] if second else []
    return [*silent, *gone, *clocks, *rules], diagnose(list(loads.values()), trend)


def _scrape_all(urls: Sequence[str]) -> tuple[dict[str, Scraped], list[Check]]:
    found, silent = {}, []
    for url in urls:
        try:
            found[url] = scrape(url)
        except UserError as error:
            silent.append(Check("worker", str(error), holds=False))
    return found, silent


def _as_json(diagnosis: Diagnosis | None) -> dict[str, object]:
    if diagnosis is None:
        return {}
    drained_in_s = diagnosis.drained_in_s if isfinite(diagnosis.drained_in_s) else None
    return {
        "pace": diagnosis.pace,
        "drained_in_s": drained_in_s,
        "findings": [asdict(each) for each in diagnosis.findings],
    }


def _lines(checks: Sequence[Check], diagnosis: Diagnosis | None) -> Iterator[str]:
    marks = {True: "ok", False: "FAILS", None: "-"}
    for each in checks:
        yield f"{marks[each.holds]:<6}{each.name:<9} {each.said}"
    if diagnosis is None:
        return
    yield f"\n{diagnosis.pace}"
    for finding in diagnosis.findings:
        yield f"limited by {finding.limit}: {finding.said}\n    {finding.remedy}"
