"""What deploy/README.md has an operator write and type for Kubernetes, written and typed."""

import re
import shutil
import subprocess
from pathlib import Path
from textwrap import dedent, indent

import pytest
import yaml

from stream.settings import WorkerSettings
from tests.deploy.manifests import KUBERNETES, OVERLAYS, ROOT, Manifests, built, looked_up

GUIDE = (ROOT / "deploy" / "README.md").read_text()
IMAGES = {"cpu": "stall-stream/worker", "gpu": "stall-stream/worker-tensorrt", "keda": "stall-stream/worker"}


def block(words: str) -> str:
    """The guide's one block that has these words."""
    blocks = re.findall(r"^ *```\n(.*?)^ *```$", GUIDE, re.MULTILINE | re.DOTALL)
    (found,) = [dedent(each) for each in blocks if words in each]
    return found


def write(folder: Path, text: str) -> None:
    """Writes one of the guide's, with `...` as where the repository is."""
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(text.replace(".../", "../"))


@pytest.fixture(scope="module", params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(overlay: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the guide's kustomization for an overlay, changed as its comments say, and the one of its shadow beside."""
    folder = tmp_path_factory.mktemp("guide")
    shutil.copytree(KUBERNETES, folder / "deploy" / "kubernetes")
    text = block("namespace: stall\n").replace("overlays/cpu", f"overlays/{overlay}")
    text = text.replace("name: stall-stream/worker,", f"name: {IMAGES[overlay]},")
    if overlay == "keda":
        text = re.sub("^replicas.*\n", "", text, flags=re.MULTILINE) + indent(block("kind: ScaledObject"), "  ")
    write(folder / "stall", text)
    write(folder / "shadow", block("namespace: stall-shadow\n"))
    return folder


@pytest.fixture(scope="module")
def ours(folder: Path) -> Manifests:
    return built(folder / "stall")


@pytest.fixture(scope="module")
def shadow(folder: Path) -> Manifests:
    return built(folder / "shadow")


def test_the_settings_written_are_the_workers_and_each_is_one(ours: Manifests):
    data = ours.one("ConfigMap")["data"]
    assert data["STALL_BOOTSTRAP"] == "kafka.my.org:9093"
    assert data["STALL_KAFKA_SECURITY_PROTOCOL"] == "SASL_SSL"
    known = {f"STALL_{name.upper()}" for name in WorkerSettings.model_fields}
    assert {name for name in data if not name.startswith("STALL_KAFKA_")} <= known


def test_kafka_may_have_a_certificate_of_a_publicly_known_authority(folder: Path, ours: Manifests):
    usual = (folder / "stall" / "kustomization.yaml").read_text()
    before, after = usual.split("patches:", maxsplit=1)
    known = folder / "known"
    known.mkdir()
    patch = indent(block("op: remove, path: /data/STALL_KAFKA_SSL_CAFILE"), "  ")
    (known / "kustomization.yaml").write_text(f"{before}patches:{after.rstrip()}\n{patch}")
    without, usually = built(known).one("ConfigMap"), ours.one("ConfigMap")
    assert usually["data"].keys() - without["data"].keys() == {"STALL_KAFKA_SSL_CAFILE"}
    assert usually["metadata"]["name"] != without["metadata"]["name"], "the workers are not rolled"


def test_the_image_named_is_the_one_that_runs(ours: Manifests, shadow: Manifests):
    assert ours.container["image"] == "my.registry/stall-worker:0.1.0"
    assert shadow.container["image"] == "my.registry/stall-worker:DIGEST"


def test_secrets_are_asked_for_by_the_names_of_their_examples(ours: Manifests):
    examples = [yaml.safe_load(each.read_text()) for each in KUBERNETES.glob("components/*/secret.example.yaml")]
    mounted = {each["secret"]["secretName"] for each in ours.pod["spec"]["volumes"] if "secret" in each}
    read = {each["secretRef"]["name"] for each in ours.container["envFrom"] if "secretRef" in each}
    assert mounted | read == {each["metadata"]["name"] for each in examples}


def test_the_store_s_port_is_let_out_beside_the_others(ours: Manifests):
    rules = ours.one("NetworkPolicy")["spec"]["egress"]
    assert {port["port"] for rule in rules for port in rule["ports"]} == {53, 443, 9000, 9092}


def test_nobody_but_keda_says_how_many_workers_there_are(overlay: str, ours: Manifests):
    assert ours.one("Deployment")["spec"].get("replicas") == (None if overlay == "keda" else 6)


def test_keda_looks_where_the_workers_read(overlay: str, ours: Manifests):
    if overlay == "keda":
        assert looked_up(ours)["bootstrapServers"] == "kafka.my.org:9093"
        assert ours.one("ScaledObject")["spec"]["minReplicaCount"] == 1


def test_a_shadow_is_another_group_s_elsewhere_and_writes_elsewhere(ours: Manifests, shadow: Manifests):
    assert {each["metadata"]["namespace"] for each in shadow.objects} == {"stall-shadow"}
    data, theirs = (each.one("ConfigMap")["data"] for each in (shadow, ours))
    assert {name for name in data if data[name] != theirs.get(name)} == {
        "STALL_DEAD_LETTERS_TOPIC",
        "STALL_GROUP",
        "STALL_START",
        "STALL_VERDICTS_TOPIC",
    }


def test_prometheus_knows_each_group_by_a_job_of_its_own(ours: Manifests, shadow: Manifests):
    label = ours.one("PodMonitor")["spec"]["jobLabel"]
    assert ours.pod["metadata"]["labels"][label] == "stall-workers"
    assert shadow.pod["metadata"]["labels"][label] == "stall-shadow"


def test_both_ways_of_prometheus_find_the_workers_port(ours: Manifests):
    monitor = ours.one("PodMonitor")["spec"]
    (port,) = ours.container["ports"]
    assert monitor["selector"]["matchLabels"].items() <= ours.pod["metadata"]["labels"].items()
    assert [each["port"] for each in monitor["podMetricsEndpoints"]] == [port["name"]]
    (scraped,) = yaml.safe_load((KUBERNETES / "scrape.yml").read_text())["scrape_configs"]
    kept = [each["regex"] for each in scraped["relabel_configs"] if each.get("action") == "keep"]
    assert kept == [f"{ours.pod['metadata']['labels']['app.kubernetes.io/name']}/{port['name']}"]


@pytest.mark.parametrize("page", sorted((ROOT / "deploy" / "runbooks").iterdir()), ids=lambda page: str(page.stem))
def test_an_alert_s_page_says_where_its_commands_are_typed(page: Path):
    assert "](../README.md#how-to-type-these)" in page.read_text()
    assert "HOST" not in page.read_text()


@pytest.mark.parametrize("overlay", OVERLAYS, scope="module")
def test_each_image_is_tagged_as_its_dockerfile_says(overlay: str):
    dockerfile = ROOT / "deploy" / "images" / f"{IMAGES[overlay].removeprefix('stall-stream/')}.Dockerfile"
    assert f"-t {built(KUBERNETES / 'overlays' / overlay).container['image']} .\n" in dockerfile.read_text()


def test_the_rules_typed_are_those_of_the_files():
    """Each PrometheusRule as kubectl is given it."""
    typed = f"kubectl() {{ cat; echo ---; }}\n{block('kind: PrometheusRule')}"
    done = subprocess.run(["bash", "-c", typed], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60)
    given = {each["metadata"]["name"]: each for each in yaml.safe_load_all(done.stdout) if each}
    assert {each["kind"] for each in given.values()} == {"PrometheusRule"}
    for name in ("recording", "alerts"):
        shipped = yaml.safe_load((ROOT / "deploy" / "monitoring" / f"{name}.yml").read_text())
        assert given[f"stall-{name}"]["spec"] == shipped
