#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Measures our filters beside their peers and beside the physical limit.

make bench, or make bench QUICK=1.  See README.md in this folder.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

import measure
import real
import report
import stubs
from measure import BIN, QUICK, Program, compare, note

KB, MB = 1000, 1000000
SIZES = [(2 * KB, "2 KB"), (50 * KB, "50 KB"), (MB, "1 MB")]
BIG = 30 * MB
SESSIONS = [1, 100] if QUICK else [1, 100, 1000]
GROWTH = [1, 4, 16]
TURNS = 8


class Bench:
    """All programs of one run, and the rows they gave."""

    def __init__(self, folder):
        self.rows = []      # (group, case, program, result)
        self.skipped = []
        self.keys, records = stubs.make_keys(folder)
        self.records = records
        self.folder = folder
        self.dns = stubs.Dns(records)
        self.dns.start()
        self.http = {0: stubs.Http(0), 20: stubs.Http(20)}
        self.limit = Program("echo", f"{BIN}/bench-echo hold", "exact")
        self.line = Program("echo-line", f"{BIN}/bench-echo line", "exact")

    def ours(self, name, program, options, expect="add"):
        path = os.path.join(measure.TOP, program)
        if not os.access(path, os.X_OK):
            self.skip(f"{name}: {program} is not built")
            return []
        return [Program(name, f"{path} {options}", expect)]

    def peer(self, name, package, program, options):
        path = measure.debian_path(package, program)
        if path is None:
            self.skip(f"{name}: package {package} is not installed")
            return []
        return [Program(name, f"{path} {options}", peer=True)]

    def skip(self, why):
        if why not in self.skipped:
            self.skipped.append(why)
            note("skipped: " + why)

    def add(self, group, case, programs, options, **more):
        note(f"{group}: {case}")
        for name, result in compare(programs, options, **more).items():
            self.rows.append((group, case, name, result))

    def engine(self):
        return self.ours("engine", "tests/bin/filter-sample", "")

    def rspamd(self, delay=0):
        url = f"-url http://127.0.0.1:{self.http[delay].port}"
        # The peer has no such limit.
        many = " --max-scans 1000" if delay else ""
        return self.ours("rspamd", "filter-rspamd/filter-rspamd", url + many)

    def rspamd_peer(self, delay=0):
        url = f"-url http://127.0.0.1:{self.http[delay].port}"
        return self.peer("rspamd-go", "opensmtpd-filter-rspamd",
                         "filter-rspamd", url)

    def dkimsign(self, kind):
        table = os.path.join(self.folder, "keytable")
        with open(table, "w", encoding="ascii") as out:
            out.write(f"example.net s1 {self.keys['rsa']}\n"
                      f"example.net s1e {self.keys['ed25519']}\n")
        options = {
            "rsa": f"-d example.net -s s1 -k {self.keys['rsa']}",
            "ed25519": "-a ed25519-sha256 -d example.net -s s1e "
                       f"-k {self.keys['ed25519']}",
            "both": f"-K {table}"}[kind]
        return self.ours(f"dkimsign-{kind}", "filter-dkimsign/filter-dkimsign",
                         options)

    def dkimsign_peer(self, kind):
        return self.peer(f"dkimsign-0.5-{kind}", "opensmtpd-filter-dkimsign",
                         "filter-dkimsign",
                         f"-a {kind}-sha256 -d example.net -s s1 "
                         f"-k {self.keys[kind]}")

    def dkimverify(self):
        return self.ours("dkimverify", "filter-dkimverify/filter-dkimverify",
                         f"-r 127.0.0.1@{self.dns.port} mx.example.org")

    def close(self):
        for http in self.http.values():
            http.close()


def matrix(b, group, programs, quick_sizes=(2 * KB, 50 * KB, MB)):
    """Sizes by sessions."""
    for size, name in SIZES:
        if QUICK and size not in quick_sizes:
            continue
        for sessions in SESSIONS:
            if size * sessions > (10 * MB if QUICK else 100 * MB) or \
                    (sessions == 1000 and size > 2 * KB):
                continue
            # Peers take 10 s and more for the largest; one at a time says it.
            b.add(group, f"{name} x {sessions}",
                  [p for p in programs
                   if not p.peer or size * sessions <= 10 * MB],
                  {"size": size, "sessions": sessions})
    if not QUICK:
        b.add(group, "30 MB x 1", [p for p in programs if not p.peer],
              {"size": BIG, "sessions": 1}, pilot=2)


