"""Apache Kafka's jars, fetched once from Maven Central without Java on the machine; afterwards all works offline."""

import importlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from stream.errors import UserError

KAFKA_VERSION = "4.3.1"
_COORDINATES = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"  # Kafka needs slf4j 1.7


def default_cache() -> Path:
    """The user's cache folder, as the XDG base directory specification names it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stall-stream"


def fetch_jars(
    cache: Path | None = None, *, coordinates: str = _COORDINATES, folder: str = f"kafka-{KAFKA_VERSION}"
) -> list[Path]:
    """Kafka's 46 jars (44 MB): from the cache, else from Maven Central (about 20 s).

    Args:
        cache: folder to keep them in, by default `default_cache()`.
        coordinates: what to fetch instead, with all that it needs, as jgo names it.
        folder: of the cache, for these coordinates alone.

    Raises:
        UserError: they are not in the cache and can't be fetched.
    """
    home = (cache or default_cache()) / folder
    if not home.is_dir():
        _download(home, coordinates)
    return sorted(home.glob("*.jar"))


def _download(home: Path, coordinates: str) -> None:
    maven, builder = demo_library("jgo.maven"), demo_library("jgo.env")
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
            context = maven.MavenContext(repo_cache=Path(scratch, "maven"))
            environment = builder.EnvironmentBuilder(context=context, cache_dir=Path(scratch, "jgo"))
            jars = environment.from_endpoint(coordinates).all_jars
            complete = Path(scratch, "jars")
            complete.mkdir()
            for jar in jars:
                shutil.move(jar, complete / jar.name)
            if not home.is_dir():  # another process may have been faster
                complete.rename(home)  # in one go: a fetch cut short leaves nothing that looks whole
    except Exception as error:  # jgo documents no exceptions; whatever it was, the jars are missing
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise UserError(
            f"could not fetch Apache Kafka {KAFKA_VERSION} from Maven Central into {home}: {reason}; "
            "connect this machine once (make install, or python -m stream kafka --fetch-only); then it works offline"
        ) from error


def demo_library(name: str) -> Any:
    """A library that only the extra `demo` brings.

    Raises:
        UserError: it isn't installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UserError(
            f"{name} is missing: the embedded Kafka needs the extra: pip install 'stall-stream[demo]'"
        ) from None
