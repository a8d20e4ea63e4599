"""Images built by buildah and run by podman as root, on a machine without systemd or a registry."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stream.local.jars import default_cache

ROOT = Path(__file__).resolve().parent.parent.parent
BASE = "localhost/base:bookworm"
LOCKED_UP = ("--read-only", "--read-only-tmpfs=false", "--cap-drop", "all", "--security-opt", "no-new-privileges")
"""How a container is run that may do nothing but compute."""
ALONE = ("run", "--rm", *LOCKED_UP, "--network", "none")
_SUITE = "bookworm"
_PROGRAMS = ("mmdebstrap", "buildah", "podman", "runc", "unshare")
_MAKE_DEBIAN = (
    *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase"),
    "--include=ca-certificates,python3,python3-venv",
)
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_NICE = ("nice", "-n", "3")
# crun and systemd's control groups are not there in a container; the usual limits may be above what we may set.
_CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""


class UnableError(Exception):
    """This machine lets no container run: why, in the words of what refused."""


def _attempt(words: list[str], environment: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(words, env=environment, check=False, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise UnableError((done.stderr.strip() or f"{' '.join(words)} failed").splitlines()[-1])


@dataclass(frozen=True)
class Podman:
    """Buildah and podman on images and containers of their own, below a folder."""

    folder: Path

    @property
    def _store(self) -> tuple[str, ...]:
        return "--root", f"{self.folder}/store", "--runroot", f"{self.folder}/run", "--storage-driver", "overlay"

    @property
    def environment(self) -> Mapping[str, str]:
        conf = self.folder / "containers.conf"
        conf.write_text(_CONTAINERS_CONF)
        return {**os.environ, "CONTAINERS_CONF": str(conf)}

    def words(self, *words: object, program: str = "podman") -> list[str]:
        return [*_NICE, program, *self._store, *map(str, words)]

    def run(
        self, *words: object, program: str = "podman", check: bool = True, timeout_s: float = 300
    ) -> "subprocess.CompletedProcess[str]":
        """Runs `podman WORDS`."""
        done = subprocess.run(
            self.words(*words, program=program),
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
        assert not check or done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done

    def import_base(self) -> None:
        """A Debian with Python, where the images' own base can't be pulled; kept for the next run.

        Raises:
            UnableError: no container of it runs on this machine.
        """
        if os.geteuid() != 0:
            raise UnableError("only root may")
        if absent := [name for name in _PROGRAMS if shutil.which(name) is None]:
            raise UnableError(f"{', '.join(absent)}: not installed")
        _attempt(["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "true"])
        tar = default_cache() / f"base-{_SUITE}.tar"
        if not tar.exists():
            tar.parent.mkdir(parents=True, exist_ok=True)
            part = tar.with_suffix(f".{os.getpid()}.tar")
            try:
                _attempt([*_NICE, *_MAKE_DEBIAN, _SUITE, str(part)])
                part.rename(tar)
            finally:
                part.unlink(missing_ok=True)
        _attempt(self.words("import", tar, BASE), self.environment)
        _attempt(self.words(*ALONE, BASE, "true"), self.environment)

    def build(self, dockerfile: Path, tag: str, *more: str, context: Path = ROOT) -> None:
        """Builds an image on our base."""
        mount = ("-v", f"{_AUTHORITIES}:{_AUTHORITIES}:ro") if Path(_AUTHORITIES).exists() else ()
        words = ("bud", "--isolation", "chroot", "--pull-never", "--format", "docker", "--build-arg", f"BASE={BASE}")
        self.run(*words, *mount, *more, "-f", dockerfile, "-t", tag, context, program="buildah", timeout_s=1800)

    def start(self, *words: object) -> str:
        """Starts a container in the background; gives its id."""
        return self.run("run", "--detach", *words).stdout.strip()

    def logs(self, container: str) -> str:
        done = self.run("logs", container)
        return done.stdout + done.stderr

    def await_words(self, container: str, words: str, *, timeout_s: float = 60) -> str:
        """Its logs, once they have these words."""
        deadline = time.monotonic() + timeout_s
        while words not in (said := self.logs(container)):
            assert time.monotonic() < deadline, said
            time.sleep(0.3)
        return said

    def close(self) -> None:
        """Removes all containers, those of a build that was cut off too, images and networks."""
        self.run("rm", "--all", "--force", "--time", "0", check=False)
        self.run("rm", "--all", program="buildah", check=False)
        self.run("network", "prune", "--force", check=False)
        self.run("rmi", "--all", "--force", check=False)
