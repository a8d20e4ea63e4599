"""`python -m trt_build inspect`: what an artifact is."""

import json

from stream.engine.artifact import load_artifact
from trt_build.commands import console
from trt_build.inspection import as_json, show
from trt_build.tool_settings import InspectSettings


def run(settings: InspectSettings) -> int:
    """Prints tables, or JSON; nothing of the artifact is run."""
    artifact = load_artifact(settings.artifact)
    if settings.as_json:
        print(json.dumps(as_json(artifact)))
    else:
        show(artifact, console())
    return 0
