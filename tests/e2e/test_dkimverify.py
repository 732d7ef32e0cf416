"""filter-dkimverify in a real smtpd, with signatures made by python3-dkim."""

import subprocess

from lib import check, dns, mail, manual, smtpd
from lib.case import Case
from lib.signer import Keys

try:
    import dkim
except ImportError:
    dkim = None

NAME = "filter-dkimverify"
OURS = "mx.example.org"
DOMAIN = "example.net"          # of mail.message()'s author
MB = 1_000_000


class Signer:
    """A sender elsewhere: its key and the DNS that has it."""

    def __init__(self, case: Case) -> None:
        if dkim is None:
            raise check.Skip("python3-dkim is not installed")
        keys = Keys(case)
        self.key = keys.make("sel", domain=DOMAIN).read_bytes()
        self.dns = case.keep(dns.Dns())
        for name, text in keys.records.items():
            self.dns.add(name, text)
        pem = case.work / "pkcs1.pem"
        pem.write_bytes(subprocess.run(
            ["openssl", "rsa", "-traditional"], input=self.key, check=True,
            capture_output=True).stdout)
        self.pem = pem.read_bytes()

    def sign(self, message: bytes, selector: str = "sel") -> bytes:
        wire = message.replace(b"\n", b"\r\n")
        field = dkim.sign(wire, selector.encode(), DOMAIN.encode(), self.pem,
                          include_headers=[b"from", b"to", b"subject"])
        return (field + wire).replace(b"\r\n", b"\n")


def start(case: Case, *args: str, **kind: object) -> smtpd.Smtpd:
    return case.smtpd(case.filter(NAME, "-r", "127.0.0.1", *args), **kind)


def results(got: mail.Delivered) -> list[str]:
    return mail.values(got.above + got.received + got.message,
                       "Authentication-Results")


def test_delivered_with_pass(case: Case) -> None:
    signer, mta = Signer(case), start(case)
    sent = signer.sign(mail.message(body=b".\n..\n\tx  \n\n\n"))
    check.equal("reply code", mta.submit(sent).code, 250)
    got = mta.mail()
    check.same_bytes("message", got.message, sent)
    check.matches("field above smtpd's Received", got.above,
                  rf"\AAuthentication-Results: {OURS};\n\tdkim=pass "
                  rf"header\.d={DOMAIN} .*header\.s=sel\s".encode())


def test_forged_fields_of_a_client(case: Case) -> None:
    signer, mta = Signer(case), start(case)
    sent = signer.sign(mail.message())
    forged = (f"authentication-results :(x)\n {OURS.upper()} ;"
              " dkim=pass\n".encode())
    honest = b"Authentication-Results: other.example; dkim=pass\n"
    check.equal("reply code", mta.submit(forged + honest + sent).code, 250)
    got = mta.mail()
    check.same_bytes("message", got.message, honest + sent)
    check.equal("results", len(results(got)), 2)


def test_refused_by_policy(case: Case) -> None:
    signer = Signer(case)
    mta = start(case, "--must-sign", DOMAIN, "--on-fail", "junk",
                "--on-temperror", "tempfail")
    sent = signer.sign(mail.message())
    check.equal("signed", mta.submit(sent).code, 250)
    mta.mail()
    reply = mta.submit(mail.message())
    check.matches("unsigned", str(reply), r"550 5\.7\.20 ")
    # what smtpd has to say is the filter's whole reply
    signer.dns.add(f"dead._domainkey.{DOMAIN}", rcode=dns.SERVFAIL)
    reply = mta.submit(signer.sign(mail.message(), "dead"))
    check.matches("DNS trouble", str(reply), r"451 4\.7\.5 ")
    check.equal("anybody else's", mta.submit(mail.message().replace(
        DOMAIN.encode(), b"other.example")).code, 250)


def test_junk(case: Case) -> None:
    Signer(case)
    mta = start(case, "--on-none", "junk")
    check.equal("reply code", mta.submit(mail.message()).code, 250)
    check.matches("top", mta.mail().above,
                  rb"dkim=none\nX-Spam: Yes\n\Z")


