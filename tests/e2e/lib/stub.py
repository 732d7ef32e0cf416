"""An HTTP server on raw sockets that plays faults by script."""

import json
import socket
import ssl
import struct
import threading
from dataclasses import dataclass, field
from typing import Any, Callable

MIB = 1 << 20
CLEAN = {"action": "no action", "score": 0.0, "required_score": 15.0,
         "symbols": {}, "messages": {}}


@dataclass
class Conn:
    """One connection to the stub."""
    sock: socket.socket
    stopped: threading.Event
    line: str = ""
    head: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def read_head(self) -> None:
        self.file = self.sock.makefile("rb")
        self.line = self.file.readline().decode("latin-1").rstrip("\r\n")
        while raw := self.file.readline().rstrip(b"\r\n"):
            key, _, value = raw.decode("latin-1").partition(":")
            self.head.append((key.strip().lower(), value.strip()))

    def values(self, key: str) -> list[str]:
        return [v for k, v in self.head if k == key.lower()]

    def read_body(self) -> None:
        length = int((self.values("Content-Length") or ["0"])[0])
        self.body = self.file.read(length)

    def read(self) -> None:
        self.read_head()
        self.read_body()

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        # The file object of read_head() shares the descriptor.
        if getattr(self, "file", None):
            self.file.close()
        self.sock.close()


Step = Callable[[Conn], None]


def http(status: int, body: bytes, *extra: str,
         length: int | None = None) -> bytes:
    """An HTTP reply; length: a Content-Length other than the true one."""
    head = [f"HTTP/1.1 {status} Whatever", "Connection: close",
            f"Content-Length: {len(body) if length is None else length}",
            *extra]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def verdict(**members: Any) -> bytes:
    return json.dumps({**CLEAN, **members}).encode()


# Steps: what happens to one connection.

def answer(status: int = 200, body: bytes | None = None, *extra: str) -> Step:
    data = http(status, verdict() if body is None else body, *extra)

    def step(conn: Conn) -> None:
        conn.read()
        conn.sock.sendall(data)
    return step


def raw(data: bytes) -> Step:
    """Any bytes as the whole reply."""
    def step(conn: Conn) -> None:
        conn.read()
        conn.sock.sendall(data)
    return step


def half_reply() -> Step:
    """Promises more than it sends."""
    whole = verdict()
    return raw(http(200, whole[:len(whole) // 2], length=len(whole)))


def hang(after_request: bool = True) -> Step:
    def step(conn: Conn) -> None:
        if after_request:
            conn.read()
        conn.stopped.wait()
    return step


def reset_on_accept(conn: Conn) -> None:
    conn.reset()


def reset_in_body(conn: Conn) -> None:
    conn.read_head()
    conn.reset()


def reset_before_reply(conn: Conn) -> None:
    conn.read()
    conn.reset()


def reset_in_reply(conn: Conn) -> None:
    conn.read()
    conn.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
    conn.reset()


def close_before_reply(conn: Conn) -> None:
    conn.read()


def drip(pause: float) -> Step:
    """A right reply, byte by byte."""
    def step(conn: Conn) -> None:
        conn.read()
        for byte in http(200, verdict()):
            conn.sock.sendall(bytes([byte]))
            if conn.stopped.wait(pause):
                return
    return step


def huge(size: int = 256 * MIB) -> Step:
    """A reply that starts like a verdict and does not end."""
    def step(conn: Conn) -> None:
        conn.read()
        start = b'{"action": "no action", "junk": "'
        conn.sock.sendall(http(200, start, length=size))
        left = size - len(start)
        while left > 0 and not conn.stopped.is_set():
            conn.sock.sendall(b"x" * min(left, MIB))
            left -= MIB
    return step


class Stub:
    """Plays the steps one per connection; the last one stays."""

    def __init__(self, *steps: Step, port: int = 0,
                 sock: socket.socket | None = None,
                 tls: ssl.SSLContext | None = None) -> None:
        self.steps = list(steps) or [answer()]
        self.tls = tls
        self.seen: list[Conn] = []
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.sock = sock or socket.create_server(("127.0.0.1", port))
        self.sock.listen(512)
        self.port = self.sock.getsockname()[1]
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self._play, args=(sock,),
                             daemon=True).start()

    def _play(self, sock: socket.socket) -> None:
        conn = Conn(sock, self.stopped)
        with self.lock:
            step = self.steps[0]
            if len(self.steps) > 1:
                self.steps.pop(0)
            self.seen.append(conn)
        try:
            if self.tls:
                conn.sock = self.tls.wrap_socket(sock, server_side=True)
            step(conn)
        except OSError:
            pass            # the filter hung up, as it may
        finally:
            if getattr(conn, "file", None):
                conn.file.close()
            conn.sock.close()

    def count(self) -> int:
        with self.lock:
            return len(self.seen)

    def stop(self) -> None:
        self.stopped.set()
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


class Full:
    """A port whose queue of connections is full: connecting hangs."""

    def __init__(self) -> None:
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.port = self.sock.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.fill = []
        for _ in range(4):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", self.port))
            self.fill.append(sock)

    def stop(self) -> None:
        for sock in [*self.fill, self.sock]:
            sock.close()


def refused() -> str:
    """A URL where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return f"http://127.0.0.1:{sock.getsockname()[1]}"
