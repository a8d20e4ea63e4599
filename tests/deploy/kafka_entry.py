"""Starts Kafka by what its official image is told by: `KAFKA_LOG_DIRS` is the property `log.dirs`."""

import os
import subprocess
from pathlib import Path

_PREFIX = "KAFKA_"
_FILE = "/tmp/server.properties"

properties = {
    name.removeprefix(_PREFIX).lower().replace("_", "."): value
    for name, value in os.environ.items()
    if name.startswith(_PREFIX)
}
Path(_FILE).write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
jars = ":".join(map(str, Path("/opt/kafka").glob("*.jar")))
java = ["/opt/java/bin/java", "-Xmx384m", "-XX:+UseSerialGC", "-cp", jars]
storage = ["kafka.tools.StorageTool", "format", "--ignore-formatted", "--cluster-id=5L6g3nShT-eMCtK--X86sw"]
subprocess.run([*java, *storage, "-c", _FILE], check=True)
os.execv(java[0], [*java, "kafka.Kafka", _FILE])
