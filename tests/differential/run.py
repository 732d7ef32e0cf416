"""filter-dkimverify, dkimpy and Mail::DKIM on the same random messages.

usage: run.py [-n COUNT] [-s SEED] [--show NUMBER]
Prints TAP.  Where the three disagree, the reading of the RFC that makes ours
right must stand in rules.py, or the test fails.
"""

import argparse
import collections
import json
import subprocess
import sys
import threading
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "vectors"))

import zone as dns_zone  # noqa: E402
from pipe import Filter, Reply  # noqa: E402
from report import Report  # noqa: E402

from generate import Case, Generator, Keys  # noqa: E402
from rules import reason  # noqa: E402

HERE = Path(__file__).resolve().parent
PROGRAM = str(TESTS.parent / "filter-dkimverify/filter-dkimverify")
PEERS = {"dkimpy": [sys.executable, str(HERE / "dkimpy.py")],
         "Mail::DKIM": ["perl", str(HERE / "mail-dkim.pl")]}
SHOWN = 20                      # disagreements that are printed in full


def ask_peer(name: str, zone: dict[str, bytes], cases: list[Case],
             answers: dict[str, list[str]]) -> None:
    """Runs one peer over all cases."""
    with subprocess.Popen(PEERS[name], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        text = {n: t.decode("latin-1") for n, t in zone.items()}

        def write() -> None:
            process.stdin.write(json.dumps(text).encode() + b"\n")
            for case in cases:
                wire = case.raw.replace(b"\n", b"\r\n")
                process.stdin.write(b"%d\n" % len(wire) + wire)
            process.stdin.close()

        writer = threading.Thread(target=write)
        writer.start()
        answers[name] = [line.decode("utf-8", "replace").rstrip("\n")
                         for line in process.stdout]
        writer.join()


def ask_filter(server: str, cases: list[Case]) -> list[str]:
    filter_ = Filter(PROGRAM, "-q", "-r", server, window=200)
    pending: collections.deque[bytes] = collections.deque()
    answers = []

    def take() -> None:
        reply: Reply = filter_.finish(pending.popleft())
        answers.append(reply.results)

    for case in cases:
        pending.append(filter_.start(case.raw))
        if len(pending) > 150:
            take()
    while pending:
        take()
    if filter_.stop() != 0:
        raise AssertionError(filter_.said())
    return answers


def ask_all(cases: list[Case], zone: dict[str, bytes]) -> dict[str, list[str]]:
    dns, server = dns_zone.start()
    for name, text in zone.items():
        dns.add(name, text)
    answers: dict[str, list[str]] = {}
    threads = [threading.Thread(target=ask_peer,
                                args=(name, zone, cases, answers))
               for name in PEERS]
    for thread in threads:
        thread.start()
    answers["filter"] = ask_filter(server, cases)
    for thread in threads:
        thread.join()
    dns.stop()
    return answers


def compare(cases: list[Case],
            answers: dict[str, list[str]]) -> tuple[list[str], dict]:
    """What is not explained, as text, and how often each rule was used."""
    unexplained, used = [], collections.Counter()
    for case, ours in zip(cases, answers["filter"]):
        our_pass = "pass" in ours.split(",")
        at = case.number - cases[0].number
        if case.valid is not None and case.valid != our_pass:
            unexplained.append(
                f"case {case.number} {sorted(case.features)}: the signer "
                f"thinks {case.valid}, the filter says {ours}")
        for peer in PEERS:
            theirs = answers[peer][at]
            if (theirs == "pass") == our_pass:
                continue
            why = reason(case, peer, our_pass, theirs)
            used[(peer, why)] += 1
            if why is None:
                unexplained.append(
                    f"case {case.number} {sorted(case.features)}: "
                    f"the filter says {ours}, {peer} {theirs}")
    return unexplained, used


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("-s", type=int, default=1)
    parser.add_argument("--show", type=int)
    options = parser.parse_args()
    generator = Generator(Keys(dns_zone.VECTORS / "keys"), options.s)
    if options.show is not None:
        case = generator.make(options.show)
        print(case.features, case.valid)
        sys.stdout.buffer.write(case.raw)
        return 0
    cases = [generator.make(i) for i in range(options.n)]
    answers = ask_all(cases, generator.zone)
    report = Report()
    for peer in PEERS:
        report.case(f"{peer} answered {options.n} messages",
                    "" if len(answers[peer]) == options.n else
                    f"{len(answers[peer])} answers")
    unexplained, used = compare(cases, answers)
    report.case(f"{options.n} messages of seed {options.s}: no disagreement "
                "without a reason",
                "\n".join([f"{len(unexplained)} unexplained",
                           *unexplained[:SHOWN]]) if unexplained else "")
    passed = sum("pass" in a for a in answers["filter"])
    report.case("enough of them pass and fail",
                "" if 0.2 < passed / options.n < 0.8 else f"{passed} pass")
    for (peer, why), count in sorted(used.items(), key=str):
        print(f"# {count:5} times {peer}: {why}")
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
