"""Where a process has the secret numbers of its private keys in memory."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

# Of each number these bytes are looked for.
FIRST, LAST = 8, 24
SECRETS = ["privateExponent", "prime1", "prime2", "exponent1", "exponent2",
           "coefficient"]
# The kernel's own pages, which cannot be read or hold nothing of a program.
NO_MEMORY = {"[vvar]", "[vvar_vclock]", "[vsyscall]"}


@dataclass
class Place:
    what: str
    mapping: str
    locked: bool
    dumped: bool


def number(text: str, name: str) -> bytes:
    """One of openssl's numbers in hexadecimal digits and colons."""
    found = re.search(rf"^{name}:\s*\n((?:\s+[0-9a-f:]+\n)+)", text, re.M)
    assert found, f"no {name}"
    return bytes.fromhex(re.sub("[^0-9a-f]", "", found[1])).lstrip(b"\0")


def secrets(key: Path) -> dict[str, bytes]:
    """What must not leak of a key: the numbers in both orders, and the PEM."""
    text = subprocess.run(["openssl", "pkey", "-in", key, "-noout", "-text"],
                          check=True, capture_output=True, text=True).stdout
    names = ["priv"] if "ED25519" in text else SECRETS
    found = {}
    for name in names:
        value = number(text, name)
        found[f"{name} of {key.name}"] = value[FIRST:LAST]
        found[f"{name} of {key.name}, reversed"] = value[::-1][FIRST:LAST]
    lines = key.read_bytes().splitlines()[1:-1]
    found[f"PEM of {key.name}"] = lines[len(lines) // 2][-FIRST - LAST:]
    return found


def find(pid: int, patterns: dict[str, bytes]) -> list[Place]:
    places, name, data = [], "", b""
    with (open(f"/proc/{pid}/smaps", encoding="ascii") as maps,
          open(f"/proc/{pid}/mem", "rb", buffering=0) as memory):
        for line in maps:
            words = line.split()
            if head := re.match("([0-9a-f]+)-([0-9a-f]+) r", line):
                start, end = (int(x, 16) for x in head.groups())
                name, data = " ".join(words[5:]) or f"{start:x}", b""
                if name not in NO_MEMORY:
                    memory.seek(start)
                    data = memory.read(end - start)
            elif re.match("[0-9a-f]+-", line):
                data = b""
            elif words[0] == "VmFlags:":
                places += [Place(what, name, "lo" in words, "dd" not in words)
                           for what, value in patterns.items()
                           if value in data]
    return places
