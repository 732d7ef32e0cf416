# SPDX-License-Identifier: ISC
"""What was sent, what was said to it, and what came into the mailboxes."""

import hashlib
import re
import shutil
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from lib import mail

SPACE = re.compile(rb"[ \t\n]+")
LINE_END = re.compile(rb"\0[^\n]*|\r(?=\n)")
NUMBER = re.compile(rb"^Message-ID: <(\d+)@", re.M)
# NEVER: its dot was not sent. MAYBE: it was, and the reply not read.
NEVER, MAYBE, ACCEPTED, REFUSED = "never", "maybe", "accepted", "refused"
VERIFY = 10             # the signature of each tenth delivery is checked
COPIES = {NEVER: (0, 0), MAYBE: (0, 1), ACCEPTED: (1, 1), REFUSED: (0, 0)}


# Fields of rspamd's, which no message here has.
RSPAMD = (b"authentication-results", b"x-spam-status", b"x-spamd-bar")


def without_rspamd(message: bytes) -> bytes:
    head, _, body = message.partition(b"\n\n")
    kept = mail.FIELD.sub(
        lambda f: b"" if f[0].split(b":")[0].lower() in RSPAMD else f[0],
        head + b"\n")
    return kept + b"\n" + body


def digest(text: bytes, cut: bool) -> bytes:
    """Of what must arrive; lines that are cut gain line ends and space.

    smtpd ends a line at a NUL, and takes one CR at its end away.
    """
    text = LINE_END.sub(b"", text)
    return hashlib.sha256(SPACE.sub(b"", text) if cut else text).digest()


@dataclass
class Sent:
    number: int
    kind: str
    rcpts: int
    cut: bool                   # has lines longer than smtpd takes back
    digest: bytes
    signed: bool                # by our own filter
    state: str = NEVER
    reply: str = ""
    copies: Counter = field(default_factory=Counter)


class Ledger:
    """Takes what is delivered out of the mailboxes while it comes in."""

    def __init__(self, box: Path, keep: Path, fields: list[str],
                 verify: Callable[[mail.Delivered], list[bool]] | None
                 ) -> None:
        """fields: names that must stand above each message, in order.

        The first is the signature; verify, if any, says which are good.
        """
        self.box, self.keep, self.fields = box, keep, fields
        self.verify = verify
        self.sent: dict[int, Sent] = {}
        self.faults: list[str] = []
        self.delivered = self.verified = 0
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._collect, daemon=True)
        self.thread.start()

    def add(self, kind: str, make: Callable[[int], bytes], rcpts: int = 1,
            cut: bool = False, signed: bool = True) -> tuple[int, bytes]:
        """A new message: its number, and what make(NUMBER) returned."""
        with self.lock:
            number = len(self.sent) + 1
            self.sent[number] = None
        message = make(number)
        self.sent[number] = Sent(number, kind, rcpts, cut,
                                 digest(message, cut), signed)
        return number, message

    def fault(self, text: str) -> None:
        with self.lock:
            self.faults.append(text)

    def told(self, number: int, code: int, text: str) -> None:
        """The reply to the dot."""
        sent = self.sent[number]
        sent.state = ACCEPTED if code == 250 else REFUSED
        sent.reply = text[:200]

    # --- deliveries ---------------------------------------------------------

    def _collect(self) -> None:
        while not self.stopped.is_set():
            if not self._take_all():
                self.stopped.wait(0.5)
        self._take_all()

    def _take_all(self) -> int:
        paths = list(self.box.glob("*/new/*"))
        for path in paths:
            try:
                self._take(path)
            except Exception as err:
                self._keep(path, f"{type(err).__name__}: {err}")
            path.unlink()
        return len(paths)

    def _keep(self, path: Path, why: str) -> None:
        self.fault(f"{why} (see {path.name})")
        if len(self.faults) < 20:
            self.keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, self.keep / path.name)

    def _take(self, path: Path) -> None:
        got = mail.read(path)
        number = NUMBER.search(got.message)
        sent = self.sent.get(int(number[1])) if number else None
        self.delivered += 1
        if sent is None:
            raise AssertionError("delivered: a message that nobody sent")
        sent.copies[got.rcpt] += 1
        if digest(without_rspamd(got.message), sent.cut) != sent.digest:
            raise AssertionError(f"{sent.kind} {sent.number}: not as sent")
        names = [mail.name(f) for f in mail.FIELD.findall(got.above)]
        if names != self.fields[not sent.signed:]:
            raise AssertionError(
                f"{sent.kind} {sent.number}: fields on top are {names}")
        if self.verify and sent.signed and self.delivered % VERIFY == 0:
            self.verified += 1
            if not self.verify(got)[0]:
                raise AssertionError(
                    f"{sent.kind} {sent.number}: bad signature")

    # --- the end ------------------------------------------------------------

    def missing(self) -> int:
        return sum(s.rcpts - len(s.copies) for s in self.sent.values()
                   if s and s.state == ACCEPTED)

    def settle(self, seconds: float) -> None:
        """Waits until all that was accepted is there."""
        until = time.monotonic() + seconds
        while self.missing() and time.monotonic() < until:
            time.sleep(0.1)
        self.stopped.set()
        self.thread.join()

    def judge(self) -> list[str]:
        """All that is wrong: lost, twice, or not wanted."""
        wrong = list(self.faults)
        for number, sent in self.sent.items():
            least, most = COPIES[sent.state]
            if sent.state == ACCEPTED and len(sent.copies) != sent.rcpts:
                wrong.append(f"{sent.kind} {number}: accepted for "
                             f"{sent.rcpts}, delivered to {len(sent.copies)}")
            bad = [r for r, n in sent.copies.items() if not least <= n <= most]
            if bad:
                wrong.append(f"{sent.kind} {number}: {sent.state} "
                             f"({sent.reply}), but delivered "
                             f"{sent.copies[bad[0]]} times")
        return wrong

    def totals(self) -> Counter:
        return Counter(s.state for s in self.sent.values())

    def messages(self) -> int:
        """How many have been delivered to anyone."""
        return sum(1 for s in self.sent.values() if s.copies)

    def by_kind(self) -> dict[str, Counter]:
        found: dict[str, Counter] = {}
        for sent in self.sent.values():
            found.setdefault(sent.kind, Counter())[sent.state] += 1
        return found

    def refusals(self) -> Counter:
        """By kind and text."""
        return Counter((s.kind, s.reply) for s in self.sent.values()
                       if s.state == REFUSED)
