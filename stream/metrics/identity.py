"""What judges, and that it does so as where it was built."""

from importlib.metadata import version
from typing import Literal

from prometheus_client import CollectorRegistry, Gauge, Info

GoldenPart = Literal["logits", "pixels"]


class IdentityMetrics:
    """Versions, digests, and how far the golden clips are off."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._engine = Info(
            "stall_engine",
            "What judges the clips: the artifact's digest as in verdicts, what runs it, how it is fed, at which "
            "prevalence.",
            registry=registry,
        )
        self._golden = Gauge(
            "stall_golden_difference",
            "How far the golden clips' logits, and the grey levels of the golden video, were off at the start.",
            ("of",),
            registry=registry,
        )
        self._golden_limit = Gauge(
            "stall_golden_difference_limit",
            "Beyond this difference from where the artifact was built a worker does not start.",
            ("of",),
            registry=registry,
        )
        build = Info("stall_build", "Version of the software.", registry=registry)
        build.info({"version": version("stall-stream")})

    def engine_info(
        self, *, artifact: str, kind: str, precision: str, spec: str, runtime: str, prevalence: float
    ) -> None:
        """What judges: digests of artifact and spec, what the manifest says of the engine, its library, the rule."""
        self._engine.info(
            {
                "artifact": artifact,
                "kind": kind,
                "precision": precision,
                "spec": spec,
                "runtime": runtime,
                "prevalence": f"{prevalence:g}",
            }
        )

    def golden(self, of: GoldenPart, *, difference: float, limit: float) -> None:
        """How far the engine or its reader is from where it was built."""
        self._golden.labels(of=of).set(difference)
        self._golden_limit.labels(of=of).set(limit)
