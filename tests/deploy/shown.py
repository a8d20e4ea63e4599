"""What is drawn of the dashboard: a panel with Prometheus' answers, its curves by name and colour, numbers in words."""

from dataclasses import dataclass
from typing import Any
from zlib import crc32

Series = list[dict[str, Any]]

_PALETTE = ("#73BF69", "#F2CC0C", "#8AB8FF", "#FF780A", "#F2495C", "#B877D9", "#5794F2", "#C8F2C2", "#FFA6B0")
"""Some of Grafana's."""
_SCALES = {
    "s": ((86400, "days"), (3600, "hours"), (60, "mins"), (1, "s"), (1e-3, "ms")),
    "bytes": ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B")),
    "short": ((1e6, "Mil"), (1e3, "K"), (1, "")),
    "percentunit": ((0.01, "%"),),
}


@dataclass(frozen=True)
class Curve:
    """One of a panel's, its values by second; `colour` as Grafana would have it by its name."""

    name: str
    colour: str
    dashed: bool
    values: dict[int, float]

    @property
    def last(self) -> float:
        return self.values[max(self.values)]


@dataclass(frozen=True)
class Firing:
    """An alert, from when until when."""

    name: str
    begin_s: int
    end_s: int


@dataclass(frozen=True)
class Shown:
    """A panel, and of each of its targets what was answered."""

    panel: dict[str, Any]
    answers: list[Series]

    @property
    def defaults(self) -> dict[str, Any]:
        """Of its numbers: unit, thresholds, ends of the axis."""
        return dict(self.panel["fieldConfig"]["defaults"])

    def curves(self) -> list[Curve]:
        """In the order of targets."""
        told = {
            each["matcher"]["options"]: {prop["id"]: prop["value"] for prop in each["properties"]}
            for each in self.panel["fieldConfig"]["overrides"]
        }
        return [
            Curve(
                name := _legend(target["legendFormat"], series["metric"]),
                told.get(name, {}).get("color", {}).get("fixedColor") or _PALETTE[crc32(name.encode()) % len(_PALETTE)],
                "custom.lineStyle" in told.get(name, {}),
                {int(at): float(value) for at, value in series["values"]},
            )
            for target, answer in zip(self.panel["targets"], self.answers, strict=True)
            for series in answer
        ]


def _legend(template: str, labels: dict[str, str]) -> str:
    for name, value in labels.items():
        template = template.replace(f"{{{{{name}}}}}", value)
    return template


def worded(value: float, unit: str) -> str:
    """A number with its unit, much as Grafana writes it."""
    kind, _, word = unit.partition(":")
    scales = _SCALES.get(kind, ((1, word),))
    size, suffix = next((each for each in scales if abs(value) >= each[0]), scales[-1])
    return f"{float(f'{value / size:.3g}'):g} {suffix}".strip()
