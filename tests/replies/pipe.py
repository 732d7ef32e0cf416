"""filter-rspamd on a pipe, with us in the place of smtpd."""

import subprocess
from pathlib import Path
from typing import IO

STAMP = "1763805600.000000"
CONFIG = ["smtpd-version|7.8.0-portable", "protocol|0.7", "subsystem|smtp-in",
          "admd|mx.example.net", "ready"]
TOKEN = "00000000deadbeef"


class Filter:
    """The program, ready to filter."""

    def __init__(self, program: Path, *options: str, log: IO[bytes]) -> None:
        self.process = subprocess.Popen(
            [program, *options], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=log)
        assert self.process.stdin and self.process.stdout
        self.to, self.out = self.process.stdin, self.process.stdout
        self.sessions = 0
        for line in CONFIG:
            self.put(f"config|{line}".encode())
        while self.line() != b"register|ready":
            pass

    def put(self, line: bytes) -> None:
        self.to.write(line + b"\n")

    def line(self) -> bytes:
        self.to.flush()
        line = self.out.readline()
        if not line:
            raise EOFError(f"the filter ended: {self.process.wait()}")
        return line.removesuffix(b"\n")

    def event(self, kind: str, name: str, rest: str) -> bytes:
        return (f"{kind}|0.7|{STAMP}|smtp-in|{name}|{self.sessions:016x}"
                f"{rest}").encode()

    def message(self, lines: list[bytes]) -> tuple[bytes, list[bytes]]:
        """The answer at commit, and the lines that came back."""
        self.sessions += 1
        for name, rest in [
                ("link-connect", "mail.example.org|pass|192.0.2.7:1234|"
                                 "192.0.2.1:25"),
                ("link-greeting", "mx.example.net"),
                ("link-identify", "EHLO|mail.example.org"),
                ("tx-begin", "4f3c2b1a"),
                ("tx-mail", "4f3c2b1a|ok|alice@example.org"),
                ("tx-rcpt", "4f3c2b1a|ok|bob@example.net")]:
            self.put(self.event("report", name, "|" + rest))
        ask = self.event("filter", "data-line", f"|{TOKEN}|")
        for line in lines:
            self.put(ask + (b"." if line.startswith(b".") else b"") + line)
        self.put(ask + b".")
        back: list[bytes] = []
        while (line := self.data_line()) != b".":
            back.append(line.removeprefix(b"."))
        self.put(self.event("filter", "commit", f"|{TOKEN}"))
        answer = self.content(b"filter-result")
        self.put(self.event("report", "link-disconnect", ""))
        return answer, back

    def data_line(self) -> bytes:
        return self.content(b"filter-dataline")

    def content(self, kind: bytes) -> bytes:
        """What follows the ids of the next line, which must be of a kind."""
        line = self.line()
        head = b"%s|%016x|%s|" % (kind, self.sessions, TOKEN.encode())
        if not line.startswith(head):
            raise ValueError(f"unexpected line: {line!r}")
        return line.removeprefix(head)

    def end(self) -> int:
        self.to.close()
        self.out.read()
        return self.process.wait()
