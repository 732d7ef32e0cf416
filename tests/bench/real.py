#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Times one large message through a real smtpd with one filter.

The machinery is that of tests/e2e: namespaces, so that no installed smtpd is
seen or touched.  Inside: prints NAME and seconds, a line for each program.
"""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import stubs
from measure import TOP

sys.path.insert(0, os.path.join(TOP, "tests/e2e"))
from lib import smtp, smtpd, space  # noqa: E402

SIZE = 20000000
LINE = b"One line of a long message, about as long as lines usually are here.\r\n"
OWNER = "opensmtpd"     # the user whom Debian's smtpd starts filters as


def text():
    head = (b"Date: Sun, 22 Nov 2026 10:06:02 +0000\r\n"
            b"From: Sender <sender@example.net>\r\nTo: <u1@example.org>\r\n"
            b"Subject: large\r\nMessage-ID: <1@example.net>\r\n\r\n")
    return head + LINE * (SIZE // len(LINE)) + b".\r\n"


def send(mta, wire):
    """Seconds from the first byte of the message to the reply."""
    with smtp.Client(mta.port, timeout=120) as client:
        client.ehlo()
        client.cmd("MAIL FROM:<sender@example.net>", 250)
        client.cmd("RCPT TO:<u1@example.org>", 250)
        start = time.monotonic()
        reply = client.data(wire)
        seconds = time.monotonic() - start
        if reply.code != 250:
            raise AssertionError(f"message refused: {reply}")
    for path in mta.paths():
        path.unlink()
    return seconds


def inside(work, repeats, programs):
    space.enter(work)
    keys = work / "keys"
    keys.mkdir()
    stubs.make_keys(str(keys))
    for path in [keys, *keys.iterdir()]:
        shutil.chown(path, OWNER)
    times = {}
    for _ in range(repeats):
        for number, program in enumerate(programs):
            name, _, command = program.partition("=")
            here = work / f"{number}"
            shutil.rmtree(here, ignore_errors=True)
            here.mkdir()
            here.chmod(0o755)
            mta = smtpd.Smtpd(smtpd.Setup(
                here, filters=[command.replace("KEYS", str(keys))]))
            wire = text()
            send(mta, wire)
            times.setdefault(name, []).append(
                min(send(mta, wire) for _ in range(2)))
            mta.stop()
    for name, seconds in times.items():
        print(f"{name}\t{statistics.median(seconds):.4f}")


def measure_all(programs, repeats):
    """Name to seconds; (None, reason) if it cannot be done here."""
    reason = space.reason_against()
    if not reason and shutil.which("smtpd") is None:
        reason = "smtpd is not installed"
    if reason:
        return None, reason
    work = tempfile.mkdtemp(prefix="bench-smtpd.")
    os.chmod(work, 0o755)
    try:
        run = subprocess.run(
            space.command([sys.executable, os.path.abspath(__file__), work,
                           str(repeats)] +
                          [f"{name}={command}" for name, command in programs]),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            check=False, timeout=300)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if run.returncode != 0:
        return {}, run.stderr[-800:]
    return {line.split("\t")[0]: float(line.split("\t")[1])
            for line in run.stdout.splitlines()}, ""


if __name__ == "__main__":
    inside(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
