#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Very many messages of all sizes through one process of each filter.

Some of them go wrong: clients go away in DATA, after the dot or while the
filter works, lines are too long, rspamd and DNS fail. Each message must be
accounted for, also by the filter's own counters; memory and descriptors must
not grow. Prints TAP.
"""
import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../bench"))

import stubs                                            # noqa: E402
from measure import BIN, TOP, parse                     # noqa: E402

MESSAGES = 20000
FEWEST = 1000               # fewer tell nothing of growth
FILTERS = ["dkimverify", "rspamd", "dkimsign"]
SEED = 6
SESSIONS, MAILS = 60, 4     # at a time; in a session, at most
DROPS = 1                   # percent of messages
BACKEND = 8                 # rspamd's failures of 1000 requests
SILENCE = 3600              # seconds: a run may be stopped and go on
# Resident memory, medians of the second and the last tenth of the run.
GROWTH, GROWTH_KB = 1.05, 2048
# Descriptors, likewise: the engine keeps 16 temporary files open for the next
# messages, and each session may have a connection in use at the moment. What
# is still open in the end bench-smtpd checks.
GROWTH_FDS = 16 + SESSIONS
# Weight and size: most 1 to 50 KB, of 10000 in all.
SIZES = [(300, 0), (1400, 1000), (1500, 2000), (1500, 4000), (1500, 8000),
         (1500, 15000), (1200, 25000), (1000, 50000), (40, 1000000),
         (2, 10000000)]
OVERLONG = [(7, "overlong")] * 4
# What a verifier gets besides: weight, size and selectors (see stubs.Dns).
SIGNED = [(400, 2000, ["c1"]), (400, 9000, ["c2e"]), (300, 30000, ["c3"]),
          (200, 9000, ["c4", "c5e"]), (100, 9000, ["c6", "n1"]),
          (60, 4000, ["n2"]), (40, 4000, ["f1"]), (20, 4000, ["s1"]),
          (10, 4000, ["c1", "s2"]), (4, 1000000, ["c7"])]


def shares(pairs):
    options = []
    for weight, what in pairs:
        options += ["--share", f"{weight}:{what}"]
    return options


class Backends:
    """Keys, DNS and two rspamds, one of which is worse than the other."""

    def __init__(self, folder):
        self.keys, records = stubs.make_keys(folder)
        self.folder = folder
        self.dns = stubs.Dns(records)
        self.dns.start()
        self.http = [stubs.Http(2, BACKEND * 2), stubs.Http(2, BACKEND)]

    def commands(self):
        table = os.path.join(self.folder, "keytable")
        with open(table, "w", encoding="ascii") as out:
            out.write(f"example.net s1 {self.keys['rsa']}\n"
                      f"example.net s1e {self.keys['ed25519']}\n")
        urls = " ".join(f"--url http://127.0.0.1:{h.port}" for h in self.http)
        return {
            "dkimverify": f"-r 127.0.0.1@{self.dns.port} --dns-timeout 2 "
                          "--on-temperror tempfail mx.example.org",
            "rspamd": f"{urls} --timeout 2",
            "dkimsign": f"-K {table}"}

    def signed(self):
        pairs = []
        for number, (weight, size, selectors) in enumerate(SIGNED):
            path = os.path.join(self.folder, f"signed-{number}")
            stubs.sign(path, stubs.message(size), self.keys, selectors)
            pairs.append((weight, path))
        return pairs

    def close(self):
        return [http.close() for http in self.http]


def tenth(samples, number, column):
    """The median of a column in that tenth of the run, 1 to 10."""
    end = samples[-1][0]
    values = [s[column] for s in samples
              if end * (number - 1) / 10 <= s[0] <= end * number / 10]
    return statistics.median(values)


def read_samples(path):
    with open(path, encoding="ascii") as file:
        return [[float(word) for word in line.split()] for line in file]


def read_counters(path):
    """NAME=NUMBER of all lines; the first of a name is the engine's.

    The verifier's "dkim=RESULT: NUMBER" has the name dkim=RESULT.
    """
    found = {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for key, value in re.findall(r"([\w-]+|dkim=\w+)(?:=|: )(\d+)",
                                     file.read()):
            found.setdefault(key, int(value))
    return found


class Run:
    """One filter with all its messages; faults are what was wrong."""

    def __init__(self, name, args, count, folder):
        self.name, self.count, self.faults = name, count, []
        self.command = os.path.join(
            TOP, f"filter-{name}/filter-{name}") + " " + args
        self.files = [os.path.join(folder, f"{name}.{what}")
                      for what in ("samples", "counters")]

    def go(self, options):
        run = subprocess.run(
            [os.path.join(BIN, "bench-smtpd"), "--sessions", str(SESSIONS),
             "--mails", str(MAILS), "--count", str(self.count),
             "--seed", str(SEED), "--drop-rate", str(DROPS),
             "--verdict", "any", "--timeout", str(SILENCE),
             "--hup", str(max(1, self.count // 50)), "--samples",
             self.files[0], "--counters", self.files[1]] + options +
            [self.command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, errors="replace", check=False)
        if run.returncode != 0:
            self.faults.append(run.stderr[:1500])
            return
        self.result = parse(run.stdout)
        self.samples = read_samples(self.files[0])
        self.counters = read_counters(self.files[1])
        self.account()
        self.flat()

    def equal(self, what, got, want):
        if got != want:
            self.faults.append(f"{what}: {got:.0f}, not {want:.0f}")

    def account(self):
        """Each message ended in one way, and the filter says the same."""
        r, c = self.result, self.counters
        refused = r["tempfail"] + r["permfail"]
        self.equal("messages", r["accepted"] + refused + r["dropped"],
                   self.count)
        for what, got, want in (
                ("sessions", c["sessions"], r["connects"]),
                ("open sessions", c["open"], 0),
                ("messages", c["messages"], self.count - r["unseen"]),
                ("accepted", c["accepted"], r["accepted"]),
                ("refused", c["refused"], refused),
                ("dropped", c["dropped"], r["dropped"] - r["unseen"]),
                ("expired", c["expired"], 0),
                ("bad lines", c["bad-line"], 0),
                ("out of memory", c["no-memory"], 0),
                ("control characters", r["stderr_control"], 0)):
            self.equal(f"the filter's count of {what}", got, want)
        self.agree(refused, c)

    def agree(self, refused, c):
        """What only this filter counts; drops may come after its decision."""
        if self.name == "dkimsign":
            self.equal("refused", refused, 0)
            self.equal("not signed", c["unsigned"] + c["failed"], 0)
            why, slack = c["signed"] - self.result["accepted"], c["dropped"]
        elif self.name == "rspamd":
            failed = c["unreachable"] + c["timeout"] + c["error"]
            why, slack = failed - refused, c["dropped"]
        else:
            why, slack = c["dkim=temperror"] - refused, c["dropped"]
        if not 0 <= why <= slack:
            self.faults.append(
                f"of {refused:.0f} refused the filter explains {why:.0f} "
                f"too many: {c}")

    def flat(self):
        for what, column, times, more in (
                ("resident KiB", 2, GROWTH, GROWTH_KB),
                ("descriptors", 3, 1, GROWTH_FDS)):
            early = tenth(self.samples, 2, column)
            late = tenth(self.samples, 10, column)
            if late > early * times + more:
                self.faults.append(f"{what}: {early:.0f} in the second tenth, "
                                   f"{late:.0f} in the last")

    def row(self):
        r, end = self.result, self.samples[-1]
        cells = [f"filter-{self.name}", f"{self.count}",
                 f"{r['mb_s'] * r['seconds'] / 1000:.1f} GB",
                 f"{r['accepted']:.0f}",
                 f"{r['tempfail'] + r['permfail']:.0f}", f"{r['dropped']:.0f}",
                 *[f"{tenth(self.samples, n, 2) / 1024:.1f}" for n in (2, 10)],
                 f"{r['rss_kb'] / 1024:.1f}",
                 f"{r['idle_fds']:.0f}, {end[3]:.0f}",
                 f"{r['seconds'] / 60:.1f}"]
        return "| " + " | ".join(cells) + " |"


def self_check():
    """A filter that grows, or forgets a message, must be found."""
    run = Run("dkimsign", "", 1000, "/nonexistent")
    for kib, fds in ((100, 0), (0, 1)):
        run.samples = [[n, n, 9000 + kib * n, 9 + fds * n]
                       for n in range(1000)]
        run.faults = []
        run.flat()
        yield len(run.faults) == 1
    run.result = {"accepted": 990, "tempfail": 0, "permfail": 0,
                  "dropped": 10, "unseen": 2, "connects": 300,
                  "stderr_control": 0}
    right = {"sessions": 300, "open": 0, "messages": 998, "accepted": 990,
             "refused": 0, "dropped": 8, "expired": 0, "bad-line": 0,
             "no-memory": 0, "signed": 995, "unsigned": 0, "failed": 0}
    for key in [None, *right]:
        run.counters = {k: v + (10 if k == key else 0)
                        for k, v in right.items()}
        run.faults = []
        run.account()
        yield bool(run.faults) == (key is not None)


def message_count(text):
    if not re.fullmatch("[0-9]+", text) or int(text) < FEWEST:
        raise argparse.ArgumentTypeError(
            f"{text} is not a number from {FEWEST} up")
    return int(text)


def filter_name(text):
    if text not in FILTERS:
        raise argparse.ArgumentTypeError(
            f"{text} is none of {', '.join(FILTERS)}")
    return text


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("messages", type=message_count, nargs="?", default=MESSAGES,
                        metavar="MESSAGES")
    parser.add_argument("filters", type=filter_name, nargs="*",
                        metavar="FILTER", help=", ".join(FILTERS))
    return parser.parse_args()


def interrupted(number, frame):
    raise KeyboardInterrupt


def main():
    args = arguments()
    count = args.messages
    signal.signal(signal.SIGTERM, interrupted)
    good = all(list(self_check()))
    print("ok" if good else "not ok", "- soak: growth and loss are found")
    folder = tempfile.mkdtemp(prefix="soak.")
    backends = Backends(folder)
    failed = not good
    try:
        for name, words in backends.commands().items():
            if args.filters and name not in args.filters:
                continue
            run = Run(name, words, count, folder)
            more = backends.signed() if name == "dkimverify" else []
            run.go(shares(SIZES + OVERLONG + more))
            failed = failed or bool(run.faults)
            print("not ok" if run.faults else "ok",
                  f"- soak {name}: {count} messages")
            for fault in run.faults:
                print("# " + fault.replace("\n", "\n# "))
            if hasattr(run, "result"):
                print("# " + run.row(), flush=True)
    finally:
        for said in backends.close():
            print("# rspamd stub: " + said.replace("\t", " "))
        shutil.rmtree(folder)
    return failed


if __name__ == "__main__":
    sys.exit(main())
