# SPDX-License-Identifier: ISC
"""smtpd's end of the socket: plays sessions to a real filter and judges what
it writes as smtpd would, which stops at the first illegal line."""

import array
import fcntl
import os
import queue
import re
import socket
import subprocess
import tempfile
import termios
import threading
from typing import Callable, Sequence

WAIT_S = 60                     # only a failure takes that long
LINE_MAX = 65535                # bytes of an answer without its LF
REPLY = re.compile(rb"[45]\d\d [45]\.\d{1,3}\.\d{1,3} [ -~]{1,490}")
DATA_TOKEN, ASK_TOKEN = b"00000000000000aa", b"00000000000000bb"
CONFIG = (b"config|smtpd-version|7.8.0\nconfig|protocol|0.7\n"
          b"config|smtp-session-timeout|300\nconfig|subsystem|smtp-in\n"
          b"config|admd|mx.example.net\n")
HANDSHAKE = CONFIG + b"config|ready\n"
CLIENT = "192.0.2.7:4321"


class Session:
    """One SMTP session and what the filter said in it."""

    def __init__(self, owner: "Filter", number: int, src: str) -> None:
        self.owner = owner
        self.sid = b"%016x" % number
        self.src = src.encode()
        self.count = 0          # transactions
        self.msgid = b""
        self.gone = False
        self.asked = b""        # phase of the open request
        self.clear()

    def clear(self) -> None:
        self.in_data = self.dot_sent = self.dot_back = False
        self.lines: list[bytes] = []
        self.verdict = ""

    # What smtpd tells and asks.

    def report(self, event: bytes, *fields: bytes) -> None:
        self.owner.send(b"|".join(
            [b"report|0.7|1.000000|smtp-in", event, self.sid, *fields])
            + b"\n")

    def connect(self) -> "Session":
        self.report(b"link-connect", b"client.example", b"pass", self.src,
                    b"192.0.2.1:25")
        self.report(b"link-greeting", b"mx.example.net")
        self.report(b"link-identify", b"EHLO", b"client.example")
        return self

    def begin(self) -> "Session":
        self.clear()
        self.count += 1
        self.msgid = b"%08x" % (int(self.sid, 16) << 12 | self.count)
        self.report(b"tx-begin", self.msgid)
        self.report(b"tx-mail", self.msgid, b"ok", b"a@dkim.example")
        self.report(b"tx-rcpt", self.msgid, b"ok", b"c@d.example")
        self.report(b"tx-data", self.msgid, b"ok")
        return self

    def line(self, text: bytes) -> None:
        """A data-line as it is, dots and all."""
        self.in_data = True
        self.dot_sent = self.dot_sent or text == b"."
        self.owner.send(b"filter|0.7|1.000000|smtp-in|data-line|" + self.sid
                        + b"|" + DATA_TOKEN + b"|" + text + b"\n")

    def data(self, raw: bytes) -> "Session":
        """Lines of a message."""
        self.in_data = True
        head = (b"filter|0.7|1.000000|smtp-in|data-line|" + self.sid + b"|"
                + DATA_TOKEN + b"|")
        lines = raw.split(b"\n")
        if lines[-1] == b"":
            lines.pop()
        self.owner.send(b"".join(
            head + (b"." if line[:1] == b"." else b"") + line + b"\n"
            for line in lines))
        return self

    def dot(self) -> "Session":
        self.line(b".")
        return self

    def message(self, raw: bytes) -> "Session":
        return self.begin().data(raw).dot()

    def ask(self, phase: bytes) -> None:
        self.asked = phase
        self.verdict = ""
        self.owner.send(b"filter|0.7|1.000000|smtp-in|" + phase + b"|"
                        + self.sid + b"|" + ASK_TOKEN + b"|\n")

    def sync(self) -> None:
        """Waits until all before this was read."""
        self.ask(b"noop")
        self.owner.wait("an answer to noop", lambda: self.verdict != "")
        self.verdict = ""

    def end(self, event: bytes = b"tx-commit") -> None:
        """The end of the transaction."""
        with self.owner.changed:
            self.in_data = False
        self.report(event, self.msgid, *([b"1"] if event == b"tx-commit"
                                         else []))
        self.report(b"tx-reset", self.msgid)

    def drop(self) -> None:
        """The client goes away, in a transaction or not."""
        with self.owner.changed:
            self.gone = True
        if self.in_data or self.asked:
            self.end(b"tx-rollback")
        self.report(b"link-disconnect")

    # What the filter answers; with the lock.

    def take_line(self, token: bytes, text: bytes) -> str:
        if token != DATA_TOKEN or not self.in_data or self.dot_back:
            return "data-line outside the data phase"
        if text != b".":
            self.lines.append(text[text[:1] == b".":])
            return ""
        if not self.dot_sent:
            return "a dot before the client's"
        self.dot_back = True
        self.ask(b"commit")
        return ""

    def take_result(self, token: bytes, text: bytes) -> str:
        if not self.asked or token != ASK_TOKEN:
            return "an answer that nobody asked for"
        word, _, reply = text.partition(b"|")
        if text != b"proceed" and (word != b"reject"
                                   or not REPLY.fullmatch(reply)):
            return "an answer that is none"
        self.asked = b""
        self.verdict = (reply or text).decode("ascii")
        return ""

    # Waiting.

    def wait_dot(self) -> None:
        self.owner.wait("the dot", lambda: self.dot_back)

    def result(self) -> str:
        """"proceed" or the reply; ends the transaction as smtpd does."""
        self.owner.wait(f"an answer for {self.sid.decode()}",
                        lambda: self.verdict != "")
        self.end(b"tx-commit" if self.verdict == "proceed"
                 else b"tx-rollback")
        return self.verdict


