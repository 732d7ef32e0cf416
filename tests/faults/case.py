# SPDX-License-Identifier: ISC
"""What a fault's test needs: a filter, messages for it, servers, and the
judgement of what became of a message."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Callable

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "e2e"), str(TESTS / "vectors")]
from lib import stub                                        # noqa: E402
from lib.check import Skip, equal, same_bytes               # noqa: E402
import pipe                                                 # noqa: E402
import zone                                                 # noqa: E402
from dialogue import Filter, Session                        # noqa: E402

ALL = ("rspamd", "dkimsign", "dkimverify")
DOMAIN, GOOD = "dkim.example", "r2048"
PRIVATE = "FAULTS_PRIVATE"      # set in a mount namespace of our own
OTHER = "192.0.2.8:4321"
# Clients from there are not scanned by filter-rspamd.
UNSCANNED, UNSCANNED_NET = "198.51.100.9:77", "198.51.100.0/24"
ADDED = {"rspamd": {b"X-Spam", b"X-Spam-Score", b"X-Spam-Status"},
         "dkimsign": {b"DKIM-Signature"},
         "dkimverify": {b"Authentication-Results", b"X-Spam"}}
HEAD = (b"Date: Sun, 22 Nov 2026 10:06:02 +0000\nFrom: A <a@dkim.example>\n"
        b"To: c@d.example\nSubject: faults\nMessage-ID: <1@dkim.example>\n\n")
BODY = b"First line.\n.\n..two\n.dot first\n\n\t \xff\xe9 last\n"


@dataclass(frozen=True)
class Fault:
    """A row of the table."""
    name: str
    filter: str                 # some of ALL, or "all"
    what: str
    policy: str                 # of the affected message, see Case.judge()
    play: Callable[["Case"], None]

    @property
    def filters(self) -> tuple[str, ...]:
        return ALL if self.filter == "all" else tuple(
            self.filter.split(", "))


@cache
def shared() -> tuple[Path, list[tuple[bytes, ...]]]:
    """A key file that filter-dkimsign accepts, and its DNS record."""
    folder = Path(tempfile.mkdtemp(prefix="faults."))
    key = folder / "key.pem"
    key.touch(0o600)
    key.write_bytes((zone.VECTORS / "keys/test-rsa2048.pem").read_bytes())
    for line in (zone.VECTORS / "zone.tsv").read_text().splitlines():
        if line.startswith(f"{GOOD}._domainkey.{DOMAIN}\tTXT\t"):
            return key, [zone.strings(line.split("\t")[2])]
    raise LookupError("no record in the zone")


def clean_up() -> None:
    shutil.rmtree(shared()[0].parent, ignore_errors=True)


def have_private_mounts() -> None:
    """What is mounted is seen by nobody else and goes with this process."""
    if PRIVATE not in os.environ:
        raise Skip("must be root, and able to make a namespace")


def program(name: str) -> Path:
    path = TESTS.parent / f"filter-{name}" / f"filter-{name}"
    if not path.exists():
        raise Skip(f"{path} is not built")
    return path


@cache
def is_sanitized() -> bool:
    return b"__asan_init" in program("dkimsign").read_bytes()


@cache
def plain(size: int = 0) -> bytes:
    line = b"The quick brown fox jumps over the lazy dog; again.\n"
    return HEAD + BODY + line * (size // len(line))


SIGNING = threading.Lock()


@cache
def _sign(selector: str, size: int) -> bytes:
    done = subprocess.run(
        [program("dkimsign"), "-q", "--no-timestamp", "-d", DOMAIN, "-s",
         selector, "-k", shared()[0], "--check", "-"], input=plain(size),
        capture_output=True, timeout=60, check=False)
    equal(f"status of the signer: {done.stderr!r}", done.returncode, 0)
    return done.stdout


def signed(selector: str = GOOD, size: int = 0) -> bytes:
    with SIGNING:
        return _sign(selector, size)


class Case:
    """One fault, played to one filter."""

    def __init__(self, fault: Fault, filter_: str) -> None:
        self.fault = fault
        self.filter = filter_
        self.undo = contextlib.ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="faults."))
        self.undo.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.stub_: stub.Stub | None = None
        self.dns_: zone.Dns | None = None
        self.server = ""

    # What is around the filter.

    def stub(self, *steps: stub.Step, **kind: object) -> stub.Stub:
        """An HTTP server: the steps, one for each connection, then right
        answers."""
        server = stub.Stub(*steps, stub.answer(), **kind)
        self.undo.callback(server.stop)
        self.stub_ = server
        return server

    def dns(self, kind: type[zone.Dns] = zone.Dns) -> zone.Dns:
        server, self.server = zone.start(kind)
        self.undo.callback(server.stop)
        self.dns_ = server
        server.add(f"{GOOD}._domainkey.{DOMAIN}", *shared()[1])
        return server

    def options(self) -> list[str]:
        """A configuration in which all goes well."""
        if self.filter == "rspamd":
            server = self.stub_ or self.stub()
            return ["--url", server.url, "--skip-networks", UNSCANNED_NET]
        if self.filter == "dkimsign":
            return ["-d", DOMAIN, "-s", GOOD, "-k", str(shared()[0]),
                    "--workers", "2"]
        if not self.server:
            self.dns()
        return ["-r", self.server, "mx.example.net"]

    def start(self, *args: str, before: tuple[str, ...] = (),
              **kind: object) -> Filter:
        path = program(self.filter)
        if "user" in kind:
            # Who need not be able to reach this tree.
            path = Path(shutil.copy(path, self.folder))
        argv = [*before, str(path), *self.options(), *args]
        filter_ = Filter(argv, **kind)
        self.undo.callback(filter_.close)
        return filter_

    def start_rspamd(self, url: str, *args: str, **kind: object) -> Filter:
        """With a URL that is no stub of ours."""
        filter_ = Filter([str(program("rspamd")), "--url", url,
                          "--skip-networks", UNSCANNED_NET, *args], **kind)
        self.undo.callback(filter_.close)
        return filter_

    # Messages.

    def raw(self, size: int = 0) -> bytes:
        """A message with which all goes well."""
        return (signed(GOOD, size) if self.filter == "dkimverify"
                else plain(size))

    def whole(self, session: Session, raw: bytes) -> list[bytes]:
        """Checks that the message came back; returns the fields on top."""
        text = b"".join(line + b"\n" for line in session.lines)
        added = text[:-len(raw)]
        same_bytes("message", text[len(added):], raw)
        fields = pipe.unfold(added)
        for field in fields:
            name = field.split(b":")[0]
            assert name in ADDED[self.filter], f"added {field!r}"
        return fields

    def passed(self, session: Session, raw: bytes, how: str = "") -> None:
        """The message passes, by default as one with which all goes well."""
        equal("answer", session.result(), "proceed")
        fields = self.whole(session, raw)
        names = [f.split(b":")[0].decode() for f in fields]
        if not how:
            how = {"rspamd": "", "dkimsign": "signed",
                   "dkimverify": "dkim=pass"}[self.filter]
        if how.startswith("dkim="):
            equal("result", "dkim=" + pipe.results(added_text(fields)), how)
        else:
            equal("added fields", names, {
                "": [], "signed": ["DKIM-Signature"], "unsigned": [],
                "X-Spam": ["X-Spam"]}[how])

    def judge(self, session: Session, raw: bytes) -> None:
        """The policy of the table: an SMTP reply (one of some, with "or"),
        or "passes" with what is added if that is not the usual."""
        policy, _, how = self.fault.policy.partition(", ")
        if policy == "passes":
            self.passed(session, raw, how)
            return
        answer = session.result()
        if answer not in self.fault.policy.split(" or "):
            equal("answer", answer, self.fault.policy)
        # Some of it may have gone out before, with what was added.
        sent = list(session.lines)
        while sent and (sent[0][:1] == b"\t"
                        or sent[0].split(b":")[0] in ADDED[self.filter]):
            sent.pop(0)
        want = raw.split(b"\n")
        want = want[want.index(sent[0]) if sent else 0:]
        equal("text of a refused message", sent, want[:len(sent)])

    def passes(self, filter_: Filter, count: int = 1) -> None:
        """Plain messages, each in a session of its own."""
        for _ in range(count):
            session = filter_.session().message(self.raw())
            self.passed(session, self.raw())
            session.drop()

    def begun(self, filter_: Filter, src: str = OTHER) -> Session:
        """Another session, amid its message, which was read so far."""
        other = filter_.session(src).begin().data(self.halves()[0])
        other.sync()
        return other

    def finished(self, other: Session) -> None:
        """It did not notice."""
        self.passed(other.data(self.halves()[1]).dot(), self.raw())
        other.drop()

    def halves(self) -> tuple[bytes, bytes]:
        raw = self.raw()
        at = raw.index(b"\n", len(raw) // 2) + 1
        return raw[:at], raw[at:]

    def around(self, filter_: Filter, raw: bytes,
               wait: Callable[[], None] = lambda: None,
               heal: Callable[[], None] = lambda: None,
               src: str = OTHER) -> None:
        """A message meets the fault while another is being received; then
        all is well again."""
        usual = self.raw()
        other = self.begun(filter_, src)
        affected = filter_.session().message(raw)
        wait()
        self.finished(other)
        self.judge(affected, raw)
        # The session of the affected message goes on as well.
        heal()
        self.passed(affected.message(usual), usual)
        self.passes(filter_)
        filter_.end()


def added_text(fields: list[bytes]) -> bytes:
    return b"".join(field + b"\n" for field in fields)
