# SPDX-License-Identifier: ISC
"""Runs the synthetic smtpd against filters; takes the best of some runs."""
import os
import re
import statistics
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BIN = os.path.join(TOP, "tests/bin")
QUICK = os.environ.get("QUICK", "") not in ("", "0")
SECONDS = 0.15 if QUICK else 0.3    # one run, about
REPEATS = 1 if QUICK else 3
COUNT_MAX = 60000
LIMIT = 240                         # seconds until a run counts as hung

faults = []         # of our programs: the run has failed
peer_faults = []    # of peers: their row is missing


class Program:
    """A filter: its name in the tables and the command smtpd starts."""

    def __init__(self, name, command, expect="add", peer=False):
        self.name = name
        self.peer = peer
        self.command = command
        self.expect = expect


def debian_path(package, program):
    """Path of a program in an installed package, or None."""
    run = subprocess.run(["dpkg", "-L", package], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True, check=False)
    for line in run.stdout.splitlines():
        if line.endswith("/" + program) and os.access(line, os.X_OK) and \
                os.path.isfile(line):
            return line
    return None


def version(package):
    run = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         text=True, check=False)
    return run.stdout or "none"


def parse(text):
    """The key=value line that the bench programs print."""
    result = {}
    for field in text.strip().split("\t"):
        key, _, value = field.partition("=")
        try:
            result[key] = float(value)
        except ValueError:
            result[key] = value
    return result


def blame(program, why):
    (peer_faults if program.peer else faults).append(f"{program.name} {why}")


def once(program, count, options):
    """One run; None if the filter did something wrong."""
    args = [os.path.join(BIN, "bench-smtpd"), "--expect", program.expect,
            "--count", str(count)]
    for key, value in options.items():
        if isinstance(value, (list, tuple)):
            for one in value:
                args += ["--" + key, str(one)]
        else:
            args += ["--" + key, str(value)]
    args.append(program.command)
    try:
        run = subprocess.run(args, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, check=False,
                             timeout=LIMIT, errors="replace")
    except subprocess.TimeoutExpired:
        blame(program, f"{options}: no end after {LIMIT} s")
        return None
    if run.returncode != 0:
        blame(program, f"{options}: {run.stderr[:1500]}")
        return None
    return parse(run.stdout)


def fit(program, options, pilot):
    """How many messages take about SECONDS."""
    result = once(program, pilot, options)
    if result is None:
        return None, None
    seconds = max(result["seconds"], 1e-6)
    if seconds > SECONDS / 2:
        return pilot, result
    count = int(pilot * SECONDS / seconds)
    return max(pilot, min(count, COUNT_MAX)), result


BEST = {"cpu_us_msg": min, "cpu_ns_byte": min, "own_us_msg": min,
        "msg_s": max, "mb_s": max, "pipe_mb_s": max}


def best(results):
    """The best rate and CPU of some runs, and medians of all else.

    What else a machine does makes a run slower, never faster; the best is
    what openssl speed is asked for, too.
    """
    keys = [key for key, value in results[0].items()
            if isinstance(value, float)]
    return {key: BEST.get(key, statistics.median)(
                [r[key] for r in results if key in r])
            for key in keys}


def compare(programs, options, pilot=0, repeats=0):
    """Runs all programs in turn, several times: name to results.

    Taking turns spreads what else the machine does over all of them.
    """
    repeats = repeats or REPEATS
    sessions = options.get("sessions", 1)
    size = options.get("size", 2048)
    pilot = max(pilot or 40000000 // (size + 400000), sessions)
    counts, results = {}, {}
    for turn in range(repeats):
        for program in programs:
            if turn == 0:
                counts[program.name], first = fit(program, options, pilot)
                if first is None:
                    continue
                results[program.name] = []
                if counts[program.name] == pilot:
                    results[program.name].append(first)
                    continue
            if program.name not in results:
                continue
            if first_is_long(results[program.name]):
                continue
            result = once(program, counts[program.name], options)
            if result is not None:
                results[program.name].append(result)
    return {name: best(r) for name, r in results.items() if r}


def first_is_long(results):
    """Runs of more than 2 s are not repeated."""
    return bool(results) and results[0]["seconds"] > 2


def openssl(*options):
    return subprocess.run(["openssl", "speed", "-seconds", "1", *options],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=False).stdout


def openssl_speed():
    """What openssl does in a second: RSA in one process and in one for each
    core, and megabytes of SHA-256."""
    speed = {}
    cores = str(len(os.sched_getaffinity(0)))
    for name, options in (("", []), ("_all", ["-multi", cores])):
        found = re.search(r"rsa\s+2048 bits.*?([\d.]+)\s+([\d.]+)$",
                          openssl(*options, "rsa2048"), re.M)
        if found:
            speed["rsa_sign" + name] = float(found.group(1))
            speed["rsa_verify" + name] = float(found.group(2))
    found = re.search(r"^sha256\s+([\d.]+)k",
                      openssl("-bytes", "16384", "-evp", "sha256"),
                      re.I | re.M)
    if found:
        speed["sha256_mb"] = float(found.group(1)) / 1000
    return speed


def note(text):
    print(text, file=sys.stderr, flush=True)
