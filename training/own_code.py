"""Which code of ours decides a result, as a digest: what other code came to is not taken for what this one would."""

import hashlib
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path


def places_of(names: Iterable[str]) -> list[Path]:
    """Where modules and folders of such lie: `trt_build`, `training/measures`, `stream/verdict.py`."""
    parts = [each.partition("/") for each in names]
    return [Path(str(files(package))) / path for package, _, path in parts]


def digest_of(*places: Path) -> str:
    """Sha256 of all modules' names and texts, of modules and folders of such."""
    found = hashlib.sha256()
    for place in places:
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            found.update(f"{path.relative_to(place)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()
