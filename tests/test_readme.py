"""Pages lead where they say, and what README tells to type for a model of one's own is typed, with fewer steps."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import training.__main__
import trt_build.__main__
from stream.engine.artifact import load_artifact
from stream.terminal.cli import main
from training.checkpoint import load_checkpoint

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = [
    README,
    ROOT / ".github" / "CONTRIBUTING.md",
    *(
        page
        for folder in ("deploy", "training", "trt_build", "stream")
        for page in sorted((ROOT / folder).rglob("*.md"))
    ),
]
PROGRAMS = {"training": training.__main__.COMMANDS, "trt_build": trt_build.__main__.COMMANDS}
FEWER = {"--clips": "14"}
LIGHTER = {
    "STALL_TRAINING_PROCESSES": "1",
    "STALL_TRAINING_THREADS": "1",
    "STALL_TRAINING_CHANGE": "batch=4",
    "STALL_TRAINING_STEPS": "1",
    "STALL_TRAINING_VALIDATION_SHARE": "0.4",
}


def anchors(page: Path) -> set[str]:
    """Of its headings, as a forge makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_link_leads_somewhere(page: Path):
    for link in re.findall(r"\]\((?!https://)(\S+?)\)", page.read_text()):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def commands(heading: str) -> Iterator[tuple[str, list[str]]]:
    """The program and its words, for each line of a section's first block that is for one of `PROGRAMS`."""
    block = README.read_text().partition(f"\n{heading}\n")[2].split("```\n")[1]
    for line in block.splitlines():
        python, module, program, *words = shlex.split(line, comments=True)
        assert (python, module) == ("python", "-m")
        if program in PROGRAMS:
            yield program, words


def test_the_way_to_a_model_of_ones_own_is_as_readme_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for name, value in LIGHTER.items():
        monkeypatch.setenv(name, value)
    for program, words in commands("## Your own model"):
        fewer = [FEWER.get(before, word) for before, word in zip(["", *words], words, strict=False)]
        default = "build" if program == "trt_build" else None
        assert main(f"python -m {program}", PROGRAMS[program], fewer, default=default) == 0, words
    card = load_checkpoint(tmp_path / "checkpoint")[1]
    assert not {"C", "M"} & set(card.training.projects)
    assert (tmp_path / "page.html").exists()
    assert "For a prevalence of 30 %" in (tmp_path / "card.md").read_text()
    assert load_artifact(tmp_path / "artifact").manifest.spec == card.spec
