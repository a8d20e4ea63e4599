"""`doctor` beside a real Kafka and a real worker: what it finds in order, and what it says of a set-up that isn't."""

import json
import shutil
from pathlib import Path
from typing import Any

from stream.engine.artifact import default_artifact_path
from tests.system.commands import run
from tests.system.doctored import Doctored
from tests.system.lab import Lab


def doctor(*words: object) -> tuple[int, dict[str, Any]]:
    done = run("-m", "stream", "doctor", *words, "--watch-s", 2, "--json")
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


def held(told: dict[str, Any]) -> dict[str, bool | None]:
    return {each["name"]: each["holds"] for each in told["checks"]}


def test_beside_a_worker_at_rest_all_holds(kafka: str, small: Path):
    lab = Lab(kafka, small, partitions=2)
    with lab.worker("--allow", small) as worker:
        lab.send((small / "good-0.mp4").as_uri())
        lab.audit()
        metrics = f"{worker.url}/metrics"
        code, told = doctor(*lab.at, "--group", lab.group, "--allow", small, "--metrics", metrics)
    names = ("artifact", "broker", "rights", "topics", "retention", "store", "clock", "rule")
    assert held(told) == dict.fromkeys(names, True), told
    assert (code, told["findings"], told["drained_in_s"]) == (0, [], 0.0)
    assert told["pace"].endswith("nothing is left to do")


def test_what_does_not_hold_is_named_and_the_rest_is_looked_at_all_the_same(kafka: str, small: Path, tmp_path: Path):
    topics = Doctored(kafka)
    topics.send([topics.reference(0, uri=(tmp_path / "gone.mp4").as_uri())])
    silent = "http://127.0.0.1:1/metrics"
    code, told = doctor(*topics.words, "--allow", tmp_path, "--metrics", silent, "--artifact", broken(tmp_path))
    said = {each["name"]: each["said"] for each in told["checks"] if each["holds"] is False}
    assert code == 1
    assert said.keys() == {"artifact", "retention", "store", "worker"}
    assert "retention.ms=" in said["retention"]
    assert "not_found" in said["store"]
    assert silent in said["worker"]
    assert [each["said"] for each in told["findings"]] == ["no worker could be asked"]
    assert (told["drained_in_s"], told["pace"].partition(";")[0]) == (None, "1 reference behind")


def test_a_new_installation_holds_though_there_is_no_clip_yet(kafka: str, small: Path):
    lab = Lab(kafka, small, partitions=2)
    code, told = doctor(*lab.at, "--group", lab.group, "--allow", small)
    store = next(each for each in told["checks"] if each["name"] == "store")
    assert (code, store["holds"]) == (0, None)
    assert store["said"].startswith("not tried:")
    assert told["pace"].endswith("nothing is left to do")


def broken(folder: Path) -> Path:
    """An artifact whose engine is another one than its manifest says."""
    copy = folder / "artifact"
    shutil.copytree(default_artifact_path(), copy)
    (copy / "model.bin").write_bytes(b"other")
    return copy


def test_without_kafka_or_topics_it_says_so_and_to_a_person_in_lines(kafka: str):
    never = ("--bootstrap", "127.0.0.1:1", "--connect-timeout-s", 0.5)
    code, told = doctor(*never)
    assert (code, held(told)) == (1, {"artifact": True, "broker": False})
    topics = Doctored(kafka, create=False)
    done = run("-m", "stream", "doctor", *topics.words)
    assert done.returncode == 1
    lines = {line.split()[1]: line.split()[0] for line in done.stdout.splitlines()}
    assert lines == {"artifact": "ok", "broker": "ok", "rights": "ok", "topics": "FAILS"}
    assert f"the topic {topics.clips!r} doesn't exist" in done.stdout
