"""A filter that reads what smtpd sent from its stdin, all at once."""

import socket
import subprocess

from cases import ROOT, TIMEOUT, run, status, test


SID, MSG = "00000000000000a1", "0102aabb"


def converse(*lines: str) -> bytes:
    """A session that has begun, and these lines of it."""
    begin = ["config|ready",
             "report|0.7|1.0|smtp-in|link-connect|SID|h|pass|"
             "192.0.2.1:1|192.0.2.2:25"]
    text = "".join(line + "\n" for line in (*begin, *lines))
    return text.replace("SID", SID).replace("MSG", MSG).encode()


def transcript(pad: int, *after: str) -> bytes:
    """A message in one piece, with pad bytes of text; what follows it."""
    lines = [f"filter|0.7|1.0|smtp-in|data-line|SID|SID|{text}"
             for text in ("From: a@example.net", "", "x" * pad, ".")]
    return converse("report|0.7|1.0|smtp-in|tx-begin|SID|MSG", *lines, *after)


@test("a transcript in one piece is answered as a whole")
def transcripts() -> None:
    after = ["filter|0.7|1.0|smtp-in|commit|SID|SID|",
             "report|0.7|1.0|smtp-in|tx-commit|SID|MSG|9",
             "report|0.7|1.0|smtp-in|tx-reset|SID|MSG",
             "report|0.7|1.0|smtp-in|link-disconnect|SID"]
    dot = f"filter-dataline|{SID}|{SID}|.\n".encode()
    for n in range(len(after) + 1):
        got = run("filter-dkimverify", "mx.example.org",
                  stdin=transcript(9, *after[:n]))
        status(got, 0)
        assert dot in got.stdout, (n, got.stdout)
        assert (b"|proceed\n" in got.stdout) == (n > 0), (n, got.stdout)


@test("the end of stdin in the same turn as a dot")
def end_of_input() -> None:
    # The first read fills its buffer to the end of the last line.
    room = 256 * 1024
    text = transcript(9)
    while len(text) < room:
        left = room - len(text)
        n = 1000 if left > 1100 else left
        text = b"config|fill|".ljust(n - 1, b"y") + b"\n" + text
    assert len(text) == room
    ours, its = socket.socketpair()
    with ours, its:
        # SO_SNDBUFFORCE
        ours.setsockopt(socket.SOL_SOCKET, 32, 4 * room)
        ours.sendall(text)
        ours.shutdown(socket.SHUT_WR)
        got = subprocess.run(
            [ROOT / "filter-dkimverify" / "filter-dkimverify", "mx"],
            stdin=its, capture_output=True, timeout=TIMEOUT, check=False)
    status(got, 0)
    assert got.stdout.endswith(f"|{SID}|.\n".encode()), got.stdout[-200:]


SILENT = {
    "a commit without a message": [
        "report|0.7|1.0|smtp-in|tx-begin|SID|MSG",
        "filter|0.7|1.0|smtp-in|commit|SID|SID|"],
    "a message without its dot": [
        "report|0.7|1.0|smtp-in|tx-begin|SID|MSG",
        "filter|0.7|1.0|smtp-in|data-line|SID|SID|a",
        "filter|0.7|1.0|smtp-in|commit|SID|SID|"],
    "a transaction in the middle of another": [
        "report|0.7|1.0|smtp-in|tx-begin|SID|MSG",
        "filter|0.7|1.0|smtp-in|data-line|SID|SID|a",
        "report|0.7|1.0|smtp-in|tx-begin|SID|0102aabc",
        "filter|0.7|1.0|smtp-in|data-line|SID|SID|b",
        "filter|0.7|1.0|smtp-in|data-line|SID|SID|.",
        "filter|0.7|1.0|smtp-in|commit|SID|SID|"],
}


@test("no message gets 451 without a line in the log")
def told() -> None:
    for what, lines in SILENT.items():
        got = run("filter-dkimverify", "mx.example.org", stdin=converse(*lines))
        status(got, 0)
        assert b"|reject|451 " in got.stdout, (what, got.stdout)
        assert b"it gets 451" in got.stderr, (what, got.stderr)
