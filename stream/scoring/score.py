"""Outcomes of files and uris, without Kafka: what is named is submitted, and comes out in the order it was named."""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from stream.errors import ClipFault, Reason, UserError
from stream.fetch import without_secrets
from stream.records import SCHEMA, ClipReference, FileSource, Outcome, parse_reference
from stream.scoring.outcomes import reject
from stream.scoring.scorer import Scorer
from stream.validation import first_error

_POLL_S = 0.2
_OUTAGE_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class NamedClip:
    """A clip to be judged."""

    clip_id: str
    """As it was named; below a folder that was named, its path relative to that."""
    name: str
    """As an outcome's source tells it: the file's path, or the uri without what may be secret."""
    uri: str
    """Where it is: an absolute path, or the uri as it was named."""
    given: ClipReference | ClipFault | None = None
    """The whole reference, where it was given as such, or what is wrong with it."""

    @property
    def source(self) -> FileSource:
        """What its outcome says of where it came from."""
        return FileSource(file=self.name.encode(errors="replace").decode())


def find_clips(names: Sequence[str]) -> list[NamedClip]:
    """The clips that are meant, in the order of `names`; those of a folder are its mp4 files, in order of their names.

    A file that isn't there stays in the list: it is a rejection among outcomes.

    Args:
        names: files, folders, and uris of single clips.

    Raises:
        UserError: there is no clip at all.
    """
    found: list[NamedClip] = []
    for name in names:
        path = Path(name)
        if "://" in name:
            shown = without_secrets(name)
            found.append(NamedClip(shown, shown, name))
        elif path.is_dir():
            below = sorted(each for each in path.rglob("*") if each.suffix.lower() == ".mp4" and each.is_file())
            found += [_file(each, clip_id=each.relative_to(path).as_posix()) for each in below]
        else:
            found.append(_file(path, clip_id=str(path)))
    if not any("://" in each.uri or os.path.lexists(each.uri) for each in found):
        raise UserError(f"no clip at {', '.join(names)}: name files, or folders that hold mp4 files")
    return found


def given_clip(text: str) -> NamedClip:
    """The clip of a reference, which is read as a worker reads it: what is wrong with it is an outcome, too."""
    try:
        reference = parse_reference(text.encode(errors="surrogateescape"))
    except ClipFault as fault:
        return NamedClip("", "--reference", "", fault)
    return NamedClip(reference.clip_id, without_secrets(reference.uri), reference.uri, reference)


def _file(path: Path, *, clip_id: str) -> NamedClip:
    return NamedClip(clip_id, str(path), str(path.absolute()))


def score(clips: Iterable[NamedClip], scorer: Scorer[int]) -> Iterator[Outcome]:
    """One outcome for each clip, in their order, each as soon as it and those before it are there.

    Raises:
        UserError: the clips can't be read for reasons that aren't theirs, and that lasts.
    """
    waiting = enumerate(clips)
    done: dict[int, Outcome] = {}
    due = 0
    more = True
    served_at = time.monotonic()
    while more or scorer.in_hand or done:
        while more and scorer.room > 0:
            more = _submit_next(waiting, scorer, done)
        for each in scorer.poll(_POLL_S if scorer.in_hand else 0.0):
            done[each.token] = each.outcome
        while due in done:
            yield done.pop(due)
            due += 1
        now = time.monotonic()
        if scorer.outage is None:
            served_at = now
        elif now - served_at > _OUTAGE_LIMIT_S:
            raise UserError(f"{scorer.outage}; it was tried for {_OUTAGE_LIMIT_S:.0f} s: try again later")


def _submit_next(waiting: Iterator[tuple[int, NamedClip]], scorer: Scorer[int], done: dict[int, Outcome]) -> bool:
    """Hands one more clip over; False where there is none."""
    number, clip = next(waiting, (0, None))
    if clip is None:
        return False
    try:
        reference = _reference_to(clip)
    except ClipFault as fault:
        done[number] = reject(fault, clip_id=None, source=clip.source)
    else:
        scorer.submit(number, reference, clip.source)
    return True


def _reference_to(clip: NamedClip) -> ClipReference:
    if isinstance(clip.given, ClipFault):
        raise clip.given
    try:
        return clip.given or ClipReference.model_validate({"schema": SCHEMA, "clip_id": clip.clip_id, "uri": clip.uri})
    except ValidationError as error:
        detail = f"the clip's name makes no reference: {first_error(error)}"
        raise ClipFault(Reason.BAD_REFERENCE, detail) from None
