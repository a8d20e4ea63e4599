"""What an artifact is built of, as one digest: where that is known to be the same, nothing is built again.

The digest stands in the manifest, so a folder says by itself whether it is what a build would give, and no second store
has to be kept in step. It covers the checkpoint's card with the digest of its weights, the device, the versions of what
builds, the sources that build, and every setting but those named below: one that is new counts from its first day.
"""

import hashlib
import json
from pathlib import Path

from stream.engine.artifact import SEAL, Artifact, Manifest, load_artifact
from stream.errors import UserError
from training.data.cache import read_manifest
from training.fields import differing, in_words
from training.own_code import digest_of, places_of
from trt_build.settings import BuildSettings

_WITHOUT_EFFECT = {"checkpoint", "out", "force", "cache", "processes", "timing_cache"}
"""Settings that say where things lie and how fast they are made."""
SOURCES = (
    *("trt_build", "training/networks", "training/checkpoint.py"),
    *("training/scoring.py", "training/measures", "stream/verdict.py"),
    *("training/data", "training/synthetic", "stream/clip", "stream/engine"),
)
"""What decides what is built: between two releases the version stays the same while it changes. The second line judges
what is built; the third makes the clips for that, and those that it must score wherever it serves."""
_RESULTS = {"files", "proof", "inputs"}
"""Parts of a manifest that come of a build."""


def inputs_of(draft: Manifest, settings: BuildSettings) -> str:
    """Sha256 of all that decides what a build gives.

    Args:
        draft: the manifest as far as it is known before the build: of the checkpoint, the device and the builder.
        settings: what is asked for. A cache of clips counts by what its manifest says, wherever it lies.
    """
    clips = read_manifest(settings.data) if settings.data else None
    facts = {
        "manifest": draft.model_dump(mode="json", exclude=_RESULTS),
        "settings": settings.model_dump(mode="json", exclude=_WITHOUT_EFFECT | {"data"}),
        "sources": digest_of(*places_of(SOURCES)),
        "clips": clips.model_dump(mode="json") if clips else None,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def find_built(out: Path, draft: Manifest) -> Artifact | None:
    """The artifact at `out`, which is what a build would give; None where there is none.

    Args:
        out: where to look. Whether something else there may be replaced is said by `staged`.
        draft: the manifest as far as it is known before the build, with its inputs.

    Raises:
        UserError: the artifact there is damaged, or another one.
    """
    if not (out / SEAL).is_file():
        return None
    try:
        artifact = load_artifact(out)
    except UserError as error:
        raise UserError(f"--out: {error} --force") from None
    found = list(differing(artifact.manifest, draft, exclude=_RESULTS))
    if not found and artifact.manifest.inputs == draft.inputs:
        return artifact
    what = in_words(found) if found else "its settings, its clips, or the code that built it"
    raise UserError(
        f"--out {out} is not what would be built, and differs in {what}; give another folder, or --force to replace it"
    )
