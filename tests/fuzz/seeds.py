"""Makes first inputs for fuzz targets out of the golden scripts, the recorded
replies of rspamd and the messages and records of tests/fixtures/vectors.

usage: seeds.py FOLDER     (inputs of target NAME go to FOLDER/NAME)
"""

import base64
import binascii
import re
import struct
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "replies"), str(TESTS / "vectors")]
import recorded  # noqa: E402
import zone  # noqa: E402

SETS = b"abcdefg"            # options of the whole-filter targets
LONG = 64                    # bytes of "L1", see script.h
BEGIN = b"C\nB\n"
END = b":.\nT0\nQ\nE\nX\n"


def escape(data: bytes) -> bytes:
    """What fuzz_unescape() of script.c takes back."""
    return b"".join(bytes([0x5C, c ^ 0x40]) if c in b"\n\\" else bytes([c])
                    for c in data)


def name_of(name: str) -> bytes:
    labels = [part.encode() for part in name.strip(".").split(".")]
    return b"".join(bytes([len(x)]) + x for x in labels if x) + b"\0"


def record(kind: int, data: bytes) -> bytes:
    return b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 3600, len(data)) + data


def packet(name: str, records: list[bytes], rcode: int = 0) -> bytes:
    head = struct.pack("!HHHHHH", 1, 0x8180 | rcode, 1, len(records), 0, 0)
    question = name_of(name) + struct.pack("!HH", 16, 1)
    return head + question + b"".join(records)


def txt(strings: tuple[bytes, ...]) -> bytes:
    return record(16, b"".join(bytes([len(s)]) + s for s in strings))


def dns_step(data: bytes, rcode: int = 0) -> bytes:
    return b"p%x0" % rcode + escape(data) + b"\n"


# ---- golden scripts ----

def expand(line: bytes) -> bytes:
    return re.sub(rb"\{([^}]*)\*(\d+)\}",
                  lambda m: m[1] * min(int(m[2]), 200000), line)


def data_line(text: bytes) -> bytes:
    if len(text) > 2000:
        return b"L%d\n" % (len(text) // LONG)
    return b":" + text + b"\n"


def smtpd_line(line: bytes) -> bytes:
    """A line to the filter, as the short step for it if there is one."""
    parts = line.split(b"|", 7)
    if line.startswith(b"config|"):
        return b""
    if parts[0] != b"filter" or len(parts) < 8 or parts[6] not in (b"d1",
                                                                   b"c1"):
        return b">" + line + b"\n"
    who = b"=" + parts[5] + b"\n"
    return who + (data_line(parts[7]) if parts[4] == b"data-line" else b"Q\n")


def http_line(text: bytes) -> bytes:
    if text.split(b" ")[0] in (b"to", b"field", b"lacks", b"requests"):
        return b""
    return b"h" + escape(text) + b"\n"


def dns_line(text: bytes) -> bytes:
    word, _, rest = text.partition(b" ")
    if word == b"txt":
        return b"k" + escape(rest.partition(b" ")[2]) + b"\n"
    if word == b"nxdomain":
        return dns_step(packet("x.example", [], 3), 3)
    if word == b"nodata":
        return dns_step(packet("x.example", []))
    if word == b"chain":
        return dns_step(packet("x.example", [record(5, b"\xc0\x0c")] * 9))
    return dns_step(b"", 2) if word == b"fails" else b""


def name_once(steps: bytes) -> bytes:
    """Without the names of sessions that are those of before."""
    last, kept = b"", []
    for line in steps.split(b"\n"):
        if line[:1] != b"=" or line != last:
            kept.append(line)
        last = line if line[:1] == b"=" else last
    return b"\n".join(kept)


def from_script(text: bytes) -> bytes:
    steps = {b">": smtpd_line, b"http": http_line, b"dns": dns_line,
             b"tick": lambda ms: b"T" + ms + b"\n"}
    out = b""
    for line in text.split(b"\n"):
        word, _, rest = line.partition(b" ")
        if word in steps:
            out += steps[word](expand(rest))
    return name_once(out)


# ---- targets ----

class Seeds:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, target: str, name: str, data: bytes) -> None:
        path = self.folder / target / f"seed-{name.replace('/', '-')}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if len(data) <= 16384:
            path.write_bytes(data)

    def golden(self, program: str) -> None:
        scripts = sorted((TESTS / "golden/scripts" / program).iterdir())
        for script in scripts:
            steps = from_script(script.read_bytes())
            for option in SETS:
                self.put(f"{program}_filter", f"{script.name}-{option:c}",
                         bytes([option]) + b"7v\n" + steps)


