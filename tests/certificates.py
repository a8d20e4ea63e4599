"""Certificates as an operator would have them: an authority, what it has signed, and what is wrong with some."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, each a file in PEM."""

    certfile: Path
    keyfile: Path

    @property
    def both(self) -> Path:
        """One file with the two, as Kafka's brokers take them."""
        path = self.certfile.with_suffix(".both")
        path.write_text(self.keyfile.read_text() + self.certfile.read_text())
        return path


class Authority:
    """Signs certificates that lie in a folder; clients and brokers trust it by its `cafile`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._ca = trustme.CA()
        self.cafile = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.cafile))

    def issue(self, name: str, *hosts: str, expired: bool = False, password: str | None = None) -> Certificate:
        """A certificate for a server's host names, or for a client, whom its common name tells.

        Args:
            name: of the files, and the common name.
            hosts: that it is for.
            expired: a day ago.
            password: that its key is encrypted with.
        """
        days = timedelta(days=1)
        issued = self._ca.issue_cert(
            *(hosts or (f"{name}@example.org",)),
            common_name=name,
            organization_name="stall",
            organization_unit_name="tests",
            not_before=datetime.now(UTC) - 2 * days,
            not_after=datetime.now(UTC) + (-days if expired else days),
        )
        key = load_pem_private_key(issued.private_key_pem.bytes(), None)
        lock = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        made = Certificate(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        made.certfile.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
        made.keyfile.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
        return made
