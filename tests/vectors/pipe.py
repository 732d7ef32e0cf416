"""A filter at the end of a pipe: sessions, messages and verdicts in bulk."""

import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from typing import Iterable

ANSWER_S = 60
HANDSHAKE = (b"config|smtpd-version|7.8.0\nconfig|protocol|0.7\n"
             b"config|smtp-session-timeout|300\nconfig|subsystem|smtp-in\n"
             b"config|admd|mx.example.net\nconfig|ready\n")
DATA_TOKEN, COMMIT_TOKEN = b"00000000000000aa", b"00000000000000bb"


@dataclass
class Client:
    """How the session looks to the filter."""
    src: str = "192.0.2.7:4321"
    user: str = ""
    greeting: str = "mx.example.net"


@dataclass
class Reply:
    """What came back for one message."""
    lines: list[bytes] = field(default_factory=list)
    verdict: str = ""           # "proceed" or "reject|550 ..."
    sent: float = 0.0           # when the dot was sent
    took: float = 0.0           # seconds from there to the dot's return

    @property
    def text(self) -> bytes:
        return b"".join(line + b"\n" for line in self.lines)

    @property
    def results(self) -> str:
        return results(self.text)


def results(text: bytes) -> str:
    """The dkim results of the topmost Authentication-Results field."""
    head = unfold(text)[0] if text else b""
    if not head.startswith(b"Authentication-Results:"):
        return "?"
    parts = split_outside(head.decode("utf-8", "surrogateescape"), ";")[1:]
    return ",".join(p.split()[0].removeprefix("dkim=") for p in parts)


def unfold(text: bytes) -> list[bytes]:
    """The fields of a header, each in one line."""
    fields: list[bytes] = []
    for line in text.split(b"\n"):
        if not line:
            break
        if line[:1] in b" \t" and fields:
            fields[-1] += line
        else:
            fields.append(line)
    return fields


def split_outside(text: str, at: str) -> list[str]:
    """Splits where the character is not inside quotes."""
    parts, quoted, escaped = [""], False, False
    for char in text:
        if char == at and not quoted:
            parts.append("")
            continue
        if char == '"' and not escaped:
            quoted = not quoted
        escaped = quoted and char == "\\" and not escaped
        parts[-1] += char
    return parts


def message_lines(raw: bytes) -> list[bytes]:
    lines = raw.split(b"\n")
    if lines and lines[-1] == b"":
        lines.pop()
    return lines


class Filter:
    def __init__(self, program: str, *args: str, handshake: bytes = HANDSHAKE,
                 window: int = 100) -> None:
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [program, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.log)
        self.window = threading.BoundedSemaphore(window)
        self.changed = threading.Condition()
        self.write_lock = threading.Lock()
        self.replies: dict[bytes, Reply] = {}
        self.ready = False
        self.next_sid = 1
        self.send(handshake)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.wait_for("the handshake", lambda: self.ready)

    def send(self, data: bytes) -> None:
        with self.write_lock:
            self.process.stdin.write(data)
            self.process.stdin.flush()

    def wait_for(self, what: str, done) -> None:
        with self.changed:
            if not self.changed.wait_for(
                    lambda: done() or self.process.poll() is not None,
                    ANSWER_S) or not done():
                raise AssertionError(f"no {what}; the filter said:\n"
                                     + self.said())

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace")

    def _read(self) -> None:
        for line in self.process.stdout:
            self._take(line.rstrip(b"\n"))
        with self.changed:
            self.changed.notify_all()

    def _take(self, line: bytes) -> None:
        kind, _, rest = line.partition(b"|")
        if kind == b"register":
            if rest == b"ready":
                with self.changed:
                    self.ready = True
                    self.changed.notify_all()
            return
        sid, _, text = rest.split(b"|", 2)
        reply = self.replies[sid]
        if kind == b"filter-dataline":
            if text == b".":
                reply.took = time.monotonic() - reply.sent
                self.send(b"filter|0.7|1.000000|smtp-in|commit|" + sid + b"|"
                          + COMMIT_TOKEN + b"|\n")
            else:
                reply.lines.append(text[text[:1] == b".":])
            return
        with self.changed:
            reply.verdict = text.decode("latin-1")
            self.changed.notify_all()
        self.window.release()
        self.send(b"report|0.7|1.000000|smtp-in|link-disconnect|" + sid
                  + b"\n")

    def open(self, client: Client | None = None) -> bytes:
        """Opens a session with a transaction; returns its id."""
        client = client or Client()
        sid = b"%016x" % self.next_sid
        self.next_sid += 1
        head = b"report|0.7|0.000000|smtp-in|"
        dst = "192.0.2.1:25"
        if client.src.startswith("unix:"):
            dst = client.src
        text = head + b"link-connect|" + sid + (
            f"|client.example|pass|{client.src}|{dst}\n").encode()
        text += head + b"link-greeting|" + sid + (
            f"|{client.greeting}\n").encode()
        if client.user:
            text += head + b"link-auth|" + sid + (
                f"|pass|{client.user}\n").encode()
        text += head + b"tx-begin|" + sid + b"|0badcafe\n"
        text += head + b"tx-mail|" + sid + b"|0badcafe|ok|a@b.example\n"
        self.replies[sid] = Reply()
        self.send(text)
        return sid

    def data(self, sid: bytes, lines: Iterable[bytes]) -> None:
        prefix = (b"filter|0.7|0.500000|smtp-in|data-line|" + sid + b"|"
                  + DATA_TOKEN + b"|")
        self.send(b"".join(
            prefix + (b"." if line[:1] == b"." else b"") + line + b"\n"
            for line in lines))

    def dot(self, sid: bytes) -> None:
        self.window.acquire()
        self.replies[sid].sent = time.monotonic()
        self.send(b"filter|0.7|0.500000|smtp-in|data-line|" + sid + b"|"
                  + DATA_TOKEN + b"|.\n")

    def start(self, raw: bytes, client: Client | None = None) -> bytes:
        """Sends a whole message; returns the id of its session."""
        sid = self.open(client)
        self.data(sid, message_lines(raw))
        self.dot(sid)
        return sid

    def finish(self, sid: bytes) -> Reply:
        self.wait_for(f"verdict for session {sid.decode()}",
                      lambda: self.replies[sid].verdict != "")
        return self.replies.pop(sid)

    def run(self, raw: bytes, client: Client | None = None) -> Reply:
        return self.finish(self.start(raw, client))

    def stop(self) -> int:
        self.process.stdin.close()
        self.reader.join(ANSWER_S)
        status = self.process.wait(ANSWER_S)
        self.process.stdout.close()
        return status
