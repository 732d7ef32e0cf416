"""Keys, key tables and records for filter-dkimsign."""

import base64
import os
import pwd
import subprocess
from pathlib import Path

from . import dkimpy, mail
from .case import Case
from .smtpd import Smtpd

DOMAIN = "example.net"


def owner(case: Case) -> tuple[int, int]:
    """The user and group that smtpd's filters run as."""
    if case.options.root is None:
        entry = pwd.getpwnam("opensmtpd")
        return entry.pw_uid, entry.pw_gid
    for line in (case.options.root / "etc/passwd").read_text().splitlines():
        words = line.split(":")
        if words[0] == "opensmtpd":
            return int(words[2]), int(words[3])
    raise AssertionError("no user opensmtpd in the other system")


def openssl(*args: str) -> bytes:
    return subprocess.run(["openssl", *args], check=True,
                          capture_output=True).stdout


class Keys:
    """A folder of keys, their table and what DNS has for them."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.records: dict[str, bytes] = {}
        self.folder = case.work / "keys"
        self.folder.mkdir()
        self.table = self.folder / "table"

    def own(self, path: Path, mode: int) -> None:
        os.chown(path, *owner(self.case))
        path.chmod(mode)

    def make(self, selector: str, kind: str = "rsa",
             domain: str = DOMAIN) -> Path:
        """A new key whose record is published at once."""
        path = self.folder / f"{selector}.{domain}.key"
        size = ["-pkeyopt", "rsa_keygen_bits:2048"] if kind == "rsa" else []
        openssl("genpkey", "-algorithm", kind, *size, "-out", str(path))
        self.own(path, 0o600)
        public = openssl("pkey", "-in", str(path), "-pubout",
                         "-outform", "DER")
        if kind != "rsa":
            public = public[-32:]
        self.records[f"{selector}._domainkey.{domain}"] = (
            f"v=DKIM1; k={kind}; p=".encode() + base64.b64encode(public))
        return path

    def write(self, *lines: str) -> None:
        """Puts a new table in the place of the old one."""
        new = self.folder / "table.new"
        new.write_text("".join(line + "\n" for line in lines))
        new.chmod(0o644)
        new.rename(self.table)

    def verify(self, got: mail.Delivered) -> list[bool]:
        """Whether each signature of a delivered message verifies."""
        return dkimpy.verify(got.above + got.received + got.message,
                             self.records.get)

    def smtpd(self, *args: str, **kind: bool) -> Smtpd:
        """smtpd with a signer that has the table."""
        return self.case.smtpd(self.case.filter(
            "filter-dkimsign", "-K", str(self.table), *args), **kind)
