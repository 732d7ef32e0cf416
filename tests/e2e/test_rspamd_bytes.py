"""Messages go through filter-rspamd byte for byte."""

from lib import check, mail, proc
from lib.case import Case
from lib.shapes import SHAPES
from lib.smtpd import Smtpd

MB = 1_000_000
PEAK_MIB = 20
# What smtpd takes as content of a filter's data line.
LONGEST_OWN, LONGEST_NEXT = 1997, 65485


def start(case: Case, *args: str) -> Smtpd:
    """The stub finds everything clean and wants no change."""
    return case.smtpd_rspamd("-url", case.stub().url, *args)


def test_odd_shapes(case: Case) -> None:
    mta = start(case)
    for name, sent in SHAPES.items():
        check.equal(f"reply code for {name}", mta.submit(sent).code, 250)
        mail.same_message(mta.mail(), sent)


def test_rspamd_sees_the_bytes_sent(case: Case) -> None:
    stub = case.stub()
    mta = case.smtpd_rspamd("-url", stub.url)
    sent = mail.message(body=b".dot\n..dots\n\xe9\n\n")
    check.equal("reply code", mta.submit(sent).code, 250)
    seen = stub.seen[0].body
    check.same_bytes("message in the request",
                     seen[seen.index(b"From: "):],
                     sent.replace(b"\n", b"\r\n"))
    check.matches("top of the request", seen, rb"\AReceived: from ")


def test_30_mb_in_little_memory(case: Case) -> None:
    rspamd = case.rspamd(options="max_message = 50M;\n")
    mta = case.smtpd_rspamd("-url", rspamd.url)
    line = bytes(range(33, 127)).replace(b".", b"")
    sent = mail.message(body=(line + b"\n") * (30 * MB // (len(line) + 1)))
    check.equal("reply code", mta.submit(sent).code, 250)
    peak = proc.peak_mib(case.filter_pid())
    got = mta.mail()
    check.same_bytes("body", mail.split(got.message)[1], mail.split(sent)[1])
    check.at_most("peak resident MiB of the filter", peak, PEAK_MIB)


def limit(case: Case) -> int:
    return LONGEST_NEXT if case.is_next else LONGEST_OWN


def test_longest_line_that_passes(case: Case) -> None:
    mta = start(case)
    sent = mail.message(body=b"x" * limit(case) + b"\n."
                        + b"y" * (limit(case) - 2) + b"\nend\n")
    check.equal("reply code", mta.submit(sent).code, 250)
    mail.same_message(mta.mail(), sent)


def test_65_kb_line_is_split(case: Case) -> None:
    """The dots make pieces that need stuffing wherever the cut falls."""
    mta = start(case)
    line = b"." * 65_000 + b"z" * 533
    sent = mail.message(body=b"before\n" + line[1:] + b"\nafter\n")
    check.equal("reply code", mta.submit(sent).code, 250)
    lines = mail.split(mta.mail().message)[1].split(b"\n")
    check.equal("first line", lines[0], b"before")
    check.equal("last lines", lines[-2:], [b"after", b""])
    check.same_bytes("pieces of the line", b"".join(lines[1:-2]), line[1:])
    check.at_most("longest piece", max(map(len, lines)), limit(case))
    check.at_least("pieces", len(lines[1:-2]), 65_532 // limit(case))


def test_long_lines_can_be_refused(case: Case) -> None:
    mta = start(case, "--long-lines", "reject")
    reply = mta.submit(mail.message(body=b"x" * 65_533 + b"\n"))
    check.matches("reply", reply.text, r"^550 5\.6\.0 ")
    mta.nothing_delivered()


def test_1000_recipients(case: Case) -> None:
    stub = case.stub()
    mta = case.smtpd_rspamd("-url", stub.url)
    rcpts = tuple(f"u{i}@example.org" for i in range(1000))
    sent = mail.message()
    check.equal("reply code", mta.submit(sent, rcpts=rcpts).code, 250)
    check.equal("recipients told to rspamd", stub.seen[0].values("Rcpt"),
                [f"<{rcpt}>" for rcpt in rcpts])
    got = mta.mails(1000, seconds=60)
    check.equal("recipients delivered to", {m.rcpt for m in got}, set(rcpts))
    for message in got:
        mail.same_message(message, sent)
