"""The fields of models and their parts, each under one name, so that two can be laid side by side."""

from collections.abc import Collection, Iterator, Sequence

from pydantic import BaseModel, JsonValue

_TOLD = 4
"""In a sentence; what is more is counted."""

Fields = dict[str, JsonValue]


def flatten(value: JsonValue, name: str = "") -> Fields:
    """Names with dots for what is nested: {"rule": {"low": .1}} -> {"rule.low": .1}; lists stay as they are."""
    if not isinstance(value, dict):
        return {name: value}
    return {key: each for part, inner in value.items() for key, each in flatten(inner, _joined(name, part)).items()}


def differing(
    a: BaseModel, b: BaseModel, *, exclude: Collection[str] = ()
) -> Iterator[tuple[str, JsonValue, JsonValue]]:
    """Each field that isn't the same in both, with what it is in either; None where one has no such field."""
    fields_a, fields_b = (flatten(each.model_dump(mode="json", exclude=set(exclude))) for each in (a, b))
    for name in dict.fromkeys([*fields_a, *fields_b]):
        if fields_a.get(name) != fields_b.get(name):
            yield name, fields_a.get(name), fields_b.get(name)


def differences(was: JsonValue, now: JsonValue) -> str:
    """What isn't the same of the fields that both have: `seed: 0, now 1; recipe.batch: 8, now 4`; empty for equals."""
    before, after = (flatten(_numbered(each)) for each in (was, now))
    changed = [name for name in before if name in after and before[name] != after[name]]
    more = f"; and {len(changed) - _TOLD} more" if len(changed) > _TOLD else ""
    return "; ".join(f"{name}: {before[name]}, now {after[name]}" for name in changed[:_TOLD]) + more


def in_words(found: Sequence[tuple[str, JsonValue, JsonValue]]) -> str:
    """The first of what `differing` found: `rule.low (0.3, not 0.1), spec.size (64, not 48) and 4 more`."""
    told = ", ".join(f"{name} ({a!s:.40}, not {b!s:.40})" for name, a, b in found[:_TOLD])
    return told + (f" and {len(found) - _TOLD} more" if len(found) > _TOLD else "")


def _numbered(value: JsonValue) -> JsonValue:
    """Lists of parts as parts by their number."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = {"count": len(value)} | {str(place): each for place, each in enumerate(value)}
    return {name: _numbered(each) for name, each in value.items()} if isinstance(value, dict) else value


def _joined(name: str, part: str) -> str:
    return f"{name}.{part}" if name else part
