"""The three filters together: signed going out, checked coming in."""

import re

from lib import check, dns, load, mail
from lib.case import Case
from lib.signer import Keys
from lib.smtpd import Smtpd

DOMAIN = "example.net"          # of mail.message()'s author
OURS = "mx.example.org"
PASS = rf"{OURS}; dkim=pass header\.d={re.escape(DOMAIN)} .*header\.s=sel "


def start(case: Case) -> Smtpd:
    keys = Keys(case)
    keys.make("sel", domain=DOMAIN)
    keys.write(f"{DOMAIN} sel sel.{DOMAIN}.key")
    server = case.keep(dns.Dns())
    for name, text in keys.records.items():
        server.add(name, text)
    return case.smtpd(
        case.filter("filter-dkimverify", "-r", "127.0.0.1"),
        case.filter("filter-rspamd", "--url", case.rspamd().url),
        out_filters=[case.filter("filter-dkimsign", "-K", str(keys.table))])


def signed(mta: Smtpd, sent: bytes) -> bytes:
    """The message as it leaves us: sent by a user, signed."""
    reply = mta.submit(sent, port=mta.out_port)
    check.equal("reply code to our user", reply.code, 250)
    got = mta.mail()
    check.equal("fields on top", [mail.name(f) for f in mail.fields(
        got.above + b"\n")], ["dkim-signature"])
    return got.above + got.message


def results(mta: Smtpd, message: bytes) -> list[str]:
    check.equal("reply code", mta.submit(message).code, 250)
    got = mta.mail()
    check.same_bytes("body", mail.split(got.message)[1],
                     mail.split(message)[1])
    return mail.values(got.above + b"\n", "Authentication-Results")


def test_signed_and_verified(case: Case) -> None:
    mta = start(case)
    message = signed(mta, mail.message())
    found = results(mta, message)
    check.equal("number of results", len(found), 1)
    check.matches("result", found[0], PASS)


def test_changed_on_the_way(case: Case) -> None:
    mta = start(case)
    message = signed(mta, mail.message(body=b"Pay 100 to me.\n"))
    for what, new in {
            "body": message.replace(b"Pay 100", b"Pay 900"),
            "subject": message.replace(b"Subject: H", b"Subject: J"),
            "second From": b"From: x@example.net\n" + message}.items():
        found = results(mta, new)
        check.matches(f"result after a change of {what}", found[0],
                      rf"^{OURS}; dkim=(fail|policy|neutral|permerror) ")


def test_unsigned(case: Case) -> None:
    found = results(start(case), mail.message())
    check.equal("results", found, [f"{OURS}; dkim=none"])


def test_forged_result(case: Case) -> None:
    forged = f"Authentication-Results: {OURS}; dkim=pass header.d=bank.example"
    mta = start(case)
    sent = mail.message("Hello", forged)
    check.equal("reply code", mta.submit(sent).code, 250)
    got = mta.mail()
    whole = got.above + got.message
    check.equal("forged result", b"bank.example" in whole, False)


def test_verified_and_spam(case: Case) -> None:
    """What one filter adds, the next one leaves alone."""
    mta = start(case)
    message = signed(mta, mail.message("Hello", "X-Test-Score: T_A=7.5"))
    check.equal("reply code", mta.submit(message).code, 250)
    got = mta.mail()
    check.equal("X-Spam", mail.values(got.message, "X-Spam"), ["Yes"])
    check.matches("result", mail.values(
        got.above + b"\n", "Authentication-Results")[0], PASS)


def test_rejected_after_verification(case: Case) -> None:
    mta = start(case)
    message = signed(mta, mail.message("Hello", "X-Test-Action: reject"))
    check.equal("reply code", mta.submit(message).code, 554)
    mta.nothing_delivered()


def test_under_load(case: Case) -> None:
    mta = start(case)
    numbers = set(range(1, 101))
    replies = load.at_once(mta, {n: load.numbered(n) for n in numbers})
    check.equal("refused", load.refused_softly(replies), set())
    load.account(mta, numbers)
