"""A small DNS server for tests: TXT records and faults, over UDP and TCP."""

import socket
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path

TXT, CNAME, ANY_CLASS = 16, 5, 1
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3
TRUNCATED = 0x0200
RESPONSE = 0x8180               # an answer, recursion wanted and available
UDP_LIMIT = 1232
STRING_LIMIT = 255


@dataclass
class Entry:
    """What is answered for a name."""
    texts: list[bytes | tuple[bytes, ...]] = field(default_factory=list)
    cname: str = ""
    rcode: int = NOERROR
    silent: bool = False        # no answer at all
    only_tcp: bool = False      # over UDP: truncated, nothing in it
    ttl: int = 60


def labels(name: str) -> bytes:
    parts = [p.encode() for p in name.rstrip(".").split(".") if p]
    return b"".join(bytes([len(p)]) + p for p in parts) + b"\0"


def strings(text: bytes | tuple[bytes, ...]) -> bytes:
    """TXT data: these strings; a long text becomes several."""
    pieces = text if isinstance(text, tuple) else [
        text[i:i + STRING_LIMIT]
        for i in range(0, len(text), STRING_LIMIT)] or [b""]
    return b"".join(bytes([len(p)]) + p for p in pieces)


def record(name: str, kind: int, data: bytes, ttl: int) -> bytes:
    return labels(name) + struct.pack(">HHIH", kind, ANY_CLASS, ttl,
                                      len(data)) + data


def question(packet: bytes) -> tuple[str, int, bytes]:
    """Name, type and raw form of the (one) question."""
    at, parts = 12, []
    while packet[at]:
        parts.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1"))
        at += 1 + packet[at]
    kind, = struct.unpack_from(">H", packet, at + 1)
    return ".".join(parts), kind, packet[12:at + 5]


class Dns:
    def __init__(self, port: int = 53, host: str = "127.0.0.1") -> None:
        self.zone: dict[str, Entry] = {}
        self.asked: list[str] = []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((host, port))
        self.tcp = socket.create_server((host, port), backlog=128)
        for serve in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    def add(self, name: str, *texts: str | bytes | tuple[bytes, ...],
            **kind: object) -> None:
        raw = [t.encode() if isinstance(t, str) else t for t in texts]
        self.zone[name.lower()] = Entry(raw, **kind)

    def load(self, path: Path) -> None:
        """A file of lines NAME TAB TEXT."""
        for line in path.read_text().splitlines():
            name, _, text = line.partition("\t")
            if text:
                self.add(name, text)

    def answers(self, name: str, kind: int) -> tuple[int, list[bytes]]:
        """Response code and records, following aliases."""
        found: list[bytes] = []
        for _ in range(8):
            entry = self.zone.get(name.lower())
            if entry is None:
                return NXDOMAIN, found
            if not entry.cname:
                break
            found.append(record(name, CNAME, labels(entry.cname), entry.ttl))
            name = entry.cname
        if kind == TXT:
            found += [record(name, TXT, strings(text), entry.ttl)
                      for text in entry.texts]
        return entry.rcode, found

    def reply(self, packet: bytes, over_udp: bool) -> bytes | None:
        name, kind, raw = question(packet)
        self.asked.append(name.lower())
        entry = self.zone.get(name.lower(), Entry())
        if entry.silent:
            return None
        rcode, found = self.answers(name, kind)
        flags = RESPONSE | rcode
        size = 12 + len(raw) + sum(map(len, found))
        if over_udp and (entry.only_tcp or size > UDP_LIMIT):
            flags, found = flags | TRUNCATED, []
        head = struct.pack(">HHHHHH", struct.unpack(">H", packet[:2])[0],
                           flags, 1, len(found), 0, 0)
        return head + raw + b"".join(found)

    def _serve_udp(self) -> None:
        while True:
            try:
                packet, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            if not packet:
                continue
            reply = self.reply(packet, True)
            if reply:
                self.udp.sendto(reply, peer)

    def _serve_tcp(self) -> None:
        while True:
            try:
                sock, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._one_tcp, args=(sock,),
                             daemon=True).start()

    def _one_tcp(self, sock: socket.socket) -> None:
        with sock, sock.makefile("rb") as file:
            while len(size := file.read(2)) == 2:
                packet = file.read(struct.unpack(">H", size)[0])
                reply = self.reply(packet, False)
                if reply:
                    sock.sendall(struct.pack(">H", len(reply)) + reply)

    def stop(self) -> None:
        self.udp.close()
        self.tcp.close()
