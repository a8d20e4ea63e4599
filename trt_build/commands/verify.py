"""`python -m trt_build verify`: an artifact's proof again, on this machine."""

import sys

from rich.table import Table

from stream.engine.artifact import load_artifact
from stream.engine.golden import drifted
from trt_build.commands import console
from trt_build.recheck import recheck
from trt_build.tool_settings import VerifySettings


def run(settings: VerifySettings) -> int:
    """Prints what was found beside its limit; 1 where one doesn't hold."""
    artifact = load_artifact(settings.artifact)
    found = recheck(artifact, settings.checkpoint)
    table = Table(artifact.digest, "difference", "limit", "", title=str(artifact.path))
    for name, held in found.items():
        table.add_row(name, f"{held.difference:.2g}", f"{held.limit:.2g}", "holds" if held.holds else "DOES NOT HOLD")
    console().print(table)
    broken = [held for held in found.values() if not held.holds]
    if broken:
        print(f"python -m trt_build verify: {drifted(artifact, broken[0].found)}", file=sys.stderr)
    return 1 if broken else 0