class Filter:
    """A filter process on a socket pair, which is its descriptors 0 and 1."""

    def __init__(self, argv: Sequence[str], handshake: bytes = HANDSHAKE,
                 chunk: int = 1 << 18, stderr: object = None,
                 ready: bool = True, **popen: object) -> None:
        self.ours, theirs = socket.socketpair()
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            argv, stdin=theirs, stdout=theirs,
            stderr=self.log if stderr is None else stderr, **popen)
        theirs.close()
        self.chunk = chunk
        self.changed = threading.Condition(threading.RLock())
        self.reading = threading.Event()
        self.reading.set()
        self.out: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.unsent = 0
        self.sessions: dict[bytes, Session] = {}
        self.ready = self.ended = False
        self.fault = ""
        self.threads = [threading.Thread(target=job, daemon=True)
                        for job in (self._write, self._read)]
        for thread in self.threads:
            thread.start()
        self.send(handshake)
        if ready:
            self.wait("register|ready", lambda: self.ready)

    @property
    def pid(self) -> int:
        return self.process.pid

    # Like smtpd's, our queue has no end and reading never waits for writing.

    def send(self, data: bytes) -> None:
        with self.changed:
            self.unsent += len(data)
        self.out.put(data)

    def _write(self) -> None:
        try:
            while (data := self.out.get()) is not None:
                for at in range(0, len(data), self.chunk):
                    self.ours.sendall(data[at:at + self.chunk])
                with self.changed:
                    self.unsent -= len(data)
                    self.changed.notify_all()
            self.ours.shutdown(socket.SHUT_WR)
        except OSError:
            pass                # it ended; whoever waits is told so

    def _read(self) -> None:
        rest = b""
        try:
            while True:
                self.reading.wait()
                data = self.ours.recv(1 << 18)
                if not data:
                    break
                *lines, rest = (rest + data).split(b"\n")
                with self.changed:
                    for line in lines:
                        self._take(line)
                    self.changed.notify_all()
        except OSError:
            pass
        with self.changed:
            if rest and not self.fault:
                self.fault = f"a line without end: {rest[:200]!r}"
            self.ended = True
            self.changed.notify_all()

    def _take(self, line: bytes) -> None:
        why = self._judge(line)
        if why and not self.fault:
            self.fault = f"smtpd would stop: {why}: {line[:200]!r}"

    def _judge(self, line: bytes) -> str:
        kind, _, rest = line.partition(b"|")
        if kind == b"register":
            self.ready = rest == b"ready"
            return ""
        parts = rest.split(b"|", 2)
        if not self.ready or len(parts) != 3:
            return "no answer"
        if len(line) > LINE_MAX:
            return f"a line of {len(line)} bytes"
        session = self.sessions.get(parts[0])
        if session is None:
            return "a session that never was"
        if session.gone:
            return ""           # smtpd ignores these
        if kind == b"filter-dataline":
            return session.take_line(parts[1], parts[2])
        if kind == b"filter-result":
            return session.take_result(parts[1], parts[2])
        return "an unknown word"

    # Waiting and ending.

    def said(self) -> str:
        # The filter writes at the offset that seek() would change.
        size = os.fstat(self.log.fileno()).st_size
        return os.pread(self.log.fileno(), size, 0).decode("utf-8", "replace")

    def wait(self, what: str, done: Callable[[], bool]) -> None:
        with self.changed:
            self.changed.wait_for(
                lambda: done() or self.fault or self.ended, WAIT_S)
            if self.fault or not done():
                status = self.process.wait(WAIT_S) if self.ended else ""
                raise AssertionError(
                    f"no {what}: {self.fault or 'it ended' * self.ended} "
                    f"{status}\n" + self.said()[-4000:])

    def wait_sent(self) -> None:
        """The filter's socket has all that was sent."""
        self.wait("reader", lambda: self.unsent == 0)

    def unread(self) -> int:
        """Bytes in the socket that we have not read."""
        size = array.array("i", [0])
        fcntl.ioctl(self.ours, termios.FIONREAD, size)
        return size[0]

    def session(self, src: str = CLIENT) -> Session:
        with self.changed:
            session = Session(self, len(self.sessions) + 1, src)
            self.sessions[session.sid] = session
        return session.connect()

    def wait_exit(self) -> int:
        return self.process.wait(WAIT_S)

    def hang_up(self) -> int:
        """smtpd is gone, at once; returns the filter's status."""
        self.wait_sent()
        # close() alone would wait for the reader to leave the socket.
        self.ours.shutdown(socket.SHUT_RDWR)
        self.ours.close()
        return self.wait_exit()

    def end(self) -> None:
        """The end of the input: it goes, with nothing left to answer."""
        self.out.put(None)
        self.wait("end", lambda: self.ended)
        status = self.wait_exit()
        open_ = [s.sid.decode() for s in self.sessions.values()
                 if s.asked and not s.gone]
        if status != 0 or self.fault or open_:
            raise AssertionError(
                f"status {status}, {self.fault or 'no fault'}, requests "
                f"without answer: {open_}\n{self.said()[-4000:]}")

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.reading.set()
        self.out.put(None)
        for thread in self.threads:
            thread.join(WAIT_S)
        self.ours.close()
        self.log.close()