def engine(b):
    # The sample filter wants to know each recipient, so its limit does too.
    limit = Program("echo", b.limit.command + " rcpt-to", "exact")
    matrix(b, "engine", [limit] + b.engine())


def rspamd(b):
    matrix(b, "rspamd", b.rspamd() + b.rspamd_peer(), (2 * KB, MB))
    for sessions in (100, 1000):
        if QUICK and sessions > 100:
            continue
        b.add("rspamd", f"20 ms replies, 2 KB x {sessions}",
              b.rspamd(20) + b.rspamd_peer(20),
              {"size": 2 * KB, "sessions": sessions,
               "rate": 1500 if sessions == 100 else 3000,
               "seed": 2}, pilot=1000 if QUICK else 6000)


def dkimsign(b):
    for kind in ("rsa", "ed25519"):
        # The peer takes seconds for 1 MB.
        matrix(b, f"dkimsign {kind}",
               b.dkimsign(kind) + b.dkimsign_peer(kind),
               (50 * KB,) if kind == "ed25519" else (2 * KB, MB))
    if QUICK:
        return
    matrix(b, "dkimsign both", b.dkimsign("both"))


def signed_files(b, size, selectors, copies):
    files = []
    for copy in range(copies):
        path = os.path.join(b.folder, f"signed-{size}-{len(selectors)}"
                            f"-{selectors[0] if selectors else 'none'}-{copy}")
        stubs.sign(path, stubs.message(size), b.keys,
                   [s.replace("#", str(copy)) for s in selectors])
        files.append(path)
    return files


