"""The examples of the manual pages work as they stand there.

That of filter-dkimsign is with its other cases.
"""

import subprocess

from lib import check, dns, mail, manual
from lib.case import Case
from lib.signer import Keys
from lib.smtpd import Smtpd

KEYTABLE = "/etc/mail/dkim/keytable"
DOMAIN = "example.org"          # of the examples


def sendmail(mta: Smtpd, address: str) -> mail.Delivered:
    """A local user sends mail to that address; returns what arrives."""
    sent = mail.message().replace(b"sender@example.net", address.encode())
    subprocess.run(mta.setup.chroot(["sendmail", "-f", address, address]),
                   check=True, input=sent)
    return mta.mails(1, "**")[0]


def signing_keys(case: Case) -> Keys:
    keys = Keys(case)
    keys.make("2026e", "ed25519", DOMAIN)
    keys.make("2026a", "rsa", DOMAIN)
    keys.write(f"{DOMAIN} 2026e 2026e.{DOMAIN}.key",
               f"{DOMAIN} 2026a 2026a.{DOMAIN}.key")
    return keys


def test_filter_rspamd(case: Case) -> None:
    case.rspamd(port=11333)
    mta, user = manual.start(case, "filter-rspamd")
    sent = mail.message("Hello", "X-Test-Score: T_A=7.5")
    check.equal("reply code", mta.submit(sent, rcpts=(user,)).code, 250)
    got = mta.mails(1, "**")[0]
    check.equal("X-Spam", mail.values(got.message, "X-Spam"), ["Yes"])
    bad = mail.message("Hello", "X-Test-Action: reject")
    check.equal("reply to what rspamd rejects",
                mta.submit(bad, rcpts=(user,)).code, 554)


def test_filter_dkimverify(case: Case) -> None:
    """All three: signed by one, verified and scanned by the others."""
    keys = signing_keys(case)
    server = case.keep(dns.Dns())
    for name, text in keys.records.items():
        server.add(name, text)
    case.rspamd(port=11333)
    mta, user = manual.start(case, "filter-dkimverify",
                             {KEYTABLE: keys.table})
    signed = sendmail(mta, user)
    message = signed.above + signed.message
    check.equal("reply code", mta.submit(message, rcpts=(user,)).code, 250)
    got = mta.mails(1, "**")[0]
    results = mail.values(got.above + b"\n", "Authentication-Results")
    check.equal("number of results", len(results), 1)
    check.matches("result", results[0], r"^mx\.example\.org; dkim=pass ")
