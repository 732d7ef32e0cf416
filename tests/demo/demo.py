#!/usr/bin/python3
"""Shows the filters at work: a real smtpd, a real rspamd, real messages.

All of it runs in namespaces of its own with loopback only, in a temporary
folder, and is gone at the end. Must be root.
usage: demo.py [FILE]    FILE: a message of your own, instead of the samples
"""

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)    # while modules are read

import email.utils                          # noqa: E402
import os                                   # noqa: E402
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from lib import dkimpy, dns, mail, smtp, space, wait  # noqa: E402
from lib.case import Case, Options, REPO  # noqa: E402
from lib.signer import Keys  # noqa: E402
from lib.smtpd import Smtpd  # noqa: E402
import anymail  # noqa: E402

WIDTH = 78
LONGEST_LIST = 40               # lines of what one message changed
PATIENCE = 120                  # seconds for a reply, for a delivery
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
            found = email.utils.parseaddr(anymail.value(self.message, name))
            return found[1] if anymail.ADDRESS.fullmatch(found[1]) else (
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


# The fixture's limit is too small for messages of one's own.
ANY_SIZE = "max_message = 50M;\n"


class OneDomain(dns.Dns):
    """Knows one domain only; of others it cannot say what they have."""

    def answers(self, name: str, kind: int) -> tuple[int, list[bytes]]:
        rcode, found = super().answers(name, kind)
        if rcode == dns.NXDOMAIN and not is_ours(name):
            rcode = dns.SERVFAIL
        return rcode, found

    def foreign_keys(self) -> bool:
        """Whether anybody asked for the key of another domain."""
        return any("._domainkey." in name and not is_ours(name)
                   for name in self.asked)


def is_ours(name: str) -> bool:
    return f".{name.lower()}".endswith(f".{DOMAIN}")


class Stage:
    """Starts what the filters need; has their command lines."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.dns = case.keep(OneDomain())
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
            url = self.case.rspamd(texts=self.texts(), options=ANY_SIZE,
                                   extra=extra).url
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


def own(title: str, raw: bytes) -> Sample:
    raw = re.sub(rb"\AFrom .*\n", b"", raw.replace(b"\r\n", b"\n"))
    if raw and not raw.endswith(b"\n"):
        raw += b"\n"
    return Sample(title, raw, None)


# --- what is shown ----------------------------------------------------------

def printable(text: str) -> str:
    """Without what a terminal would obey."""
    return "".join(c if c.isprintable() else "?"
                   for c in text.replace("\t", "    "))


def change_lines(mark: str, entry: bytes) -> list[str]:
    colour = GREEN if mark == "+" else RED
    shown = []
    for number, line in enumerate(entry.removesuffix(b"\n").split(b"\n")):
        sign = mark if number == 0 else " "
        text = printable(line[:4 * WIDTH].decode(errors="replace"))
        cut = text if len(text) <= WIDTH - 5 else text[:WIDTH - 8] + "..."
        shown.append(f"   {colour}{sign} {cut}{PLAIN}")
    return shown


def show_changes(sent: bytes, got: bytes) -> None:
    shown = [line for change in anymail.changes(sent, got)
             for line in change_lines(*change)]
    print("".join(line + "\n" for line in shown[:LONGEST_LIST]), end="")
    if len(shown) > LONGEST_LIST:
        print(f"     ... and {len(shown) - LONGEST_LIST} more lines")
    same = anymail.split(sent)[1] == anymail.split(got)[1]
    print("     body " + ("as it was sent" if same else "changed"))


def show_reply(reply: smtp.Reply, took: float) -> None:
    colour = GREEN if reply.code == 250 else RED
    print(f"   {colour}{printable(str(reply))}{PLAIN}  ({took * 1000:.1f} ms)")


def show_log(mta: Smtpd, start: int) -> None:
    """What the filters logged since that place in smtpd's log."""
    for line in mta.log()[start:].splitlines():
        if line.startswith("filter-"):
            print(textwrap.fill(printable(line), WIDTH, initial_indent=" " * 5,
                                subsequent_indent=" " * 7,
                                break_long_words=False))


def show_second_opinion(stage: Stage, message: bytes) -> None:
    """What an independent program says about the signatures in it."""
    records = stage.keys.records if stage.keys else {}
    for good in dkimpy.verify(message, records.get):
        print("     python3-dkim says: " + (
            f"{GREEN}signature verifies{PLAIN}" if good else
            f"{RED}signature is wrong{PLAIN}"))


def send(client: smtp.Client, sample: Sample) -> smtp.Reply:
    """The first reply that refuses the message, or the last one."""
    sender, rcpt = sample.envelope()
    for line in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{rcpt}>", "DATA"):
        reply = client.cmd(line)
        if reply.code >= 400:
            return reply
    try:
        client.write(anymail.wire(sample.message))
    except ConnectionError:
        pass                    # smtpd had enough, and may have said why
    return client.read()


def deliver(mta: Smtpd, sample: Sample) -> tuple[smtp.Reply, bytes]:
    """Sends one message, shows what became of it; returns that."""
    start = len(mta.log())
    got = b""
    port = mta.out_port if sample.outgoing else mta.port
    with smtp.Client(port, timeout=PATIENCE) as client:
        client.ehlo()
        begin = time.monotonic()
        reply = send(client, sample)
        took = time.monotonic() - begin
    show_reply(reply, took)
    if reply.code == 250:
        delivered = mta.mails(1, seconds=PATIENCE)[0]
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


def play(show: Show, message: Sample | None) -> None:
    if message:
        if is_ours(message.envelope()[0].rpartition("@")[2]):
            show.one(replace(message, title=f"{message.title}, sent by a user "
                             "of ours", outgoing=True))
        show.one(message)
        if show.stage.dns.foreign_keys():
            print(f"The demo's DNS has {DOMAIN} only: foreign signatures "
                  "can't be checked.")
        return
    for sample in samples():
        show.one(sample)
    if show.stage.keys:
        show.signed()


def run_inside(work: Path, titles: list[str]) -> int:
    """The whole show; this process was started in fresh namespaces."""
    case = Case(work, Options())
    try:
        message = None
        for title in titles:
            message = own(title, sys.stdin.buffer.read())
        space.enter(work)
        stage = Stage(case)
        mta = case.smtpd(*stage.incoming(), out_filters=stage.outgoing())
        show_setup(mta)
        show = Show(stage, mta)
        play(show, message)
    except (AssertionError, OSError) as err:
        print(f"demo: {err}", file=sys.stderr)
        return 1
    finally:
        case.close()
    for line in show.wrong:
        print(f"not as expected: {line}")
    return 1 if show.wrong else 0


# --- outside ----------------------------------------------------------------

class Child:
    """A process that a signal to this one ends, whenever that comes.

    Nothing is raised then: what follows is cleaning up, and must be done.
    """

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.stopped = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, self.stop)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:   # no nohup
            signal.signal(signal.SIGHUP, self.stop)

    def stop(self, *_: object) -> None:
        self.stopped = True
        if self.process:
            space.kill(self.process)

    def run(self, argv: list[str], **kind: Any) -> int:
        if not self.stopped:
            self.process = subprocess.Popen(argv, start_new_session=True,
                                            **kind)
            if self.stopped:
                space.kill(self.process)
            self.process.wait()
        if self.stopped or not self.process:
            return 130
        return self.process.returncode


