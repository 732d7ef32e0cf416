#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A real smtpd with our three filters as a chain, and the worst of clients.

After so many minutes smtpd must still be there, all that was accepted must be
in the mailbox once and as it was sent, and a normal message must pass all
three. Prints TAP. Must be root; nothing leaves a network namespace.
"""
import argparse
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
for folder in ("e2e", "bench"):
    sys.path.insert(0, str(TESTS / folder))

from lib import check, dkimpy, dns, mail, proc              # noqa: E402
from lib import smtp, space, wait                           # noqa: E402
from lib.case import Case, Options                          # noqa: E402
from lib.signer import Keys                                 # noqa: E402
import stubs                                                # noqa: E402
from clients import CLIENTS, GONE                           # noqa: E402
from ledger import Ledger                                   # noqa: E402

FILTERS = ["filter-dkimverify", "filter-rspamd", "filter-dkimsign"]
FIELDS = ["dkim-signature", "authentication-results"]
DOMAIN = "example.net"
JOBS = 20                   # clients at a time
BACKEND = 10                # rspamd's failures of 1000 requests
PATIENCE = 120              # seconds for what must come in the end, at least
CLIENT_PATIENCE = 60        # seconds for a reply, at least
PAUSE = 10                  # seconds in which this process did not run
SPARE_FILES = 16            # that the engine keeps for the next messages


class Storm:
    """What the clients share."""

    def __init__(self, port: int, seconds: float, seed: int,
                 ledger: Ledger) -> None:
        self.port, self.seed, self.ledger = port, seed, ledger
        self.until = time.monotonic() + seconds
        self.patience = max(CLIENT_PATIENCE, seconds)
        self.paused = 0.0
        self.over = threading.Event()
        self.ran: Counter[str] = Counter()
        self.last_big = 0.0
        self.lock = threading.Lock()

    def client(self) -> smtp.Client:
        return smtp.Client(self.port, timeout=self.patience)

    def socket(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port),
                                        self.patience)

    def pause(self, seconds: float) -> bool:
        return self.over.wait(seconds)

    def watch_clock(self) -> None:
        """Notices when all was stopped for a while, as by SIGSTOP."""
        last = time.monotonic()
        while not self.over.wait(1):
            now = time.monotonic()
            if now > last + PAUSE:
                self.paused = now
                self.until += now - last
                print(f"# paused for {now - last:.0f} s")
            last = now

    def blame(self, client: str, began: float, err: Exception) -> None:
        """An unexpected reply to one who has done nothing wrong?

        Sessions do not live through a pause of minutes.
        """
        if client != "polite":
            return
        self.over.wait(3)       # for watch_clock()
        if self.paused < began:
            self.ledger.fault(f"polite: {type(err).__name__} {err}")

    def rare(self, rng: random.Random) -> bool:
        """Once a minute at most: a thousand deliveries take their time."""
        with self.lock:
            now = time.monotonic()
            if now < self.last_big + 60:
                return False
            self.last_big = now
            return True

    def work(self, number: int) -> None:
        rng = random.Random(f"{self.seed}.{number}")
        weights, clients = zip(*CLIENTS)
        while time.monotonic() < self.until and not self.over.is_set():
            one = rng.choices(clients, weights)[0]
            began = time.monotonic()
            try:
                one(self, rng)
            except ConnectionRefusedError:
                self.ledger.fault(f"{one.__name__}: connection refused")
                self.over.set()
            except GONE + (AssertionError,) as err:
                self.blame(one.__name__, began, err)
            with self.lock:
                self.ran[one.__name__] += 1

    def run(self) -> None:
        threads = [threading.Thread(target=self.work, args=(n,))
                   for n in range(JOBS)]
        threading.Thread(target=self.watch_clock, daemon=True).start()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.over.set()


# --- inside the namespaces ----------------------------------------------------

def names(case: Case) -> Keys:
    """Keys, and a DNS server with faults."""
    keys = Keys(case)
    keys.make("sel", domain=DOMAIN)
    keys.write(f"{DOMAIN} sel sel.{DOMAIN}.key")
    server = case.keep(dns.Dns())
    for name, text in keys.records.items():
        server.add(name, text)
    for what, kind in (("servfail", {"rcode": dns.SERVFAIL}),
                       ("silent", {"silent": True}),
                       ("tcp", {"only_tcp": True})):
        server.add(f"{what}._domainkey.{DOMAIN}", "v=DKIM1; p=", **kind)
    return keys


def commands(case: Case, keys: Keys, urls: list[str]) -> list[str]:
    words = " ".join(f"--url {url}" for url in urls)
    return [case.filter("filter-dkimverify", "-r", "127.0.0.1",
                        "--dns-timeout", "2"),
            case.filter("filter-rspamd", words, "--spread", "--timeout", "3"),
            case.filter("filter-dkimsign", "-K", str(keys.table))]


def counters(case: Case, mta, name: str) -> dict[str, int]:
    """What the filter's engine says to SIGUSR1."""
    line = re.compile(rf"{name}: (counters sessions=.*)")
    before = len(line.findall(mta.log()))
    os.kill(case.filter_pid(name), signal.SIGUSR1)
    said = wait.until(f"counters of {name}",
                      lambda: line.findall(mta.log())[before:])
    return {k: int(v) for k, v in re.findall(r"([\w-]+)=(\d+)", said[0])}


