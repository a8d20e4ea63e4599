"""What kustomize makes of deploy/kubernetes, as objects."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("cpu", "gpu", "keda")


def program(name: str) -> str:
    """A program that a wheel brought into this environment."""
    return str(Path(sys.executable).parent / name)


@dataclass(frozen=True)
class Manifests:
    """The objects of one overlay."""

    text: str

    @cached_property
    def objects(self) -> list[dict[str, Any]]:
        return list(yaml.safe_load_all(self.text))

    def one(self, kind: str) -> dict[str, Any]:
        (found,) = [each for each in self.objects if each["kind"] == kind]
        return found

    @property
    def pod(self) -> dict[str, Any]:
        return dict(self.one("Deployment")["spec"]["template"])

    @property
    def container(self) -> dict[str, Any]:
        (found,) = self.pod["spec"]["containers"]
        return dict(found)


def built(folder: Path) -> Manifests:
    done = subprocess.run(
        [program("kubectl"), "kustomize", str(folder)], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return Manifests(done.stdout)


def looked_up(manifests: Manifests) -> dict[str, str]:
    """What KEDA's Kafka trigger finds in the workers' environment, as its scaler resolves `...FromEnv`."""
    settings = manifests.one("ConfigMap")
    (trigger,) = manifests.one("ScaledObject")["spec"]["triggers"]
    assert {"configMapRef": {"name": settings["metadata"]["name"]}} in manifests.container["envFrom"]
    names = {key: name for key, name in trigger["metadata"].items() if key.endswith("FromEnv")}
    return {key.removesuffix("FromEnv"): settings["data"][name] for key, name in names.items()}


def with_components(folder: Path, *components: str, overlay: str = "keda") -> Manifests:
    """An overlay with more, as an operator's own kustomization in an empty folder has it."""
    shutil.copytree(KUBERNETES, folder / "kubernetes")
    (folder / "kustomization.yaml").write_text(
        yaml.safe_dump(
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "resources": [f"kubernetes/overlays/{overlay}"],
                "components": [f"kubernetes/components/{each}" for each in components],
            }
        )
    )
    return built(folder)