def opendkim_loop(b, case, path, kind):
    run = subprocess.run(
        [f"{BIN}/bench-opendkim", "verify",
         str(max(3, 40 * MB // (os.path.getsize(path) + 40 * KB))), path,
         b.records[kind]],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        check=False)
    if run.returncode != 0:
        measure.faults.append(f"opendkim {case}: {run.stderr}")
        return
    b.rows.append(("dkimverify", case, "opendkim", measure.parse(run.stdout)))


def dkimverify(b):
    cases = [("no signature", []), ("RSA", ["c1"]), ("Ed25519", ["c1e"]),
             ("3 RSA", ["c1", "c2", "c3"]), ("RSA not cached", ["n#"])]
    for size, name in SIZES:
        for what, selectors in cases:
            if QUICK and (size > 50 * KB or what.startswith("3") or
                          (size > 2 * KB and what != "RSA")):
                continue
            files = signed_files(b, size, selectors, 8 if size < MB else 1)
            for sessions in SESSIONS if size == 2 * KB else SESSIONS[:2]:
                case = f"{what}, {name} x {sessions}"
                b.add("dkimverify", case, b.dkimverify(),
                      {"size": size, "sessions": sessions, "signed": files})
                if what in ("RSA", "Ed25519"):
                    opendkim_loop(b, case, files[0],
                                  "rsa" if what == "RSA" else "ed25519")
    if not QUICK:
        b.add("dkimverify", "RSA, 30 MB x 1", b.dkimverify(),
              {"size": BIG, "sessions": 1,
               "signed": signed_files(b, BIG, ["c1"], 1)}, pilot=2)


def limit_cases(b):
    """(case, programs, options, messages) of what libcrypto limits.

    What has all cores to itself comes first, next to openssl on all cores, and
    takes two seconds, which is longer than most of what disturbs it.
    """
    signed = signed_files(b, 2 * KB, ["c1"], 8)
    cases = []
    for n, some, many in ((100, 12000, 40000), (1, 1500, 6000)):
        at = {"size": 2 * KB, "sessions": n}
        cases += [(f"sign x {n}", b.dkimsign("rsa"), at, some),
                  (f"verify x {n}", b.dkimverify() + [b.limit],
                   dict(at, signed=signed), many)]
    workers = [Program(f"{n}-workers", f"{p.command} --workers {n}")
               for p in b.dkimsign("rsa") for n in (1, 2)]
    return cases + [("workers", workers,
                     {"size": 2 * KB, "sessions": 100}, 12000)]


def limits(b):
    """What libcrypto limits, in turns with openssl itself."""
    cases = limit_cases(b)
    for turn in range(1 if QUICK else TURNS):
        note(f"limits: turn {turn + 1}")
        for name, per_second in measure.openssl_speed().items():
            b.rows.append((f"limits {turn}", name, "openssl",
                           {"msg_s": per_second}))
        for case, programs, options, messages in cases:
            found = compare(programs, options, repeats=1,
                            pilot=messages // 8 if QUICK else messages)
            for name, result in found.items():
                b.rows.append((f"limits {turn}", case, name, result))


def everybody(b):
    programs = ([b.limit] + b.engine() + b.rspamd() + b.rspamd_peer() +
                b.dkimsign("ed25519") + b.dkimsign_peer("ed25519") +
                b.dkimverify())
    return [p for p in programs if not (QUICK and p.peer)]


def alone(b):
    """One message at a time, nothing else: what the filter adds."""
    b.add("alone", "2 KB", everybody(b), {"size": 2 * KB},
          pilot=100 if QUICK else 400, repeats=1 if QUICK else 7)


def memory(b):
    programs = everybody(b)
    b.add("memory", "5000 idle sessions", programs,
          {"size": 2 * KB, "idle": 5000}, pilot=20, repeats=1)
    if QUICK:
        return
    b.add("memory", "200 sessions, 1 MB each", programs,
          {"size": MB, "sessions": 200, "timeout": 60}, repeats=1)
    b.add("memory", "1000 sessions, 1 MB each",
          [p for p in programs if not p.peer],
          {"size": MB, "sessions": 1000, "timeout": 60}, repeats=1)


def smtpd(b):
    """A real smtpd with one filter: is the filter what it waits for?"""
    if QUICK:
        b.skip("smtpd: not in a quick run")
        return
    programs = [(p.name, p.command) for p in [b.limit] + b.engine()]
    note("smtpd: 20 MB")
    times, why = real.measure_all(programs, 2)
    if times is None:
        b.skip("smtpd: " + why)
        return
    if why:
        measure.faults.append("smtpd: " + why)
    for name, seconds in times.items():
        b.rows.append(("smtpd", "20 MB", name, {"seconds": seconds}))


def growth(b):
    """Cost per unit when one thing grows: it must not."""
    programs = b.engine()
    if not QUICK:
        programs += b.rspamd() + b.dkimsign("ed25519") + b.dkimverify()
    base = 4 if QUICK else 1
    for factor in GROWTH:
        n = factor * 64 // base
        for what, options, units in (
                ("bytes", {"size": n * KB}, n * KB),
                ("lines", {"size": 256 * KB, "lines": 1024 // factor},
                 250 * factor),
                ("fields", {"headers": n * 1900 // 1024}, n * 1900 // 1024),
                ("recipients", {"rcpts": n * 1000 // 1024, "sessions": 20},
                 n * 1000 // 1024),
                ("sessions", {"sessions": n * 1000 // 1024}, 1)):
            if QUICK and what in ("lines", "recipients"):
                continue
            note(f"growth: {what} {factor}x")
            # The DKIM filters do not hear of recipients.
            hear = [p for p in programs
                    if what != "recipients" or "dkim" not in p.name]
            results = compare(hear, options, repeats=REPEATS_GROWTH)
            for name, result in results.items():
                result["unit_ns"] = result["cpu_us_msg"] * 1000 / units
                result["units"] = float(units)
                b.rows.append(("growth", f"{what} {factor}x", name, result))


REPEATS_GROWTH = 1 if QUICK else 2
PARTS = {"engine": engine, "rspamd": rspamd, "dkimsign": dkimsign,
         "dkimverify": dkimverify, "limits": limits, "alone": alone,
         "memory": memory, "growth": growth, "smtpd": smtpd}


def main():
    """Runs all parts, or those that are named."""
    start = time.monotonic()
    folder = tempfile.mkdtemp(prefix="bench.")
    os.chmod(folder, 0o700)
    b = Bench(folder)
    try:
        for part in sys.argv[1:] or PARTS:
            try:
                PARTS[part](b)
            except Exception:           # pylint: disable=broad-except
                # What the other parts found is not lost.
                measure.faults.append(part + ": " + traceback.format_exc())
    finally:
        b.close()
        shutil.rmtree(folder)
    report.write(b.rows, b.skipped, time.monotonic() - start,
                 not sys.argv[1:])
    for fault in measure.faults:
        print("FAULT: " + fault)
    return 1 if measure.faults else 0


if __name__ == "__main__":
    sys.exit(main())