def remove(folder: Path) -> None:
    """What was killed before it was in its namespace may still write."""
    def gone() -> bool:
        shutil.rmtree(folder, ignore_errors=True)
        return not folder.exists()
    wait.until(f"{folder} to be removed", gone)


def run_outside(message: Any, titles: list[str]) -> int:
    child = Child()
    reason = space.reason_against()
    if reason:
        print(f"demo: {reason}", file=sys.stderr)
        return 1
    work = Path(tempfile.mkdtemp(prefix="demo-", dir="/tmp"))
    try:
        work.chmod(0o755)
        return child.run(space.command(
            [sys.executable, str(HERE / "demo.py"), "--inside", str(work),
             *titles]), stdin=message)
    finally:
        remove(work)


def main() -> int:
    args = [arg for arg in sys.argv[1:] if arg]
    if args[:1] == ["--inside"]:
        return run_inside(Path(args[1]), args[2:])
    if len(args) > 1 or any(arg.startswith("-") for arg in args):
        print(__doc__.strip(), file=sys.stderr)
        return 64
    try:
        message = open(args[0] if args else os.devnull, "rb")
    except OSError as err:
        print(f"demo: {err.filename}: {err.strerror}", file=sys.stderr)
        return 1
    with message:
        return run_outside(message, args)


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    os.environ["PATH"] = "/usr/sbin:/sbin:" + os.environ["PATH"]
    os.umask(0o022)             # others than root read what is made here
    status = main()
    try:
        sys.stdout.flush()
    except OSError:
        os._exit(1)             # nobody reads; it would be tried again
    sys.exit(status)
