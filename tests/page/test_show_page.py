"""What the page says of a clip, and that it needs nothing but itself."""

import base64
import io
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stream.errors import Reason
from stream.page import Look, Subject, render_page
from stream.records import SCHEMA, FileSource, Outcome, Rejection, Timings, Verdict
from tests.results.made_outcomes import made_verdict

NOW = datetime(2026, 11, 27, 4, 5, tzinfo=UTC)
SOURCE = FileSource(file="clips/a.mp4")


def verdict(**fields: Any) -> Verdict:
    told = made_verdict(
        verdict="stalled", probability=0.9, timings=Timings(fetch_s=0.1, read_s=0.2, score_s=0.3), source=SOURCE
    )
    return told.model_copy(update=fields)


def rejection(detail: str = "half of it") -> Rejection:
    return Rejection(schema=SCHEMA, clip_id="b.mp4", reason=Reason.DAMAGED, detail=detail, source=SOURCE)


def look(*, frames: int = 52, channels: int = 2, white: int = 90) -> Look:
    random = np.random.default_rng(0)
    crop = random.integers(0, white, (channels, 4, 16, 16)).astype(np.uint8)
    around = random.integers(0, 256, (2, 4, 24, 24)).astype(np.uint8)
    return Look(
        crop=crop,
        around=around,
        extra="none" if channels == 1 else "distance",
        indices=(6, 19, 32, 45),
        roi=(1, 2, 30, 40),
        frames=frames,
    )


def page(outcome: Outcome, seen: Look | str = "gone", appended_at: datetime | None = None) -> str:
    return render_page([Subject(outcome, appended_at, seen)], made=NOW)


class Text(HTMLParser):
    """What is read, and which tags there are."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said, self.tags = "", set[str]()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.said += data


def test_a_verdict_is_told_with_its_probability_thresholds_and_digests():
    said = Text(page(verdict(project_id="p7", extra={"mouse": "7"}), look())).said
    for told in (
        "0.90000 at a prevalence of 0.05",
        "flowing below 0.2",
        "stalled from 0.8",
        "two classes, stalled from 0.5",
    ):
        assert told in said
    for told in ("a" * 16, "b" * 16, "clips/a.mp4", "p7", "mouse = 7", "52 frames, and the outline at [1, 2, 30, 40]"):
        assert told in said


def test_a_rule_that_never_says_stalled_is_told_so():
    never = verdict().thresholds.model_copy(update={"high": 1.0})
    assert "never stalled" in Text(page(verdict(thresholds=never), look())).said


def test_a_rejection_is_told_with_its_reason_and_why_there_is_no_picture():
    said = Text(page(rejection(), "its reference is gone", NOW)).said
    for told in ("b.mp4", "rejected", "damaged", "half of it", "its reference is gone", "2026-11-27 04:05:00 UTC"):
        assert told in said


def test_the_moving_crop_is_what_went_into_the_network_to_the_bit():
    seen = look()
    film = re.search(r"background-image: url\(data:image/png;base64,([^)]*)\)", page(verdict(), seen))
    assert film
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(film[1]))))
    assert np.array_equal(pixels.reshape(4, 16, 16), seen.crop[0])


def test_the_moving_crop_is_told_with_its_frames_and_how_much_brighter_it_is_shown():
    assert "4 frames, from 6 to 45, of 16 x 16 pixels, 2.9 times as bright as they are." in page(verdict(), look())
    assert "of 16 x 16 pixels, as bright as they are." in page(verdict(), look(white=256))


def test_a_page_needs_neither_the_network_nor_a_script():
    html = page(verdict(), look())
    assert "script" not in Text(html).tags
    assert [
        address for address in re.findall(r"(?:src=\"|url\()([^\")]*)", html) if not address.startswith("data:")
    ] == []
    assert "http" not in html


def test_a_clip_that_is_another_one_now_is_told():
    assert "not the clip that was judged" not in page(verdict(), look())
    assert "that had 52 frames" in page(verdict(), look(frames=40))
    assert "send it back" in page(rejection(), look())


def test_a_crop_of_one_channel_has_one_picture():
    assert page(verdict(), look()).count('role="img"') == 2
    assert page(verdict(), look(channels=1)).count('role="img"') == 1


@given(st.text(min_size=1))
def test_whatever_a_user_has_named_is_shown_and_never_obeyed(text: str):
    hostile = f"<script>{text}</script>&lt;"
    html = page(verdict(clip_id=hostile, extra={hostile: hostile}), hostile) + page(rejection(hostile))
    assert "<script" not in html
    assert "script" not in Text(html).tags
