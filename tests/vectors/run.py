"""All messages of tests/fixtures/vectors, through the filter protocol and
through --check; prints TAP."""

import subprocess
import sys

import zone
from pipe import Filter, message_lines, results
from report import Report

PROGRAM = str(zone.TESTS.parent / "filter-dkimverify/filter-dkimverify")
CHECKED = 8                     # signatures that are checked by default


def is_expected(got: str, want: str) -> bool:
    if want.startswith("pass*25"):
        # 25 signatures: those over the limit are not checked
        return got.split(",") == ["pass"] * CHECKED + ["policy"] * 17
    found, wanted = got.split(","), want.split(",")
    return len(found) == len(wanted) and all(
        result in choices.split("|")
        for result, choices in zip(found, wanted))


def cases() -> list[tuple[str, str, bytes]]:
    found = []
    for line in (zone.VECTORS / "cases.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            name, want = line.split("\t")[:2]
            raw = (zone.VECTORS / "msg" / f"{name}.eml").read_bytes()
            found.append((name, want, raw))
    return found


def is_unchanged(lines: list[bytes], raw: bytes) -> bool:
    """Is everything below the added field as it came?"""
    sent = message_lines(raw)
    return lines[len(lines) - len(sent):] == sent


def through_pipe(report: Report, server: str) -> None:
    filter_ = Filter(PROGRAM, "-r", server)
    waiting = [(*case, filter_.start(case[2])) for case in cases()]
    for name, want, raw, sid in waiting:
        reply = filter_.finish(sid)
        problem = ""
        if reply.verdict != "proceed":
            problem = f"verdict {reply.verdict}"
        elif not is_expected(reply.results, want):
            problem = f"expected {want}\n     got {reply.results}"
        elif not is_unchanged(reply.lines, raw):
            problem = "the message was changed"
        report.case(f"vector {name}", problem)
    status = filter_.stop()
    report.case("vectors: the filter ends well",
                "" if status == 0 else f"status {status}\n{filter_.said()}")


def through_check(report: Report, server: str) -> None:
    for name, want, raw in cases():
        done = subprocess.run([PROGRAM, "-q", "-r", server, "--check", "-"],
                              input=raw, capture_output=True, timeout=60,
                              check=False)
        got = results(done.stdout)
        passes = "pass" in got.split(",")
        temp = not passes and got.startswith("temperror")
        status = 0 if passes else 75 if temp else 1
        problem = ""
        if not is_expected(got, want):
            problem = f"expected {want}\n     got {got}"
        elif done.returncode != status:
            problem = f"exit status {done.returncode}, expected {status}"
        if problem:
            problem += "\n" + done.stderr.decode("utf-8", "replace")
        report.case(f"vector {name} by --check", problem)


def main() -> int:
    dns, server = zone.start()
    zone.load(dns)
    report = Report()
    try:
        through_pipe(report, server)
        through_check(report, server)
    finally:
        dns.stop()
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