def replies(seeds: Seeds) -> None:
    for one in recorded.all_recorded():
        seeds.put("http", one.name, b"\0" + one.reply())
        offset = one.value("Message-Offset").encode()
        if not offset:
            seeds.put("verdict", one.name, b"\x09" + one.body)
        message = b"".join(data_line(line) for line in
                           one.message.split(b"\n")[:-1])
        step = b"h%d " % one.status if not offset else b"o%s " % offset
        step += escape(one.body) + b"\n"
        for option in (0, 6):
            seeds.put("rspamd_filter", f"{one.name}-{option}",
                      SETS[option:option + 1] + b"7v\n" + BEGIN + message +
                      b":.\n" + step + b"Q\nE\nX\n")


def public_key(record: bytes) -> bytes:
    found = re.search(rb"p=([^;]*)", record)
    try:
        return base64.b64decode(found[1] if found else b"")
    except binascii.Error:
        return b""


def zone_records() -> dict[str, list[tuple[bytes, ...]]]:
    found: dict[str, list[tuple[bytes, ...]]] = {}
    for line in (zone.VECTORS / "zone.tsv").read_text().splitlines():
        name, kind, data = (line.split("\t") + ["", ""])[:3]
        if kind == "TXT" and not line.startswith("#") and data[:1] == '"':
            found.setdefault(name.lower(), []).append(zone.strings(data))
    return found


def signatures(header: bytes) -> list[bytes]:
    return re.findall(rb"^dkim-signature:((?:.|\n[ \t])*)", header,
                      re.I | re.M)


def queries(header: bytes) -> list[str]:
    found = []
    for value in signatures(header):
        tags = dict(re.findall(rb"\b([ds])\s*=\s*([^;\s]+)", value))
        if len(tags) == 2:
            found.append((tags[b"s"] + b"._domainkey." + tags[b"d"])
                         .decode("latin-1").lower())
    return found


def vectors(seeds: Seeds) -> None:
    known = zone_records()
    for name, records in known.items():
        joined = [b"".join(strings) for strings in records]
        seeds.put("record", name[:40], b"\n".join(joined))
        seeds.put("packet", name[:40],
                  packet(name, [txt(strings) for strings in records]))
        for i, text in enumerate(joined):
            seeds.put("der", f"{name[:40]}-{i}", public_key(text))
    for path in sorted((zone.VECTORS / "msg").iterdir()):
        message = path.read_bytes().replace(b"\r\n", b"\n")
        header = message.partition(b"\n\n")[0] + b"\n"
        lines = b"".join(
            data_line(b"." + line if line[:1] == b"." else line)
            for line in message.removesuffix(b"\n").split(b"\n"))
        names = queries(header)
        steps = b"".join(
            dns_step(packet(n, [txt(s) for s in known.get(n, [])]))
            for n in names)
        for option in SETS[:5]:
            seeds.put("dkimverify_filter", f"{path.stem}-{option:c}",
                      bytes([option]) + b"7v\n" + BEGIN + lines + steps + END)
        seeds.put("dkimsign_filter", path.stem,
                  b"b7v\n" + BEGIN + lines + END)
        for i, value in enumerate(signatures(header)[:2]):
            seeds.put("sig", f"{path.stem}-{i}", value)
            seeds.put("tags", f"{path.stem}-{i}", value)
        keys = b"\n".join(b"".join(s) for n in names[:1]
                          for s in known.get(n, []))[:1000]
        keys += b" " * (-len(keys) % 4)
        seeds.put("verify", path.stem,
                  bytes([8, len(keys) // 4]) + keys + message)
        seeds.put("header", path.stem, header)
        seeds.put("address", path.stem,
                  b"".join(re.findall(rb"^From:(.*\n(?:[ \t].*\n)*)", header,
                                      re.I | re.M)))
        seeds.put("edit", path.stem, bytes([len(header) // 4 & 255]) + header)
    for path in sorted((zone.VECTORS / "keys").iterdir()):
        seeds.put("key", path.name, path.read_bytes())


def results(seeds: Seeds) -> None:
    """Authentication-Results: those of ARC, and what the scripts expect."""
    field = re.compile(rb"^(?:ARC-)?Authentication-Results:.*\n(?:[ \t].*\n)*",
                       re.I | re.M)
    texts = [(path, path.read_bytes().replace(b"\r\n", b"\n")) for path in
             sorted((zone.VECTORS / "arc").iterdir())]
    for path in sorted((TESTS / "golden/scripts/dkimverify").iterdir()):
        lines = re.findall(rb"data-?line\|a1\|d1\|(.*\n)", path.read_bytes())
        texts.append((path, b"".join(lines)))
    for path, text in texts:
        for i, one in enumerate(field.findall(text)):
            seeds.put("authres", f"{path.stem}-{i}",
                      re.sub(rb"(?i)^arc-|\bi=\d+; ", b"", one))


def main() -> int:
    seeds = Seeds(Path(sys.argv[1]))
    for program in ("rspamd", "dkimsign", "dkimverify"):
        seeds.golden(program)
    replies(seeds)
    vectors(seeds)
    results(seeds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
