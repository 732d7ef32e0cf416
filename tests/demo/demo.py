#!/usr/bin/python3
"""Shows the filters at work: a real smtpd, a real rspamd, real messages.

All of it runs in namespaces of its own with loopback only, in a temporary
folder, and is gone at the end. Must be root.
usage: demo.py [FILE]    FILE: a message of your own, instead of the samples
"""

import difflib
import email.utils
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from lib import dkimpy, dns, mail, smtp, space  # noqa: E402
from lib.case import Case, Options, REPO  # noqa: E402
from lib.signer import Keys  # noqa: E402
from lib.smtpd import Smtpd  # noqa: E402

WIDTH = 78
BOLD, GREEN, RED, PLAIN = ("\033[1m", "\033[32m", "\033[31m", "\033[0m") if (
    sys.stdout.isatty() and "NO_COLOR" not in os.environ) else ("",) * 4


@dataclass
class Sample:
    title: str
    message: bytes
    want: int | None = 250      # the reply code; None: any
    outgoing: bool = False      # sent by a user of this server

    def envelope(self) -> tuple[str, str]:
        """Sender and recipient, from the message's own header."""
        def first(name: str, default: str) -> str:
            found = mail.values(self.message, name)
            return email.utils.parseaddr(found[0] if found else "")[1] or (
                default)
        return (first("From", "sender@example.net"),
                first("To", "user@example.org"))


# --- which filters, and what they are started with --------------------------

DOMAIN = "example.org"
# Where filter-dkimverify writes Authentication-Results, rspamd need not.
ONE_RESULT = """milter_headers {
    use = ["x-spamd-bar", "x-spam-level", "x-spam-status"];
    skip_local = false;
}
"""


class Stage:
    """Starts what the filters need; has their command lines."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.dns = case.keep(dns.Dns())
        self.keys: Keys | None = None
        if is_built("filter-dkimsign"):
            self.keys = Keys(case)
            self.key = self.keys.make("demo", domain=DOMAIN)
            for name, text in self.keys.records.items():
                self.dns.add(name, text)

    def texts(self) -> dict[str, str]:
        records = self.keys.records if self.keys else {}
        return {name: text.decode() for name, text in records.items()}

    def incoming(self) -> list[str]:
        """The filters of mail from outside, in their order."""
        chain = []
        if is_built("filter-dkimverify"):
            chain.append(self.case.filter("filter-dkimverify",
                                          "-r", "127.0.0.1"))
        if is_built("filter-rspamd"):
            extra = ONE_RESULT if chain else ""
            url = self.case.rspamd(texts=self.texts(), extra=extra).url
            chain.append(self.case.filter("filter-rspamd", "-url", url))
        return chain

    def outgoing(self) -> list[str]:
        """The filters of mail from our own users."""
        if not self.keys:
            return []
        return [self.case.filter("filter-dkimsign", "-d", DOMAIN,
                                 "-s", "demo", "-k", str(self.key))]


def is_built(name: str) -> bool:
    return (REPO / name / name).exists()


# --- the messages -----------------------------------------------------------

GTUBE = (b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-"
         b"EMAIL*C.34X\n")


def samples() -> list[Sample]:
    """The fixture's rspamd obeys X-Test fields, so each verdict shows."""
    return [
        Sample("an ordinary message", mail.message("Lunch on Friday?")),
        Sample("a message with dots and 8-bit text", mail.message(
            "Gr\u00fc\u00dfe", body="..\n.dots\n\u00fcber\n".encode())),
        Sample("spam, by its score", mail.message(
            "Cheap watches", "X-Spam: no", "X-Test-Score: T_WATCHES=7.5")),
        Sample("more spam: the subject is rewritten", mail.message(
            "Cheaper watches", "X-Test-Score: T_WATCHES=12")),
        Sample("the test string that every spam filter rejects",
               mail.message("GTUBE", body=GTUBE), want=554),
        Sample("rspamd wants it to come again later", mail.message(
            "First contact", "X-Test-Action: soft reject",
            "X-Test-Text: Greylisted, please try again"), want=451),
        Sample("rspamd adds and removes fields, by number", mail.message(
            "Fields", "X-Tag: one", "X-Tag: two", "X-Tag: three",
            'X-Test-Milter: {"remove_headers": {"X-Tag": 2}, "add_headers":'
            ' {"X-Tag": {"value": "four", "order": 1}}}')),
    ]


def own(path: str) -> Sample:
    raw = Path(path).read_bytes().replace(b"\r\n", b"\n")
    raw = re.sub(rb"\AFrom .*\n", b"", raw)
    return Sample(path, raw if raw.endswith(b"\n") else raw + b"\n", None)


# --- what is shown ----------------------------------------------------------

def entries(msg: bytes) -> list[str]:
    """The header fields, each an entry with its folds."""
    return [f.decode(errors="replace").rstrip("\n")
            for f in mail.fields(msg)]


def show_change(mark: str, entry: str) -> None:
    colour = GREEN if mark == "+" else RED
    for number, line in enumerate(entry.splitlines()):
        sign = mark if number == 0 else " "
        text = line.replace("\t", "    ")
        cut = text if len(text) <= WIDTH - 5 else text[:WIDTH - 8] + "..."
        print(f"   {colour}{sign} {cut}{PLAIN}")


