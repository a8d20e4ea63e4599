"""The certificate again: what was proved where an artifact was built, held against this machine."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from stream.engine.artifact import Artifact
from stream.engine.contract import Engine
from stream.engine.golden import Golden, Held, hold_logits, hold_pixels, proof_of
from stream.engine.open import open_engine
from stream.errors import UserError
from stream.validation import first_error
from training.fields import differing, in_words

if TYPE_CHECKING:
    from training.checkpoint import CheckpointCard


def recheck(artifact: Artifact, checkpoint: Path | None) -> dict[str, Held]:
    """What was found, by what was looked at; all of it is looked at, whatever was found before.

    Args:
        artifact: from `load_artifact`.
        checkpoint: what it was built of, to hold the engine against PyTorch as well.

    Raises:
        UserError: the engine can't be opened here, or the manifest is not of that checkpoint: its weights, its spec,
            its rule, its account of the training.
    """
    golden = Golden.load(artifact.path)
    found = {"golden.mp4, as it is read": hold_pixels(golden, artifact)}
    with closing(open_engine(artifact)) as engine:
        for size in engine.batch_sizes:
            found[f"golden clips, batches of {size}"] = hold_logits(golden, artifact, engine, batch_size=size)
        if checkpoint:
            found["the network in PyTorch"] = _hold_network(artifact, engine, checkpoint)
    return found


def _hold_network(artifact: Artifact, engine: Engine, checkpoint: Path) -> Held:
    """As the build did, on the same clips.

    Where the build had no limit, its agreement decided instead: the engine may then be off by what it was off there,
    and by what its golden clips may be off here.
    """
    from training.checkpoint import load_checkpoint  # noqa: PLC0415 - brings PyTorch, as does the next
    from trt_build.verify import sample_clips, worst_difference  # noqa: PLC0415

    network, card = load_checkpoint(checkpoint)
    own = _card_in(artifact)
    if own.weights_sha256 != card.weights_sha256:
        raise UserError(
            f"--checkpoint {checkpoint} has other weights ({card.weights_sha256[:16]}) than {artifact.path} was built "
            f"of ({own.weights_sha256[:16]}); give the checkpoint that it was built of"
        )
    if found := list(differing(own, card)):
        raise UserError(
            f"artifact {artifact.path} says otherwise than --checkpoint {checkpoint}: {in_words(found)}; give the "
            "checkpoint that it was built of, or build it again with python -m trt_build"
        )
    proof = proof_of(artifact)
    limit = proof.tolerance or proof.max_difference + proof.golden_tolerance
    worst = worst_difference(network, engine, sample_clips(artifact.manifest.spec))
    return Held(f"the engine's logits are {worst:.2g} off the network's (limit {limit:.2g})", worst, limit)


def _card_in(artifact: Artifact) -> "CheckpointCard":
    """The card of the checkpoint that an artifact was built of, as far as its manifest tells."""
    from training.checkpoint import CheckpointCard  # noqa: PLC0415 - brings PyTorch

    manifest = artifact.manifest
    try:
        return CheckpointCard.model_validate({"spec": manifest.spec, "rule": manifest.rule, **manifest.training})
    except ValidationError as error:
        raise UserError(
            f"artifact {artifact.path}: its manifest doesn't say what checkpoint it was built of "
            f"({first_error(error)}); build it again with python -m trt_build"
        ) from None
