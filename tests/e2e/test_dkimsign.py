"""What filter-dkimsign signs verifies where it is delivered."""

import os
import re
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

from lib import check, dkimpy, load, mail, manual, proc, smtpd, wait
from lib.case import Case
from lib.shapes import SHAPES
from lib.signer import DOMAIN, Keys
from lib.smtp import Client
from lib.smtpd import PASSWORD, USER

NAME = "filter-dkimsign"
HOST = "mx.example.org"
MB = 1_000_000


def two_keys(case: Case) -> Keys:
    keys = Keys(case)
    keys.make("ed", "ed25519")
    keys.make("rsa")
    keys.write(f"{DOMAIN} ed ed.{DOMAIN}.key", f"{DOMAIN} rsa rsa.{DOMAIN}.key")
    return keys


def signatures(got: mail.Delivered) -> list[str]:
    return mail.values(got.above + b"\n", "DKIM-Signature")


def test_submitted_mail(case: Case) -> None:
    keys = two_keys(case)
    mta = keys.smtpd()
    sent = mail.message()
    check.equal("reply code", mta.submit(sent).code, 250)
    got = mta.mail()
    check.equal("signatures verify", keys.verify(got), [True, True])
    check.same_bytes("message below", got.message, sent)
    check.equal("RSA on top", [re.search(r"a=([a-z0-9]*)", s)[1]
                               for s in signatures(got)], ["rsa", "ed25519"])


def test_old_command_line(case: Case) -> None:
    keys = Keys(case)
    path = keys.make("sel")
    keys.own(path, 0o600)
    mta = case.smtpd(case.filter(
        NAME, "-d", "other.example", "-d", DOMAIN, "-s", "sel", "-k",
        str(path), "-a", "rsa-sha256", "-c", "simple/simple", "-t", "-x",
        "864000", "-z", "-h", "from:to:subject:date"))
    check.equal("reply code", mta.submit(mail.message()).code, 250)
    got = mta.mail()
    check.equal("signatures verify", keys.verify(got), [True])
    tags = re.sub(r"(h=.*?) z=", lambda m: m[1].replace(" ", "") + " z=",
                  signatures(got)[0])
    for part in ("c=simple/simple", f"d={DOMAIN};", " t=", " x=",
                 " z=From:=20Sender", "h=from:from:to:to:subject:subject:"
                 "date:date;"):
        check.matches("signature", tags, re.escape(part))


def test_what_smtpd_adds_is_signed(case: Case) -> None:
    """Bare addresses, Bcc, no Date, no Message-ID."""
    keys = Keys(case)
    keys.make("k", domain="example.org")
    keys.write("example.org k k.example.org.key")
    mta = keys.smtpd()
    for sent in (b"From: root\nTo: root, \"B\" <b>, c@example.com,\n\td\n"
                 b"Cc: e\nBcc: hidden,\n hidden2\nSubject: x\n\nText.\n",
                 b"from: <root>\nto:x\n\nText.\n",
                 b"From: root\nTo: (nobody)\nCC: group: ;\n\n",
                 b"From: root (a, b), b@example.org\n\nx\n",
                 b"From: root\nSubject: header only\n"):
        check.equal(f"reply code for {sent!r}", mta.submit(sent).code, 250)
        got = mta.mail()
        whole = got.above + got.received + got.message
        check.equal(f"signatures of {sent!r} verify", keys.verify(got), [True])
        for field, count in ((b"Date", 1), (b"Message-ID", 1), (b"Bcc", 0)):
            found = re.findall(rb"(?im)^" + field + rb":", whole)
            check.equal(f"{field} fields of {sent!r}", len(found), count)
        check.matches("From", whole, rf"(?i)\nfrom: <?root@{HOST}".encode())


def test_sendmail_command(case: Case) -> None:
    keys = two_keys(case)
    mta = keys.smtpd("--sign", "local")
    for sent in (mail.message(), b"To: x\nSubject: no more\n\nText.\n",
                 b"From: me@example.net\n\n.\n..\n"):
        argv = ["sendmail", "-i", "-f", "me@example.net", "user@example.org"]
        subprocess.run(mta.setup.chroot(argv), check=True, input=sent)
        got = mta.mail()
        check.equal(f"signatures of {sent!r}", keys.verify(got), [True, True])


def bare_mail_to(case: Case, host: str, port: int, source: str) -> int:
    """The Date fields of a message without one to such a listener."""
    keys = two_keys(case)
    command = case.filter(NAME, "-K", str(keys.table))
    setup = smtpd.Setup(case.work, case.options.root, [command])
    text = smtpd.configuration(setup).replace(
        "listen on socket",
        f'listen on {host} port {port} filter "{NAME}"\nlisten on socket')
    mta = case.keep(smtpd.Smtpd(setup, text))
    with Client(port, host=host, source=source) as client:
        client.ehlo()
        reply = client.send("a@example.net", ["user@example.org"], mail.wire(
            b"From: a@example.net\nTo: root\nSubject: bare\n\nText.\n"))
        check.equal("reply code", reply.code, 250)
    got = mta.mail()
    check.equal("signatures verify", keys.verify(got), [True, True])
    return len(mail.values(got.message, "Date"))


