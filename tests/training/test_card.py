"""The model card, as Markdown."""

import re
from dataclasses import replace

from stream.clip.spec import ClipSpec
from tests.training.page.made import RULE, studied
from training.card import write_card
from training.checkpoint import CheckpointCard, TrainingSummary
from training.measures.coverage import Limits
from training.measures.seen import Seen
from training.networks.slowfast import SLIM


def card(**changes) -> str:
    study, _ = studied(name=changes.pop("name", "field"))
    study = replace(study, seen=changes.pop("seen", study.seen))
    training = TrainingSummary(
        version="0.1.0",
        torch="2.15",
        seed=1,
        steps=1432,
        batch=32,
        minutes=28.3,
        precision="fp32",
        loss=0.7,
        generated=changes.pop("generated", False),
        validation=study.evaluation,
        begun_from=changes.pop("begun_from", None),
        limits=changes.pop("limits", Limits(error=0.01, missed=0.05)),
    )
    fields = {"network": SLIM, "spec": ClipSpec(), "rule": RULE, "training": training, "weights_sha256": "ab" * 32}
    return write_card(CheckpointCard(**{**fields, "dataset": "real clips", **changes}), [study], parameters=550_000)


def sections(text: str) -> dict[str, str]:
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_it_has_the_sections_of_a_model_card():
    found = sections(card())
    assert list(found) == [
        "Intended use",
        "Not for",
        "Network and input",
        "Training",
        "Measures",
        "Thresholds, and what they promise",
        "Limits",
    ]
    assert all(text.strip() for text in found.values())


def test_every_row_of_a_table_has_as_many_cells_as_its_header():
    for table in re.findall(r"(?:^\|.*\|\n)+", card(name="a|b"), flags=re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_measures_stand_with_interval_and_prevalence():
    study, _ = studied()
    mcc, text = study.evaluation.mcc, sections(card())["Measures"]
    assert (
        f"| field | {100 * study.evaluation.prevalence:.1f} % | {mcc.value:.3f} [{mcc.low:.3f} {mcc.high:.3f}] |"
        in text
    )
    assert re.findall(r"\| field \| (0\.3|1|5|30) % \|", text) == ["0.3", "1", "5", "30"]


def test_thresholds_stand_with_what_they_promise_and_what_was_measured():
    text = sections(card())["Thresholds, and what they promise"]
    assert "For a prevalence of 30 %" in text
    assert "called stalled at most 1 % flow" in text
    assert "all stalled clips at most 5 % are called flowing" in text
    assert "is not recorded" in sections(card(limits=None))["Thresholds, and what they promise"]


def test_a_rule_that_decides_nothing_says_so():
    text = sections(card(rule=RULE.model_copy(update={"low": 0.0, "high": 1.0})))["Thresholds, and what they promise"]
    assert "none is called stalled and none flowing: all are left to people" in text
    assert "those clips could not show" in text
    assert "1.000" not in text


def test_clips_that_it_knows_are_not_called_unseen():
    found = sections(card())
    assert "On clips that it was not trained on" in found["Measures"]
    assert "Measured on other clips" in found["Thresholds, and what they promise"]
    known = sections(card(seen=Seen(by_network=("A",))))
    assert "not trained on" not in known["Measures"]
    assert "it looks better than it is" in known["Measures"]
    for seen in (Seen(by_network=("A",)), Seen(by_rule=("C",))):
        text = sections(card(seen=seen))["Thresholds, and what they promise"]
        assert "other clips" not in text
        assert "not all are new to it or to its rule" in text


def test_what_the_rule_was_chosen_on_is_said_where_it_is_known():
    assert "| rule chosen on | 99 clips of others |" in sections(card(chosen_on="99 clips of others"))["Training"]
    assert "rule chosen on" not in sections(card())["Training"]


def test_what_it_was_begun_from_is_said():
    assert "| begun from | chance |" in sections(card())["Training"]
    assert "| begun from | weights of others |" in sections(card(begun_from="weights of others"))["Training"]


def test_a_network_that_saw_generated_clips_only_says_so():
    assert "never seen a real clip" in card(generated=True)
    assert "never seen a real clip" not in card()
