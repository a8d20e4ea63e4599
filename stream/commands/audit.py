"""`python -m stream audit`: proves delivery."""

import json
from dataclasses import asdict

from stream.broker.topics import require_topics
from stream.commands import start_log
from stream.commands.cluster import cluster_of, extent_of, topics_of
from stream.results.audit import Scope, audit, audit_until_settled, has_passed
from stream.results.ledger import Audit
from stream.results.shown import Bar, show_audit
from stream.settings import AuditSettings
from stream.terminal.console import Console


def run(settings: AuditSettings) -> int:
    """Proves delivery: exit code 0 if it holds and nothing is pending or unproven, else 1."""
    start_log(settings)
    scope = Scope(extent=extent_of(settings), late_after_s=settings.late_after_s)
    cluster, names = cluster_of(settings), topics_of(settings)
    require_topics(cluster, [names.clips, names.verdicts, names.dead_letters])
    with Bar("references with an outcome") as bar:

        def told(result: Audit) -> None:
            bar.reach(result.references - result.pending, result.references)

        result = audit_until_settled(
            lambda: audit(cluster, names, scope),
            has_passed=lambda: has_passed(cluster, names),
            wait_s=settings.wait_s,
            told=told,
        )
    if settings.as_json:
        print(json.dumps(asdict(result)))
    else:
        show_audit(Console(), result)
    return 0 if result.complete else 1
