"""An SMTP client that controls each byte."""

import base64
import socket
import ssl
import struct
from dataclasses import dataclass

from . import check
from .space import NAMED


@dataclass(frozen=True)
class Reply:
    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def __str__(self) -> str:
        return f"{self.code} " + " / ".join(line[4:] for line in self.lines)


class Gone(AssertionError):
    """The server closed the connection where a reply was due."""


class Client:
    def __init__(self, port: int, host: str = "127.0.0.1",
                 source: str = NAMED, timeout: float = 60) -> None:
        self.sock = socket.create_connection(
            (host, port), timeout, source_address=(source, 0))
        self.file = self.sock.makefile("rb")
        self.banner = self.read()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self.file.close()
        self.sock.close()

    def drop(self) -> None:
        """Ends the connection with a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.close()

    def read(self) -> Reply:
        lines: list[str] = []
        while True:
            raw = self.file.readline(8192)
            if not raw.endswith(b"\n"):
                raise Gone(f"connection closed after {lines}")
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            lines.append(line)
            if line[3:4] != "-":
                return Reply(int(line[:3]), tuple(lines))

    def write(self, data: bytes) -> None:
        self.sock.sendall(data)

    def cmd(self, line: str, want: int | None = None) -> Reply:
        self.write(line.encode("utf-8") + b"\r\n")
        reply = self.read()
        if want is not None:
            check.equal(f"reply to {line} ({reply})", reply.code, want)
        return reply

    def ehlo(self, name: str = "client.example") -> Reply:
        return self.cmd(f"EHLO {name}", 250)

    def starttls(self) -> None:
        """STARTTLS without a look at the certificate."""
        self.cmd("STARTTLS", 220)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.file.close()
        self.sock = context.wrap_socket(self.sock)
        self.file = self.sock.makefile("rb")

    def auth(self, user: str, password: str) -> None:
        plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        self.cmd(f"AUTH PLAIN {plain}", 235)

    def envelope(self, sender: str, rcpts: list[str]) -> None:
        self.cmd(f"MAIL FROM:<{sender}>", 250)
        for rcpt in rcpts:
            self.cmd(f"RCPT TO:<{rcpt}>", 250)

    def data(self, wire: bytes) -> Reply:
        """DATA and a message that ends in its final dot."""
        self.cmd("DATA", 354)
        self.write(wire)
        return self.read()

    def send(self, sender: str, rcpts: list[str], wire: bytes) -> Reply:
        self.envelope(sender, rcpts)
        return self.data(wire)


def submit(port: int, wire: bytes, sender: str = "sender@example.net",
           rcpts: tuple[str, ...] = ("user@example.org",),
           source: str = NAMED) -> Reply:
    """One message in a connection of its own; returns the final reply."""
    with Client(port, source=source) as client:
        client.ehlo()
        reply = client.send(sender, list(rcpts), wire)
        client.cmd("QUIT", 221)
        return reply