def local_results(case: Case, *args: str) -> list[str]:
    """Of a message that the sendmail command brings."""
    Signer(case)
    mta = start(case, *args)
    argv = ["sendmail", "-i", "-f", "me@example.net", "user@example.org"]
    subprocess.run(mta.setup.chroot(argv), check=True, input=mail.message())
    return results(mta.mail())


def test_local_mail_is_skipped(case: Case) -> None:
    check.equal("results", local_results(case), [])


def test_local_mail_by_option(case: Case) -> None:
    check.equal("results", local_results(case, "--local", "verify"),
                [f"{OURS}; dkim=none"])


def test_silent_dns(case: Case) -> None:
    """It holds up one message, no other, and not smtpd."""
    signer = Signer(case)
    mta = start(case, "--dns-timeout", "5")
    signer.dns.add(f"slow._domainkey.{DOMAIN}", silent=True)
    slow = signer.sign(mail.message(number=1), "slow")
    with smtpd.smtp.Client(mta.port) as client:
        client.ehlo()
        client.envelope("a@example.net", ["user@example.org"])
        client.cmd("DATA", 354)
        client.write(mail.wire(slow))
        check.equal("another", mta.submit(signer.sign(
            mail.message(number=2))).code, 250)
        check.matches("its result", results(mta.mail())[0], "dkim=pass")
        check.equal("reply code", client.read().code, 250)
    check.matches("result", results(mta.mail())[0],
                  'dkim=temperror reason="dns failure"')


def test_large_message(case: Case) -> None:
    signer, mta = Signer(case), start(case)
    line = b"0123456789 " * 6 + b"\n"
    sent = signer.sign(mail.message(body=line * (20 * MB // len(line))))
    check.equal("reply code", mta.submit(sent).code, 250)
    got = mta.mail()
    check.matches("result", results(got)[0], "dkim=pass")
    check.same_bytes("message", got.message, sent)
    case.small_peak(NAME, 30)


def test_client_that_leaves(case: Case) -> None:
    """In the middle of a message whose keys are asked for."""
    signer, mta = Signer(case), start(case)
    signer.dns.add(f"slow._domainkey.{DOMAIN}", silent=True)
    raw = mail.wire(signer.sign(mail.message(), "slow"))
    for _ in range(5):
        with smtpd.smtp.Client(mta.port) as client:
            client.ehlo()
            client.envelope("a@example.net", ["user@example.org"])
            client.cmd("DATA", 354)
            client.write(raw[:-5])
    check.equal("next one", mta.submit(mail.message()).code, 250)
    mta.mail()


def test_example_of_the_manual(case: Case) -> None:
    """All three filters, as in filter-dkimverify(8)."""
    keys = Keys(case)
    keys.make("out", domain="example.org")
    keys.make("in", domain=DOMAIN)
    keys.write("example.org out out.example.org.key")
    server = case.keep(dns.Dns())
    for name, text in keys.records.items():
        server.add(name, text)
    rspamd = case.rspamd(port=11333)
    page = manual.page(NAME).read_text()
    copy = case.work / "page.8"
    copy.write_text(page.replace("/etc/mail/dkim/keytable",
                                 str(keys.table)))
    old = manual.page
    manual.page = lambda name: copy
    try:
        mta, user = manual.start(case, NAME)
    finally:
        manual.page = old
    check.equal("reply code", mta.submit(mail.message(),
                                         rcpts=(user,)).code, 250)
    got = mta.mails(1, "**")[0]
    found = results(got)
    check.matches("results", found[-1] if found else "", "dkim=none")
    # a user of ours, over the socket, to another user of ours
    argv = ["sendmail", "-i", "-f", user, user]
    subprocess.run(mta.setup.chroot(argv), check=True, input=mail.message(
        ).replace(b"sender@example.net", user.encode()))
    got = mta.mails(1, "**")[0]
    check.equal("signatures of local mail", keys.verify(got), [True])
    check.equal("rspamd lives", rspamd.process.alive(), True)