def quiet(case: Case, mta, name: str, seconds: float) -> dict[str, int]:
    """The counters once the filter knows that all sessions are over."""
    def over() -> dict[str, int]:
        found = counters(case, mta, name)
        return found if found["open"] == 0 and found["memory"] == 0 else {}
    return wait.until(f"{name} to be without sessions", over, seconds)


def chain(found: dict[str, dict[str, int]], delivered: int) -> list[str]:
    """What is wrong with the counters of filters in the order of the chain.

    What one accepts the next is asked about; what the last one accepts is
    delivered.
    """
    wrong = []
    asked = [c["accepted"] + c["refused"] for c in found.values()][1:]
    for (name, count), then in zip(found.items(), [*asked, delivered]):
        if count["accepted"] != then:
            wrong.append(f"{name} accepted {count['accepted']}, but then "
                         f"there were {then}")
    return wrong


def last_message(mta, ledger: Ledger) -> None:
    """Goes through all three, if rspamd is not just having a fault."""
    for _ in range(20):
        number, message = ledger.add(
            "last", lambda n: mail.message("The last one", number=n))
        ledger.sent[number].state = "maybe"
        reply = mta.submit(message)
        ledger.told(number, reply.code, str(reply))
        if reply.code == 250:
            return
    raise AssertionError(f"the last message is not taken: {reply}")


def watch(case: Case, filters: bool) -> dict[str, tuple[float, int]]:
    """Resident MiB and descriptors of each filter."""
    if not filters:
        return {}
    pids = {name: case.filter_pid(name) for name in FILTERS}
    return {name: (proc.status_kib(pid, "VmRSS") / 1024, proc.open_files(pid))
            for name, pid in pids.items()}


def report(storm: Storm, ledger: Ledger, seconds: float) -> None:
    total = ledger.totals()
    print(f"# {sum(storm.ran.values())} clients in {seconds:.0f} s, "
          f"{len(ledger.sent)} messages: "
          + ", ".join(f"{n} {what}" for what, n in total.items())
          + f"; {ledger.delivered} deliveries, {ledger.verified} "
          "signatures checked")
    for kind, states in sorted(ledger.by_kind().items()):
        print(f"#   {kind}: " + ", ".join(
            f"{n} {what}" for what, n in sorted(states.items())))
    for (kind, text), n in sorted(ledger.refusals().items()):
        print(f"#     {n} {kind}: {text}")


def backends(case: Case) -> list[str]:
    """A stub with faults and, where it is installed, a real rspamd."""
    stub = stubs.Http(2, BACKEND)
    stub.stop = stub.close
    urls = [f"http://127.0.0.1:{case.keep(stub).port}"]
    if shutil.which("rspamd"):
        urls.append(case.rspamd().url)
    else:
        print("# no rspamd installed: stub alone")
    return urls