def test_submission_port(case: Case) -> None:
    """Port 587 of an address that is not loopback: smtpd 7.4 adds fields."""
    check.equal("Date", bare_mail_to(case, "192.0.2.8", 587, "192.0.2.7"), 1)


def test_other_port(case: Case) -> None:
    """No smtpd adds fields there, and so the filter adds none."""
    check.equal("Date", bare_mail_to(case, "192.0.2.8", 2528, "192.0.2.7"), 0)


def test_ipv6_loopback(case: Case) -> None:
    check.equal("Date", bare_mail_to(case, "::1", 2528, "::1"), 1)


def test_bounce(case: Case) -> None:
    """smtpd's own message comes through the local socket."""
    keys = Keys(case)
    keys.make("k", domain="example.org")
    keys.write("example.org k k.example.org.key")
    command = case.filter(NAME, "-K", str(keys.table), "--sign", "local")
    setup = smtpd.Setup(case.work, case.options.root, [command])
    text = smtpd.configuration(setup).replace(
        "match from any", 'action "no" mda "exit 67" virtual <virt> userbase '
        '<users>\nmatch from any for domain "fails.example" action "no"\n'
        "match from any", 1)
    mta = case.keep(smtpd.Smtpd(setup, text))
    reply = mta.submit(mail.message(), sender="user@example.org",
                       rcpts=("x@fails.example",))
    check.equal("reply code", reply.code, 250)
    wait.until("the bounce", mta.paths)
    got = mta.paths()[0].read_bytes()
    check.matches("bounce", got, b"\nFrom: .*MAILER-DAEMON@mx.example")
    check.equal("signatures verify", dkimpy.verify(got, keys.records.get),
                [True])


def test_authenticated_user_and_map(case: Case) -> None:
    if not case.is_next:
        raise check.Skip("this smtpd 6.8 can't do TLS with OpenSSL 3")
    keys = two_keys(case)
    keys.make("o", domain="other.example")
    keys.write(f"{DOMAIN} rsa rsa.{DOMAIN}.key",
               "other.example o o.other.example.key")
    users = keys.folder / "users"
    users.write_text(f"# who may use what\n{USER} {DOMAIN}\n")
    mta = keys.smtpd("--sign", "auth", "--user-map", str(users), tls=True)
    other = mail.message().replace(b"sender@example.net", b"x@other.example")
    for login, sent, want in ((True, mail.message(), [True]),
                              (True, other, []), (False, mail.message(), [])):
        with Client(mta.tls_port) as client:
            client.ehlo()
            client.starttls()
            client.ehlo()
            if login:
                client.auth(USER, PASSWORD)
            reply = client.send("x@example.net", ["user@example.org"],
                                mail.wire(sent))
            check.equal("reply code", reply.code, 250)
        check.equal("signatures", keys.verify(mta.mail()), want)
    check.matches("log", mta.log(), "reason=not-allowed")
    check.matches("log", mta.log(), "reason=not-asked")


def test_odd_shapes(case: Case) -> None:
    keys = two_keys(case)
    mta = keys.smtpd("-c", "simple/simple")
    for name, sent in SHAPES.items():
        check.equal(f"reply code for {name}", mta.submit(sent).code, 250)
        got = mta.mail()
        want = [] if name == "many fields" else [True, True]
        check.equal(f"signatures of {name}", keys.verify(got), want)
        check.same_bytes(name, got.message, sent)
    check.matches("log", mta.log(), "reason=too-many-fields")


def test_unsigned(case: Case) -> None:
    keys = two_keys(case)
    mta = keys.smtpd()
    field = b"From: Sender <sender@example.net>\n"
    for what, start in (("no-key", b"From: a@unknown.example\n"),
                        ("no-from", b""), ("several-from", field + field),
                        ("no-domain", b"From: a@[192.0.2.1]\n")):
        sent = mail.message().replace(field, start)
        check.equal(f"reply code for {what}", mta.submit(sent).code, 250)
        got = mta.mail()
        check.same_bytes(f"message with {what}", got.message, sent)
        check.equal("above Received", got.above, b"")
        check.matches("log", mta.log(), f"result=unsigned reason={what} ")


def test_long_lines(case: Case) -> None:
    """Lines that smtpd cannot take back are cut before they are signed."""
    keys = two_keys(case)
    mta = keys.smtpd()
    longest = 65485 if case.is_next else 1997
    sent = mail.message("Hello", "X-Long: " + "word " * 13000, "To: " + ", ".join(
        f"user{i}@example.org" for i in range(1000)),
        body=b"x" * 65000 + b"\n." + b"y" * longest + b"\nend\n")
    sent = sent.replace(b"To: User <user@example.org>\n", b"")
    check.equal("reply code", mta.submit(sent).code, 250)
    check.equal("signatures", keys.verify(mta.mail()), [True, True])


