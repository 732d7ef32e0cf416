"""What rspamd is told about the session and the envelope."""

import subprocess

from lib import check, dkimpy, mail, stub
from lib.case import Case
from lib.smtp import Client
from lib.smtpd import PASSWORD, USER, Smtpd
from lib.space import CLIENT_NAME, NAMED, UNNAMED


def told(server: stub.Stub, key: str) -> list[str]:
    return server.seen[-1].values(key)


def start(case: Case, **kind: bool) -> tuple[stub.Stub, Smtpd]:
    server = case.stub()
    return server, case.smtpd_rspamd("-url", server.url, **kind)


def test_session_and_envelope(case: Case) -> None:
    server, mta = start(case)
    rcpts = ("a@example.org", "B|b@example.org")
    reply = mta.submit(mail.message(), sender="x|y@example.net", rcpts=rcpts)
    check.equal("reply code", reply.code, 250)
    want = {"IP": [NAMED], "Helo": ["client.example"],
            "Hostname": [CLIENT_NAME], "From": ["<x|y@example.net>"],
            "Rcpt": [f"<{rcpt}>" for rcpt in rcpts],
            "MTA-Name": ["mx.example.org"], "Flags": ["milter,body_block"],
            "User": [], "TLS-Cipher": [], "TLS-Version": [],
            "Password": [], "Expect": []}
    check.equal("headers", {key: told(server, key) for key in want}, want)
    check.equal("request line", server.seen[0].line,
                "POST /checkv2 HTTP/1.1")
    got = mta.mails(2)[0]
    queue_id = told(server, "Queue-Id")[0]
    check.matches("Queue-Id in Received", got.received,
                  rf"id {queue_id}\b".encode())


def test_null_sender(case: Case) -> None:
    server, mta = start(case)
    check.equal("reply code", mta.submit(mail.message(), sender="").code, 250)
    check.equal("From", told(server, "From"), ["<>"])


def test_unverified_name_is_not_told(case: Case) -> None:
    server, mta = start(case)
    reply = mta.submit(mail.message(), source=UNNAMED)
    check.equal("reply code", reply.code, 250)
    check.equal("IP", told(server, "IP"), [UNNAMED])
    check.equal("Hostname", told(server, "Hostname"), [])


def test_refused_recipients_are_not_told(case: Case) -> None:
    server, mta = start(case)
    with Client(mta.port) as client:
        client.ehlo()
        client.cmd("MAIL FROM:<a@example.net>", 250)
        client.cmd("RCPT TO:<good@example.org>", 250)
        code = client.cmd('RCPT TO:<"q"@@example.org>').code
        check.at_least("code for a bad recipient", code, 500)
        check.equal("reply", client.data(mail.wire(mail.message())).code, 250)
    check.equal("Rcpt", told(server, "Rcpt"), ["<good@example.org>"])


def test_second_mail_has_its_own_envelope(case: Case) -> None:
    server, mta = start(case)
    with Client(mta.port) as client:
        client.ehlo()
        client.envelope("first@example.net", ["first@example.org"])
        client.cmd("RSET", 250)
        reply = client.send("second@example.net", ["second@example.org"],
                            mail.wire(mail.message()))
        check.equal("reply code", reply.code, 250)
    check.equal("From", told(server, "From"), ["<second@example.net>"])
    check.equal("Rcpt", told(server, "Rcpt"), ["<second@example.org>"])


def test_local_mail(case: Case) -> None:
    """The sendmail command comes in over the local socket."""
    server, mta = start(case)
    argv = ["sendmail", "-f", "me@example.org", "user@example.org"]
    subprocess.run(mta.setup.chroot(argv), check=True, input=mail.message())
    mta.mail()
    check.equal("IP", told(server, "IP"), ["127.0.0.1"])
    check.equal("User", told(server, "User"), [])


def test_starttls_and_auth(case: Case) -> None:
    if not case.is_next:
        raise check.Skip("this smtpd 6.8 can't do TLS with OpenSSL 3")
    server, mta = start(case, tls=True)
    with Client(mta.tls_port) as client:
        client.ehlo()
        client.starttls()
        client.ehlo("again.example")
        client.auth(USER, PASSWORD)
        reply = client.send("sender@example.net", ["user@example.org"],
                            mail.wire(mail.message()))
        check.equal("reply code", reply.code, 250)
    check.equal("User", told(server, "User"), [USER])
    check.equal("Helo", told(server, "Helo"), ["again.example"])
    check.matches("TLS-Version", told(server, "TLS-Version")[0], r"^TLSv1\.")
    check.matches("TLS-Cipher", told(server, "TLS-Cipher")[0], r"^TLS_")


def test_authenticated_mail_is_signed(case: Case) -> None:
    if not case.is_next:
        raise check.Skip("this smtpd 6.8 can't do TLS with OpenSSL 3")
    rspamd = case.rspamd(keys=True)
    mta = case.smtpd_rspamd("-url", rspamd.url, tls=True)
    sent = mail.message().replace(b"From: Sender <sender@example.net>",
                                  b"From: sender@twice.example")
    with Client(mta.tls_port) as client:
        client.ehlo()
        client.starttls()
        client.ehlo()
        client.auth(USER, PASSWORD)
        reply = client.send("sender@twice.example", ["user@example.org"],
                            mail.wire(sent))
        check.equal("reply code", reply.code, 250)
    signature = r"DKIM-Signature: [^\n]*(\n\t[^\n]*)*"
    got = mta.mail()
    mail.same_message(got, sent, top=[signature, signature])
    check.equal("signatures verify", dkimpy.verify(
        got.message, rspamd.key_record), [True, True])
