"""The DNS of tests/fixtures/vectors, served on a free port."""

import json
import random
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "e2e"))
from lib.dns import SERVFAIL, Dns  # noqa: E402

VECTORS = TESTS / "fixtures/vectors"


def strings(data: str) -> tuple[bytes, ...]:
    """Several JSON strings: the character-strings of one record."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(data):
        text, at = decoder.raw_decode(data, at)
        found.append(text.encode("latin-1"))
        while at < len(data) and data[at] == " ":
            at += 1
    return tuple(found)


def start(kind: type[Dns] = Dns) -> tuple[Dns, str]:
    """An empty server, and ADDRESS@PORT for the filter."""
    for _ in range(100):
        port = random.randrange(20000, 60000)
        try:
            return kind(port), f"127.0.0.1@{port}"
        except OSError:
            continue
    raise OSError("no free port for a DNS server")


def load(dns: Dns) -> None:
    for line in (VECTORS / "zone.tsv").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        name, kind, data = (line.split("\t") + [""])[:3]
        entry = dns.zone.get(name.lower())
        if kind == "TXT" and entry is not None:
            entry.texts.append(strings(data))
        elif kind == "TXT":
            dns.add(name, strings(data))
        elif kind == "CNAME":
            dns.add(name, cname=data)
        elif kind == "SERVFAIL" or data == "SERVFAIL":
            dns.add(name, rcode=SERVFAIL)
        else:
            dns.add(name)
