"""Messages go through filter-rspamd byte for byte."""

from lib import check, mail
from lib.case import Case
from lib.shapes import SHAPES
from lib.smtpd import Smtpd

MB = 1_000_000
PEAK_MIB = 20


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
    case.small_peak("filter-rspamd", PEAK_MIB)
    got = mta.mail()
    check.same_bytes("body", mail.split(got.message)[1], mail.split(sent)[1])


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
