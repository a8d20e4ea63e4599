"""The fields of manifests and their parts, each under one name, so that two can be laid side by side."""

from collections.abc import Iterator, Sequence

from pydantic import BaseModel, JsonValue

_OTHER_IN_EACH_BUILD = {"files", "inputs"}
"""Of a manifest: digests that differ where anything does."""
_TOLD = 3
"""Fields, at most, in a sentence."""

Fields = dict[str, JsonValue]


def flatten(value: JsonValue, name: str = "") -> Fields:
    """Names with dots for what is nested: {"rule": {"low": .1}} -> {"rule.low": .1}; lists stay as they are."""
    if not isinstance(value, dict):
        return {name: value}
    return {key: each for part, inner in value.items() for key, each in flatten(inner, _joined(name, part)).items()}


def differing(a: BaseModel, b: BaseModel) -> Iterator[tuple[str, JsonValue, JsonValue]]:
    """Each field that isn't the same in both, with what it is in either; None where one has no such field."""
    fields_a, fields_b = (flatten(each.model_dump(mode="json", exclude=_OTHER_IN_EACH_BUILD)) for each in (a, b))
    for name in dict.fromkeys([*fields_a, *fields_b]):
        if fields_a.get(name) != fields_b.get(name):
            yield name, fields_a.get(name), fields_b.get(name)


def in_words(differences: Sequence[tuple[str, JsonValue, JsonValue]]) -> str:
    """The first of what `differing` found: `rule.low (0.3, not 0.1), spec.size (64, not 48) and 4 more`."""
    told = ", ".join(f"{name} ({a!s:.40}, not {b!s:.40})" for name, a, b in differences[:_TOLD])
    return told + (f" and {len(differences) - _TOLD} more" if len(differences) > _TOLD else "")


def _joined(name: str, part: str) -> str:
    return f"{name}.{part}" if name else part