def test_30_mb(case: Case) -> None:
    keys = Keys(case)
    keys.make("rsa")
    keys.write(f"{DOMAIN} rsa rsa.{DOMAIN}.key c=relaxed/simple")
    mta = keys.smtpd()
    line = bytes(range(33, 127)).replace(b".", b"")
    sent = mail.message(body=(line + b"\n") * (30 * MB // (len(line) + 1)))
    check.equal("reply code", mta.submit(sent).code, 250)
    case.small_peak(NAME, 25)
    got = mta.mail()
    check.same_bytes("message", got.message, sent)
    check.equal("signatures", keys.verify(got), [True])


def reload(mta: smtpd.Smtpd, done: str) -> None:
    before = mta.log().count(done)
    os.kill(proc.find_one(NAME), signal.SIGHUP)
    wait.until(f"{done} in the log",
               lambda: mta.log().count(done) > before)


def test_key_swap_under_load(case: Case) -> None:
    """Each message has one signature, of the old key or of the new one."""
    keys = Keys(case)
    keys.make("old")
    keys.make("new")
    keys.write(f"{DOMAIN} old old.{DOMAIN}.key")
    mta = keys.smtpd()

    def swap() -> None:
        keys.write(f"{DOMAIN} new new.{DOMAIN}.key")
        reload(mta, "reload: keys of 1 domains")

    replies = load.send(mta, range(1, 201), jobs=10, midway=swap)
    check.equal("accepted", len(load.accepted(replies)), 200)
    got = mta.mails(200, seconds=60)
    check.equal("messages", {g.number for g in got}, set(range(1, 201)))
    used = {"old": 0, "new": 0}
    for one in got:
        check.equal("signatures", keys.verify(one), [True])
        used[re.search(r"s=(\w+)", signatures(one)[0])[1]] += 1
    check.at_least("signed with the old key", used["old"], load.MIDWAY)
    check.at_least("signed with the new key", used["new"], 1)


def test_sessions_end_while_signing(case: Case) -> None:
    """One thread for all; tables good and bad come meanwhile."""
    keys = two_keys(case)
    good = keys.table.read_text().splitlines()
    mta = keys.smtpd("--workers", "1")
    ended = threading.Event()

    def drop() -> None:
        wire = mail.wire(load.numbered(0))
        while not ended.is_set():
            load.begin(mta, wire).drop()
            client = load.begin(mta, wire)
            client.write(wire[len(wire) // 2:])
            client.drop()

    def storm() -> int:
        count = 0
        while not ended.is_set():
            keys.write(*good, *(["one two"] if count % 2 else []))
            os.kill(proc.find_one(NAME), signal.SIGHUP)
            count += 1
            ended.wait(0.02)
        return count

    with ThreadPoolExecutor(2) as pool:
        tasks = [pool.submit(drop), pool.submit(storm)]
        try:
            replies = load.send(mta, range(1, 151), jobs=10)
        finally:
            ended.set()
        storms = tasks[1].result()
        tasks[0].result()
    check.at_least("reloads asked for", storms, 10)
    check.equal("accepted", len(load.accepted(replies)), 150)
    wait.until("all messages delivered",
               lambda: {m.number for m in map(mail.read, mta.paths())}
               >= set(range(1, 151)), 60)
    for path in mta.paths():
        check.equal(f"signatures of {path.name}",
                    keys.verify(mail.read(path)), [True, True])
    check.matches("log", mta.log(), "reload: keys of 1 domains")
    check.matches("log", mta.log(), "the old keys stay in use")


def test_bad_reload_keeps_the_keys(case: Case) -> None:
    keys = two_keys(case)
    mta = keys.smtpd()
    keys.write(f"{DOMAIN} rsa rsa.{DOMAIN}.key", "one two",
               f"{DOMAIN} gone gone.key")
    reload(mta, "the old keys stay in use")
    check.matches("log", mta.log(), r"table:2: a line needs")
    check.matches("log", mta.log(), r"table:3: key \S+gone.key: No such file")
    check.equal("reply code", mta.submit(mail.message()).code, 250)
    check.equal("signatures", keys.verify(mta.mail()), [True, True])
    (keys.folder / f"ed.{DOMAIN}.key").chmod(0o644)
    keys.write(f"{DOMAIN} ed ed.{DOMAIN}.key")
    reload(mta, "the old keys stay in use")
    check.matches("log", mta.log(), r"table:1: key \S+: can be read by others")


def test_example_of_the_manual(case: Case) -> None:
    keys = Keys(case)
    keys.make("2026a", domain="example.org")
    keys.write("example.org 2026a 2026a.example.org.key")
    mta, user = manual.start(case, NAME,
                             {"/etc/mail/dkim/keytable": keys.table})
    argv = ["sendmail", "-f", "me@example.org", user]
    subprocess.run(mta.setup.chroot(argv), check=True,
                   input=b"From: me@example.org\nTo: alice\n\nText.\n")
    check.equal("signatures", keys.verify(mta.mails(1, "**")[0]), [True])
    check.equal("reply code", mta.submit(mail.message(
        ).replace(b"example.net", b"example.org"), rcpts=(user,)).code, 250)
    check.equal("signatures of mail from outside",
                keys.verify(mta.mails(1, "**")[0]), [])
