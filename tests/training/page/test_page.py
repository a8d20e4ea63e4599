"""The page of an evaluation, as a browser takes it."""

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from stream.clip.spec import ClipSpec
from tests.training.page.made import RULE, studied
from training.measures.coverage import Limits
from training.measures.seen import Seen
from training.page import Head, render_page
from training.page.plots import roc_figure

VOID = {"meta", "img", "br", "link", "input", "hr"}
HEAD = Head(
    checkpoint="runs/<b>7</b>",
    weights_sha256="0123456789abcdef" * 4,
    network="slowfast, 0.55 M parameters",
    training="nothing",
    spec=ClipSpec(),
    rule=RULE,
    chosen_on="others",
    limits=Limits(),
    version="0.1.0",
    made=datetime(2026, 11, 26, tzinfo=UTC),
)
HOSTILE = """"><script>alert('&amp;')</script>.mp4"""


class Reader(HTMLParser):
    """Follows a page tag by tag; a tag that is closed in the wrong place fails."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def attributes(self, *tags):
        return [attributes for tag, attributes in self.tags if tag in tags]


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def html() -> str:
    return render_page(HEAD, [studied(clip_id=HOSTILE), studied(name="of one project", project_ids="A")])


@pytest.fixture(scope="module")
def page(html: str) -> Reader:
    return read(html)


def test_every_section_of_every_set_is_there(page: Reader):
    ids = [each["id"] for each in page.attributes("section", "article", "header") if "id" in each]
    parts = ("measures", "curves", "reliability", "coverage", "parts", "mistakes")
    for number in (1, 2):
        assert [f"set-{number}", *(f"set-{number}-{part}" for part in parts)] == [
            each for each in ids if each.startswith(f"set-{number}")
        ]
    assert {"head", "definitions"} <= set(ids)
    assert len(ids) == len(set(ids))
    links = [each["href"].removeprefix("#") for each in page.attributes("a")]
    assert set(links) <= set(ids)


def test_nothing_is_fetched_and_nothing_runs(html: str, page: Reader):
    addresses = [
        each[name]
        for each in page.attributes(*{tag for tag, _ in page.tags})
        for name in each
        if name in ("src", "href")
    ]
    assert all(address.startswith(("data:image/", "#")) for address in addresses)
    assert not page.attributes("script", "link", "iframe", "object", "base")
    assert "url(" not in html
    assert "@import" not in html
    for picture in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", html):
        drawing = base64.b64decode(picture).decode()
        assert "<script" not in drawing
        assert all(address.startswith("#") for address in re.findall(r'href="([^"]*)"', drawing))


def test_what_a_user_named_is_text(html: str, page: Reader):
    assert "<script" not in html
    assert HOSTILE in "".join(page.text)
    assert HEAD.checkpoint in "".join(page.text)
    assert any(HOSTILE in (each["alt"] or "") for each in page.attributes("img"))


def test_pictures_say_what_they_show_and_tables_name_their_columns_and_rows(page: Reader):
    images = page.attributes("img")
    assert len(images) > 20
    assert all(each["alt"] for each in images)
    assert all(each["scope"] in ("col", "row") for each in page.attributes("th"))
    assert len(page.attributes("caption")) == len(page.attributes("table"))
    assert page.attributes("html")[0]["lang"] == "en"


def test_it_says_what_was_measured_and_at_which_prevalence(page: Reader):
    text = " ".join(" ".join(page.text).split())
    study, _ = studied()
    assert "weights 0123456789abcdef" in text
    assert "26 November 2026" in text
    assert f"MCC at {100 * study.evaluation.prevalence:.1f} % stalled {study.evaluation.mcc.value:.3f}" in text
    for prevalence in ("0.3 %", "1 %", "5 %", "30 %"):
        assert prevalence in text
    assert "field: made up; of one project: made up" in text
    assert "120 clips of 6 projects, 41 of them stalled" in text
    assert "120 clips of 1 project," in text


def test_a_set_too_small_for_a_promise_says_how_many_clips_it_takes(page: Reader):
    text = " ".join(" ".join(page.text).split())
    assert (
        "At 0.3 % stalled no clip is called stalled. That at most 1 % of those called so flow takes at least 32,900 "
        "flowing clips to show, and there are 79." in text
    )
    assert "At 30 % stalled no clip is called flowing." in text
    assert "takes at least 42 stalled clips to show, and there are 41." in text


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (Seen(by_network=("A", "C")), "whose network was trained on clips of projects of this set (A, C): too good"),
        (Seen(by_rule=("A",)), "of the checkpoint, chosen on clips of projects of this set (A): too good"),
    ],
)
def test_thresholds_that_know_these_clips_are_said_to(page: Reader, seen: Seen, said: str):
    study, clips = studied()
    known = read(render_page(HEAD, [(replace(study, seen=seen), clips)]))
    as_text, unseen = (" ".join(" ".join(each.text).split()) for each in (known, page))
    assert said in as_text
    assert "chosen before these" not in as_text
    assert "of the checkpoint, chosen before these clips were seen" in unseen


def test_a_rule_for_a_prevalence_of_its_own_has_a_line_of_its_own():
    rule = RULE.at_prevalence(0.02)
    study, clips = studied(rule=rule)
    text = " ".join(read(render_page(replace(HEAD, rule=rule), [(study, clips)])).text)
    assert [each.prevalence for each in study.thresholds] == [0.003, 0.01, 0.02, 0.05, 0.3]
    assert "At 2 % stalled, as the rule was chosen for" in text


def test_a_rule_without_false_alarms_has_its_place_at_the_edge_of_a_logarithmic_axis():
    study, _ = studied()

    def marks(false_alarms: float) -> int:
        specificity = study.evaluation.specificity.model_copy(update={"value": 1 - false_alarms, "high": 1.0})
        drawing = roc_figure(study.roc, study.evaluation.model_copy(update={"specificity": specificity}))
        return base64.b64decode(drawing.partition(",")[2]).count(b"<use ")

    assert marks(0) == marks(0.1) + 1, "the same, and an arrow"


def test_the_same_study_gives_the_same_figures():
    study, _ = studied()
    once, again = (roc_figure(study.roc, study.evaluation) for _ in range(2))
    assert once == again
