"""DKIM keys for the filters, and their DNS records."""

import base64
import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import check

# smtpd starts filters as one of these.
FILTER_USERS = ("_smtpd", "opensmtpd", "smtpd")
KINDS = {"rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
         "ed25519": ["-algorithm", "ED25519"]}


@dataclass(frozen=True)
class Key:
    path: Path
    domain: str
    selector: str
    record: str

    @property
    def name(self) -> str:
        """Where DNS has the record."""
        return f"{self.selector}._domainkey.{self.domain}"


def openssl(*args: str) -> bytes:
    return subprocess.run(["openssl", *args], check=True,
                          capture_output=True).stdout


def public(path: Path, kind: str) -> str:
    """The p= value: for Ed25519 the bare 32 bytes (RFC 8463 section 4)."""
    der = openssl("pkey", "-in", str(path), "-pubout", "-outform", "DER")
    return base64.b64encode(der[-32:] if kind == "ed25519" else der).decode()


def filter_uid() -> int:
    """The user that smtpd of this machine runs its filters as."""
    for name in FILTER_USERS:
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise check.Skip(f"none of these users exists: {FILTER_USERS}")


def make(folder: Path, domain: str, selector: str, kind: str = "rsa",
         uid: int | None = None) -> Key:
    """A new key in a file that only the filter's user can read."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{selector}.{domain}.pem"
    openssl("genpkey", *KINDS[kind], "-out", str(path))
    path.chmod(0o600)
    os.chown(path, filter_uid() if uid is None else uid, -1)
    return Key(path, domain, selector,
               f"v=DKIM1; k={kind}; p={public(path, kind)}")