def show_changes(sent: bytes, got: bytes) -> None:
    old, new = entries(sent), entries(got)
    for op, a, b, c, d in difflib.SequenceMatcher(
            None, old, new, autojunk=False).get_opcodes():
        if op != "equal":
            for entry in old[a:b]:
                show_change("-", entry)
            for entry in new[c:d]:
                show_change("+", entry)
    same = mail.split(sent)[1] == mail.split(got)[1]
    print("     body " + ("as it was sent" if same else "changed"))


def show_reply(reply: smtp.Reply, took: float) -> None:
    colour = GREEN if reply.code == 250 else RED
    print(f"   {colour}{reply}{PLAIN}  ({took * 1000:.1f} ms)")


def show_log(mta: Smtpd, start: int) -> None:
    """What the filters logged since that place in smtpd's log."""
    for line in mta.log()[start:].splitlines():
        if line.startswith("filter-"):
            print(textwrap.fill(line, WIDTH, initial_indent=" " * 5,
                                subsequent_indent=" " * 7,
                                break_long_words=False))


def show_second_opinion(stage: Stage, message: bytes) -> None:
    """What an independent program says about the signatures in it."""
    records = stage.keys.records if stage.keys else {}
    for good in dkimpy.verify(message, records.get):
        print("     python3-dkim says: " + (
            f"{GREEN}signature verifies{PLAIN}" if good else
            f"{RED}signature is wrong{PLAIN}"))


def deliver(mta: Smtpd, sample: Sample) -> tuple[smtp.Reply, bytes]:
    """Sends one message, shows what became of it; returns that."""
    sender, rcpt = sample.envelope()
    start = len(mta.log())
    got = b""
    port = mta.out_port if sample.outgoing else mta.port
    with smtp.Client(port) as client:
        client.ehlo()
        client.envelope(sender, [rcpt])
        client.cmd("DATA", 354)
        begin = time.monotonic()
        client.write(mail.wire(sample.message))
        reply = client.read()
        took = time.monotonic() - begin
    show_reply(reply, took)
    if reply.code == 250:
        delivered = mta.mail()
        got = delivered.above + delivered.message
        show_changes(sample.message, got)
    show_log(mta, start)
    return reply, got


def show_setup(mta: Smtpd) -> None:
    print(f"{BOLD}smtpd.conf{PLAIN}")
    for line in mta.conf.read_text().splitlines():
        print(f"   {line}")
    print()


class Show:
    """Counts the messages and remembers which reply was not expected."""

    def __init__(self, stage: Stage, mta: Smtpd) -> None:
        self.stage = stage
        self.mta = mta
        self.count = 0
        self.wrong: list[str] = []

    def one(self, sample: Sample) -> bytes:
        self.count += 1
        print(f"{BOLD}{self.count}. {sample.title}{PLAIN}")
        reply, got = deliver(self.mta, sample)
        if sample.want not in (None, reply.code):
            self.wrong.append(f"message {self.count}: expected reply "
                              f"{sample.want}, got {reply.code}")
        if sample.outgoing:
            show_second_opinion(self.stage, got)
        print(flush=True)
        return got

    def signed(self) -> None:
        """A message of our own goes out, and comes in elsewhere."""
        signed = self.one(Sample(
            "a user of ours sends mail: it is signed", mail.message(
                "Minutes of the meeting").replace(
                    b"sender@example.net", b"sender@example.org"),
            outgoing=True))
        self.one(Sample("the signed message arrives", signed))
        self.one(Sample("the same with one word changed",
                        signed.replace(b"Hello", b"Hullo")))


def play(show: Show, files: list[str]) -> None:
    for path in files:
        show.one(own(path))
    if not files:
        for sample in samples():
            show.one(sample)
        if show.stage.keys:
            show.signed()


def run_inside(work: Path, files: list[str]) -> int:
    """The whole show; this process was started in fresh namespaces."""
    space.enter(work)
    case = Case(work, Options())
    try:
        stage = Stage(case)
        mta = case.smtpd(*stage.incoming(), out_filters=stage.outgoing())
        show_setup(mta)
        show = Show(stage, mta)
        play(show, files)
    except AssertionError as err:
        print(f"demo: {err}")
        return 1
    finally:
        case.close()
    for line in show.wrong:
        print(f"not as expected: {line}")
    return 1 if show.wrong else 0


# --- outside ----------------------------------------------------------------

def interrupted(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def run_outside(files: list[str]) -> int:
    reason = space.reason_against()
    if reason:
        print(f"demo: {reason}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, interrupted)
    work = Path(tempfile.mkdtemp(prefix="demo-", dir="/tmp"))
    work.chmod(0o755)
    argv = [sys.executable, str(HERE / "demo.py"), "--inside", str(work)]
    child = subprocess.Popen(space.command([*argv, *files]),
                             start_new_session=True)
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.kill()            # and with it all of its namespace
        child.wait()
        return 130
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main() -> int:
    args = sys.argv[1:]
    if args[:1] == ["--inside"]:
        return run_inside(Path(args[1]), args[2:])
    if any(arg.startswith("-") for arg in args):
        print(__doc__.strip(), file=sys.stderr)
        return 64
    return run_outside([str(Path(arg).resolve()) for arg in args])


if __name__ == "__main__":
    os.environ["PATH"] = "/usr/sbin:/sbin:" + os.environ["PATH"]
    sys.exit(main())
