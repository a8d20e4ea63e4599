"""The manifests: known to Kubernetes and KEDA to the last key, and right where no schema can tell."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cloudcoil.models.keda.v1alpha1 import ScaledObject, TriggerAuthentication

from stream.local.ports import free_ports
from stream.processes.interrupts import GRACE_S
from stream.settings import WorkerSettings
from tests.deploy.manifests import KUBERNETES, OVERLAYS, Manifests, built, looked_up, program, with_components
from tests.deploy.podman import Podman
from tests.system.lab import Lab

KEDA: dict[str, Any] = {"ScaledObject": ScaledObject, "TriggerAuthentication": TriggerAuthentication}
TRIGGER_KEYS = {
    "activationLagThreshold",
    "allowIdleConsumers",
    "bootstrapServersFromEnv",
    "consumerGroupFromEnv",
    "excludePersistentLag",
    "lagThreshold",
    "limitToPartitionsWithLag",
    "offsetResetPolicy",
    "sasl",
    "scaleToZeroOnInvalidOffset",
    "tls",
    "topicFromEnv",
}
"""Of KEDA's kafka scaler, as far as we use them; its schema takes any."""


@pytest.fixture(scope="module", params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> Manifests:
    return built(KUBERNETES / "overlays" / request.param)


@pytest.fixture(scope="module")
def keda() -> Manifests:
    return built(KUBERNETES / "overlays" / "keda")


@pytest.fixture(scope="module", params=["login", "certificate"])
def means(request: pytest.FixtureRequest) -> str:
    """By what workers and KEDA say to Kafka who they are."""
    return str(request.param)


@pytest.fixture(scope="module")
def secured(means: str, tmp_path_factory: pytest.TempPathFactory) -> Manifests:
    return with_components(tmp_path_factory.mktemp("ours"), f"kafka-{means}", f"keda-{means}")


@pytest.fixture(scope="module")
def secret(means: str) -> str:
    """The example that stands beside."""
    return (KUBERNETES / "components" / f"kafka-{means}" / "secret.example.yaml").read_text()


def refused(text: str, folder: Path) -> str:
    """What kubernetes-validate has against it, for the oldest and the newest version that are meant."""
    (folder / "out.yaml").write_text(text)
    said = ""
    for version in ("1.29", "1.37"):
        words = [program("kubernetes-validate"), "--strict", "-k", version, str(folder / "out.yaml")]
        done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
        said += done.stdout + done.stderr if done.returncode else ""
    return said


def unknown_keys(given: Any, kept: Any, at: str = "") -> Iterator[str]:
    """The keys that a model has dropped."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            if key in kept:
                yield from unknown_keys(value, kept[key], f"{at}/{key}")
            else:
                yield f"{at}/{key}"
    elif isinstance(given, list) and isinstance(kept, list):
        for number, (ours, theirs) in enumerate(zip(given, kept, strict=True)):
            yield from unknown_keys(ours, theirs, f"{at}/{number}")


def unknown_to_keda(given: dict[str, Any]) -> list[str]:
    model = KEDA[given["kind"]].model_validate(given)
    return list(unknown_keys(given, model.model_dump(by_alias=True, mode="json", exclude_unset=True)))


def test_each_overlay_is_known_to_kubernetes(overlay: Manifests, tmp_path: Path):
    assert refused(overlay.text, tmp_path) == ""


def test_with_what_kafka_asks_for_it_is_too(secured: Manifests, secret: str, tmp_path: Path):
    assert refused(f"{secured.text}\n---\n{secret}", tmp_path) == ""


def test_a_misspelt_key_would_be_refused(keda: Manifests, tmp_path: Path):
    assert "readOnlyRootFilesytem" in refused(
        keda.text.replace("readOnlyRootFilesystem", "readOnlyRootFilesytem"), tmp_path
    )


def test_keda_knows_each_key(secured: Manifests):
    for kind in KEDA:
        assert unknown_to_keda(secured.one(kind)) == []
    metadata = secured.one("ScaledObject")["spec"]["triggers"][0]["metadata"]
    assert set(metadata) <= TRIGGER_KEYS
    assert all(isinstance(value, str) for value in metadata.values())


def test_a_key_that_keda_does_not_know_would_be_told(keda: Manifests):
    given = yaml.safe_load(yaml.safe_dump(keda.one("ScaledObject")).replace("maxReplicaCount", "maxReplicaCont"))
    assert unknown_to_keda(given) == ["/spec/maxReplicaCont"]


def test_each_selector_finds_the_workers(overlay: Manifests):
    labels = overlay.pod["metadata"]["labels"]
    selectors = [
        overlay.one("Deployment")["spec"]["selector"],
        overlay.one("PodDisruptionBudget")["spec"]["selector"],
        overlay.one("NetworkPolicy")["spec"]["podSelector"],
        overlay.pod["spec"]["topologySpreadConstraints"][0]["labelSelector"],
    ]
    for each in selectors:
        assert each["matchLabels"].items() <= labels.items()
        assert each["matchLabels"]


def test_each_setting_is_one(overlay: Manifests):
    known = {f"STALL_{name.upper()}" for name in WorkerSettings.model_fields}
    assert set(overlay.one("ConfigMap")["data"]) <= known


def test_no_service_can_bring_a_setting_that_is_none(overlay: Manifests):
    assert overlay.pod["spec"]["enableServiceLinks"] is False


def test_what_kubernetes_grants_a_stop_is_longer_than_a_drain(overlay: Manifests):
    drain_s = float(overlay.one("ConfigMap")["data"]["STALL_DRAIN_S"])
    assert overlay.pod["spec"]["terminationGracePeriodSeconds"] >= drain_s + GRACE_S + 5


def test_it_runs_without_a_right(overlay: Manifests):
    assert overlay.pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert overlay.pod["spec"]["automountServiceAccountToken"] is False
    assert overlay.one("ServiceAccount")["metadata"]["name"] == overlay.pod["spec"]["serviceAccountName"]
    own = overlay.container["securityContext"]
    assert own["readOnlyRootFilesystem"] is True
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}


def test_probes_and_policy_mean_the_port_that_a_worker_has(overlay: Manifests):
    (port,) = overlay.container["ports"]
    assert port == {"name": "ops", "containerPort": WorkerSettings.model_fields["ops_port"].default}
    probes = {name: overlay.container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {each["port"] for each in probes.values()} == {"ops"}
    assert [each["path"] for each in probes.values()] == ["/livez", "/livez", "/readyz"]


def test_an_update_wants_no_gpu_more_than_there_are_workers():
    """Kubernetes' own default, and the base's, is a worker more: it would wait for ever for a GPU."""
    updating = built(KUBERNETES / "overlays" / "gpu").one("Deployment")["spec"]["strategy"]["rollingUpdate"]
    assert updating == {"maxSurge": 0, "maxUnavailable": 1}


def test_keda_scales_this_deployment_on_the_lag_of_its_group(keda: Manifests):
    spec = keda.one("ScaledObject")["spec"]
    assert spec["scaleTargetRef"]["name"] == keda.one("Deployment")["metadata"]["name"]
    assert "replicas" not in keda.one("Deployment")["spec"]
    assert looked_up(keda) == {
        "bootstrapServers": keda.one("ConfigMap")["data"]["STALL_BOOTSTRAP"],
        "consumerGroup": WorkerSettings.model_fields["group"].default,
        "topic": WorkerSettings.model_fields["clips_topic"].default,
    }


def test_what_keda_and_the_workers_read_is_what_the_secret_has(secured: Manifests, secret: str):
    made = yaml.safe_load(secret)
    read = secured.one("TriggerAuthentication")["spec"]["secretTargetRef"]
    assert {each["key"] for each in read} == set(made["stringData"])
    (volume,) = [each for each in secured.pod["spec"]["volumes"] if "secret" in each]
    assert {each["name"] for each in read} == {volume["secret"]["secretName"]} == {made["metadata"]["name"]}


def test_each_file_named_lies_in_the_secret_that_is_mounted(secured: Manifests, secret: str):
    (mount,) = [each for each in secured.container["volumeMounts"] if each["name"].startswith("kafka-")]
    files = {Path(value) for name, value in secured.one("ConfigMap")["data"].items() if name.endswith("FILE")}
    assert {str(each.parent) for each in files} == {mount["mountPath"]}
    assert {each.name for each in files} <= set(yaml.safe_load(secret)["stringData"])


@pytest.mark.ops
@pytest.mark.timeout(1800)
def test_its_pod_judges(podman: Podman, worker_image: str, small: Path, kafka: str, tmp_path: Path):
    """As podman runs pods: what Kubernetes itself does with probes, policies and budgets stays untried."""
    lab, (port,) = Lab(kafka, small, partitions=2), free_ports("127.0.0.1", 1)
    overlay = built(KUBERNETES / "overlays" / "cpu")
    deployment, settings = overlay.one("Deployment"), overlay.one("ConfigMap")
    topics = {f"STALL_{name.upper().replace('-', '_')}": topic for name, topic in lab.topics.items()}
    settings["data"] |= {"STALL_BOOTSTRAP": kafka, "STALL_ALLOW": "/clips", "STALL_OPS_PORT": str(port), **topics}
    settings["data"]["STALL_GROUP"] = lab.group
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    del container["ports"]  # the host's network, where Kafka is, has none to map
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        container[probe]["httpGet"]["port"] = port
    pod["volumes"] = [{"name": "clips", "hostPath": {"path": str(small)}}]
    container["volumeMounts"] = [{"name": "clips", "mountPath": "/clips", "readOnly": True}]
    container["image"] = worker_image
    deployment["spec"]["replicas"] = 1
    manifest = tmp_path / "pod.yaml"
    manifest.write_text(yaml.safe_dump_all([settings, deployment]))
    podman.run("play", "kube", "--network", "host", manifest)
    try:
        lab.send("file:///clips/good-0.mp4", "file:///clips/no-outline.mp4")
        assert lab.audit()["outcomes"] == 2
    finally:
        podman.run("play", "kube", "--down", manifest)
