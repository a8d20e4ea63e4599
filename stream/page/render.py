"""Writes the page: for each clip its outcome, where that comes from, and its pictures if it could be read again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from importlib import resources
from importlib.metadata import version

import numpy as np

from stream.clip.spec import Box
from stream.page.looks import Look
from stream.pictures import draw_strip, png, white_of
from stream.records import KafkaSource, Outcome, Rejection, Source, Verdict

_STRIP = 16
"""Most frames that are shown side by side, and below each other."""
_MORE = 1.05
"""Times as bright, which can be seen."""
_SECOND = {
    "mask": "Its second channel, the same in each frame: white is inside the outline.",
    "distance": "Its second channel, the same in each frame: the brighter, the deeper inside the outline.",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What the page tells of a clip."""

    outcome: Outcome
    appended_at: datetime | None
    """Of the outcome to its topic; None where it comes from a file."""
    look: Look | str
    """Or why there is none."""


def render_page(subjects: Sequence[Subject], *, made: datetime) -> str:
    """The whole HTML; whatever a user has named is escaped.

    Args:
        subjects: clips in the order of the page.
        made: now.
    """
    clips = "1 clip" if len(subjects) == 1 else f"{len(subjects)} clips"
    style = (resources.files("stream.page") / "page.css").read_text()
    articles = "\n".join(map(_article, subjects))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{clips}</title>
<style>
{style}</style>
</head>
<body>
<h1>{clips}, and what came of {"it" if len(subjects) == 1 else "them"}</h1>
<p>Made {made:%-d %B %Y, %H:%M} UTC by stall-stream {version("stall-stream")}. Where the scale is grey a clip is
uncertain, and a person should judge it. A moving crop pauses under the pointer; but for their brightness its pixels are
to the bit what went into the network.</p>
{articles}
</body>
</html>
"""


def _article(subject: Subject) -> str:
    outcome = subject.outcome
    label = outcome.verdict if isinstance(outcome, Verdict) else "rejected"
    name = "a clip without a name" if outcome.clip_id is None else outcome.clip_id
    facts = "\n".join(f"<dt>{what}</dt><dd>{escape(told)}</dd>" for what, told in _facts(subject))
    scale = _scale(outcome) if isinstance(outcome, Verdict) else ""
    if isinstance(look := subject.look, str):
        pictures, moving = _note(f"There is nothing to see: {look}"), ""
    else:
        pictures = _strip(look) + "".join(map(_note, _doubts(outcome, look)))
        moving = _moving(look)
    return f"""<article>
<header class="clip"><h2>{escape(name)}</h2><span class="label {label}">{label}</span></header>
{pictures}
<div class="columns">
<div>{moving}</div>
<div>{scale}<dl>
{facts}
</dl></div>
</div>
</article>"""


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>\n'


def _doubts(outcome: Outcome, look: Look) -> Iterator[str]:
    """What makes the pictures others than those that were judged."""
    if isinstance(outcome, Rejection):
        yield "It was rejected, and can be read now: send it back (python -m stream requeue) to have it judged."
    elif (outcome.roi, outcome.frames) != (look.roi, look.frames):
        was, has = _video(outcome.frames, outcome.roi), _video(look.frames, look.roi)
        yield f"This is not the clip that was judged: that had {was}, this has {has}."


def _facts(subject: Subject) -> Iterator[tuple[str, str]]:
    outcome = subject.outcome
    if isinstance(outcome, Verdict):
        yield from _verdict_facts(outcome)
    else:
        yield "rejected for", outcome.reason
        yield "detail", outcome.detail
    yield ("reference" if isinstance(outcome.source, KafkaSource) else "file"), _place(outcome.source)
    if subject.appended_at:
        yield "outcome appended", f"{subject.appended_at:%Y-%m-%d %H:%M:%S} UTC"


def _verdict_facts(verdict: Verdict) -> Iterator[tuple[str, str]]:
    took = verdict.timings
    yield "probability of stalled", f"{verdict.probability:.5f} at a prevalence of {verdict.thresholds.prevalence:g}"
    yield "video", _video(verdict.frames, verdict.roi)
    yield "artifact", verdict.artifact
    yield "spec of the crop", verdict.spec
    yield "took", f"{took.fetch_s:.3f} s to fetch, {took.read_s:.3f} s to read, {took.score_s:.3f} s to score"
    if verdict.project_id is not None:
        yield "project", verdict.project_id
    if verdict.captured_at is not None:
        yield "captured", verdict.captured_at.isoformat()
    for name, value in verdict.extra.items():
        yield "extra", f"{name} = {value}"


def _video(frames: int, roi: Box) -> str:
    return f"{frames} frames, and the outline at {list(roi)}"


def _place(source: Source) -> str:
    return source.place if isinstance(source, KafkaSource) else source.file


def _scale(verdict: Verdict) -> str:
    """The probability between 0 and 1, on the colours of the labels that the thresholds make."""
    given = verdict.thresholds
    low, high = 100 * given.low, 100 * given.high
    colours = ", ".join(
        f"var(--{label}) {start:g}% {end:g}%"
        for label, start, end in (("flowing", 0, low), ("uncertain", low, high), ("stalled", high, 100))
    )
    edges = "".join(
        f'<span class="edge{lower}" style="--at: {100 * at:g}%">{said}</span>'
        for said, at, lower in (
            (f"flowing below {given.low:g}", given.low, ""),
            (f"if only two classes, stalled from {given.decide:g}", given.decide, " lower"),
            (f"stalled from {given.high:g}" if given.high < 1 else "never stalled", given.high, ""),
        )
    )
    mark = f'<span class="mark" style="--at: {100 * verdict.probability:g}%">{verdict.probability:.5f}</span>'
    return f'<div class="scale" style="background: linear-gradient(90deg, {colours})">{edges}{mark}</div>'


def _strip(look: Look) -> str:
    shown = np.unique(np.linspace(0, len(look.indices) - 1, _STRIP).round().astype(int))
    numbers = ", ".join(str(look.indices[each]) for each in shown)
    said = f"Frames {numbers} of {look.frames}, brightened, with the outline that was found."
    return _figure(f'<img src="{png(draw_strip(look.around[:, shown]))}" alt="{said}">', said)


def _moving(look: Look) -> str:
    """The crop's frames below each other in one picture, which the style sheet moves past a window."""
    channels, frames, size, _ = look.crop.shape
    brighter = 255 / white_of(look.crop[0])
    film = png(look.crop[0].reshape(frames * size, size))
    first, last = look.indices[0], look.indices[-1]
    shown = "as bright as they are" if brighter < _MORE else f"{brighter:.2g} times as bright as they are"
    said = f"What went into the network: {frames} frames, from {first} to {last}, of {size} x {size} pixels, {shown}."
    moving = _window("moving", film, said, frames=frames, brighter=brighter)
    if channels == 1:
        return moving
    return moving + _window("still", png(look.crop[1, 0]), _SECOND[look.extra], frames=1, brighter=1.0)


def _window(kind: str, picture: str, said: str, *, frames: int, brighter: float) -> str:
    style = f"--frames: {frames}; --brighter: {brighter:.2f}; background-image: url({picture})"
    return _figure(f'<div class="{kind}" role="img" aria-label="{said}" style="{style}"></div>', said)


def _figure(content: str, said: str) -> str:
    return f"<figure>{content}<figcaption>{said}</figcaption></figure>\n"
