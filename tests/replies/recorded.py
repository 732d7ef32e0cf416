"""The recorded replies of tests/fixtures/rspamd-replies."""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "fixtures/rspamd-replies"
PONG = b"pong\r\n"


@dataclass
class Recorded:
    """A request's message and what rspamd answered."""
    name: str
    message: bytes  # lines ended by LF
    status: int  # 0: the connection was closed without a byte
    head: list[tuple[str, str]]
    body: bytes

    def value(self, key: str) -> str:
        """The value of a field of the reply's head, or nothing."""
        return next((v for k, v in self.head if k.lower() == key.lower()), "")

    def reply(self) -> bytes:
        """The reply as it goes over the wire; empty: there was none."""
        if self.status == 0:
            return b""
        head = [f"HTTP/1.1 {self.status} Recorded"]
        head += [f"{k}: {v}" for k, v in self.head]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + self.body


def read_body(stem: Path) -> bytes:
    for suffix in (".raw", ".json", ".json.zst"):
        path = stem.with_name(stem.name + suffix)
        if path.exists():
            return path.read_bytes()
    return PONG if stem.name == "ping" else b""


def read(path: Path) -> Recorded:
    parts = re.split(rb"^--- (.*)\n", path.read_bytes(), flags=re.M)
    sections = dict(zip(parts[1::2], parts[2::2]))
    request = next((text for title, text in sections.items()
                    if title.startswith(b"request body")), b"")
    # The blank line before the next section is the file's, not the mail's.
    message = request.removesuffix(b"\n")
    lines = sections[b"response head"].decode().splitlines()
    status = re.match(r"HTTP/1\.1 (\d+)", lines[0])
    head = [tuple(line.split(": ", 1)) for line in lines[1:] if ": " in line]
    name = str(path.relative_to(FOLDER).with_suffix(""))
    return Recorded(name, message, int(status.group(1)) if status else 0,
                    head, read_body(path.with_suffix("")))


def all_recorded() -> list[Recorded]:
    return [read(path) for path in sorted(FOLDER.rglob("*.txt"))
            if path.name != "milter-actions.txt"]
