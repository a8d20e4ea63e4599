"""What an artifact is, for people in tables and for programs as JSON; nothing of it is run."""

from dataclasses import asdict

from pydantic import JsonValue
from rich.table import Table

from stream.engine.artifact import Artifact, Manifest, Proof
from stream.engine.golden import proof_of
from stream.terminal.console import Console
from stream.verdict import DecisionRule
from training import words
from training.fields import flatten
from trt_build.layers import count_layers


def as_json(artifact: Artifact) -> dict[str, JsonValue]:
    """All there is: the manifest as it stands, and what follows from the folder."""
    counts = count_layers(artifact)
    layers: list[JsonValue] | None = None if counts is None else [asdict(each) for each in counts]
    return {
        "path": str(artifact.path),
        "digest": artifact.digest,
        "spec_digest": artifact.manifest.spec.digest,
        "manifest": artifact.manifest.model_dump(mode="json"),
        "bytes": dict(_sizes(artifact)),
        "layers": layers,
    }


def show(artifact: Artifact, console: Console) -> None:
    """Prints tables."""
    manifest = artifact.manifest
    table = Table("artifact", artifact.digest, title=str(artifact.path))
    for name, told in _facts(artifact):
        table.add_row(name, told)
    table.add_section()
    for name, value in flatten(manifest.training).items():
        table.add_row(name, str(value))
    console.print(table)
    files = Table("file", "bytes", "sha256")
    files.columns[1].justify = "right"
    for name, size in _sizes(artifact).items():
        files.add_row(name, str(size), manifest.files[name][:16])
    console.print(files)
    console.print(_layers(artifact))


def _facts(artifact: Artifact) -> list[tuple[str, str]]:
    manifest, proof = artifact.manifest, proof_of(artifact)
    return [
        ("engine", f"{manifest.kind}, {manifest.precision}, batches of {' or '.join(map(str, manifest.batch_sizes))}"),
        ("built for", _device(manifest)),
        ("built by", ", ".join(f"{name} {version}" for name, version in manifest.builder.items())),
        ("built of", manifest.inputs[:16] if manifest.inputs else "not recorded"),
        ("takes", f"{words.clip_spec(manifest.spec)} ({manifest.spec.digest})"),
        ("says", _rule(manifest.rule)),
        *proved(proof),
        ("golden clips", f"logits may be {proof.golden_tolerance:.1e} off, pixels {proof.pixel_tolerance} grey levels"),
    ]


def proved(proof: Proof) -> list[tuple[str, str]]:
    """How far the engine is from the network that it was built of."""
    limit = f" (limit {proof.tolerance:g})" if proof.tolerance else ""
    told = [("difference from torch", f"{proof.max_difference:.1e}{limit}, on {proof.clips} clips at each batch size")]
    if found := proof.agreement:
        agreement = (
            f"{words.percent(found.flips)} other verdicts, MCC {found.mcc_engine:.3f} for {found.mcc:.3f}, correlation "
            f"{found.correlation:.4f}; {found.description}"
        )
        told.append(("against fp32", agreement))
    return told


def _device(manifest: Manifest) -> str:
    capability = manifest.device.compute_capability
    return manifest.device.name + (f", compute capability {capability}" if capability else "")


def _rule(rule: DecisionRule) -> str:
    return (
        f"stalled from {words.probability(rule.high)} on, flowing below {words.probability(rule.low)}, at a prevalence "
        f"of {words.stated(rule.prevalence)}; {words.probability(rule.decide)} decides between two "
        f"(temperature {rule.temperature:g}, prior {rule.prior:g})"
    )


def _sizes(artifact: Artifact) -> dict[str, int]:
    return {name: (artifact.path / name).stat().st_size for name in sorted(artifact.manifest.files)}


def _layers(artifact: Artifact) -> Table | str:
    counts = count_layers(artifact)
    if counts is None:
        return "layers: this plan doesn't tell them"
    table = Table("layer", "precision", "count")
    table.columns[2].justify = "right"
    for each in counts:
        table.add_row(each.type, each.precision, str(each.count))
    return table