def inside(args: argparse.Namespace) -> list[str]:
    space.enter(args.work)
    options = Options(args.smtpd)
    if options.root:
        space.enter_root(options.root, args.work)
    case = Case(args.work, options)
    keep = TESTS / "log/storm"
    shutil.rmtree(keep, ignore_errors=True)
    try:
        with_filters = not args.without_filters
        keys = names(case)
        lines = commands(case, keys, backends(case)) if with_filters else []
        mta = case.smtpd(*lines)
        before = watch(case, with_filters)
        verify = keys.verify if with_filters and dkimpy.dkim else None
        if with_filters and not verify:
            print("# no python3-dkim installed: signatures are not checked")
        ledger = Ledger(mta.box, keep, FIELDS if with_filters else [], verify)
        storm = Storm(mta.port, args.seconds, args.seed, ledger)
        start = time.monotonic()
        storm.run()
        wrong = finish(case, mta, ledger, before,
                       max(PATIENCE, args.seconds))
        report(storm, ledger, time.monotonic() - start)
        if wrong:
            keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(args.work / "smtpd.log", keep)
        return wrong
    finally:
        case.close()


def finish(case: Case, mta, ledger: Ledger,
           before: dict[str, tuple[float, int]], patience: float
           ) -> list[str]:
    """All that is wrong after the storm."""
    wrong = []
    try:
        mta.must_live()
        last_message(mta, ledger)
        ledger.settle(patience)
        found = {name: quiet(case, mta, name, patience) for name in before}
        for name, count in found.items():
            print(f"# {name}: " + " ".join(
                f"{k}={v}" for k, v in count.items()))
        wrong += chain(found, ledger.messages())
        for name, (mib, fds) in watch(case, bool(before)).items():
            print(f"# {name}: {before[name][0]:.1f} MiB and "
                  f"{before[name][1]} descriptors at first, {mib:.1f} and "
                  f"{fds} at the end")
            check.at_most(f"descriptors of {name}", fds,
                          before[name][1] + SPARE_FILES)
        mta.must_live()
    except (AssertionError, OSError) as err:
        wrong.append(f"{type(err).__name__}: {err}")
    ledger.settle(0)
    return wrong + ledger.judge()


# --- outside --------------------------------------------------------------------

def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--smtpd", choices=["own", "next"], default="own",
                        help="this machine's, or that of tests/e2e/next.sh")
    parser.add_argument("--without-filters", action="store_true",
                        help="to see what smtpd alone does with the same")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def self_check() -> bool:
    """Messages lost, delivered twice or after a refusal must be found."""
    for state, copies, good in [
            ("accepted", 1, True), ("accepted", 0, False),
            ("accepted", 2, False), ("refused", 1, False),
            ("refused", 0, True), ("never", 1, False), ("maybe", 0, True),
            ("maybe", 1, True), ("maybe", 2, False)]:
        ledger = Ledger(Path("/nonexistent"), Path("/nonexistent"), [], None)
        ledger.add("self", lambda n: b"")
        ledger.sent[1].state = state
        ledger.sent[1].copies.update({"user@example.org": copies})
        if not copies:
            ledger.sent[1].copies.clear()
        ledger.settle(0)
        if bool(ledger.judge()) == good:
            return False
    found = {"a": {"accepted": 9, "refused": 3},
             "b": {"accepted": 7, "refused": 2}}
    return not chain(found, 7) and bool(chain(found, 8)) and bool(
        chain({**found, "a": {"accepted": 10, "refused": 3}}, 7))


def interrupted(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    args = arguments()
    what = f"storm: {args.seconds:.0f} s of bad clients"
    if args.work:
        wrong = inside(args)
        print("not ok" if wrong else "ok", "-", what)
        for line in wrong[:40]:
            print("#   " + line.replace("\n", "\n#   "))
        return 1 if wrong else 0
    good = self_check()
    print("ok" if good else "not ok", "- storm: loss and doubles are found")
    reason = space.reason_against()
    if not reason and not shutil.which("smtpd"):
        reason = "no smtpd installed"
    if not reason and args.smtpd == "next":
        done = subprocess.run([str(TESTS / "e2e/next.sh")], text=True,
                              stderr=subprocess.PIPE)
        reason = done.stderr.strip() if done.returncode else ""
    if reason:
        print(f"ok - {what} # SKIP {reason}")
        return 0
    signal.signal(signal.SIGTERM, interrupted)
    work = Path(tempfile.mkdtemp(prefix="storm-", dir="/tmp"))
    work.chmod(0o755)
    try:
        status = subprocess.run(space.command(
            [sys.executable, *sys.argv, "--work", str(work)])).returncode
        return status or not good
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    os.environ["PATH"] = "/usr/sbin:/sbin:" + os.environ["PATH"]
    sys.stdout.reconfigure(line_buffering=True)
    sys.exit(main())
