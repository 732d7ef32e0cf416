"""The options of filter-rspamd that are not about failures."""

import os
import signal
import ssl
import subprocess

from lib import check, load, mail, stub, wait
from lib.case import Case
from lib.smtp import Client
from lib.smtpd import PASSWORD, USER, Smtpd, make_certificate
from lib.space import NAMED, UNNAMED

REJECT = stub.answer(200, stub.verdict(action="reject"))
SPAM = stub.answer(200, stub.verdict(
    action="add header", score=7.25, symbols={
        "T_ONE": {"name": "T_ONE", "score": 7.0},
        "T_TWO": {"name": "T_TWO", "score": 0.25}}))


def start(case: Case, step: stub.Step, *args: str,
          **kind: bool) -> tuple[stub.Stub, Smtpd]:
    server = case.stub(step)
    return server, case.smtpd_rspamd("-url", server.url, *args, **kind)


def delivered(mta: Smtpd, **kind: str) -> mail.Delivered:
    check.equal("reply code", mta.submit(mail.message(), **kind).code, 250)
    return mta.mail()


def tls_stub(case: Case, client_ca: str = "") -> stub.Stub:
    """An HTTPS server; the certificate is its own CA."""
    key, cert = make_certificate(case.work)
    cert.chmod(0o644)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return case.keep(stub.Stub(tls=context))


def test_https(case: Case) -> None:
    server = tls_stub(case)
    mta = case.smtpd_rspamd("--url", server.url,
                            "--tls-ca", f"{case.work}/tls.crt")
    sent = mail.message()
    check.equal("reply code", mta.submit(sent).code, 250)
    mail.same_message(mta.mail(), sent)
    check.equal("requests", server.count(), 1)


def test_https_of_an_unknown_ca(case: Case) -> None:
    server = tls_stub(case)
    mta = case.smtpd_rspamd("--url", server.url)
    check.equal("reply code", mta.submit(mail.message()).code, 451)
    case.wait_log(mta, "certificate")
    check.equal("messages sent to it", [c.body for c in server.seen], [b""])


def test_https_client_certificate(case: Case) -> None:
    make_certificate(case.work)
    for name in ("tls.crt", "tls.key"):
        copy = case.work / f"client-{name}"
        copy.write_bytes((case.work / name).read_bytes())
        copy.chmod(0o644)
    client = case.work / "client-tls"
    server = tls_stub(case, f"{client}.crt")
    mta = case.smtpd_rspamd(
        "--url", server.url, "--tls-ca", f"{case.work}/tls.crt",
        "--tls-cert", f"{client}.crt", "--tls-key", f"{client}.key")
    delivered(mta)


def test_spread(case: Case) -> None:
    servers = [case.stub() for _ in range(3)]
    urls = [word for s in servers for word in ("--url", s.url)]
    mta = case.smtpd_rspamd(*urls, "--spread")
    load.send(mta, range(12), jobs=1)
    check.equal("requests at each", [s.count() for s in servers], [4, 4, 4])


def test_skip_networks(case: Case) -> None:
    server, mta = start(case, REJECT, "--skip-networks", f"{NAMED}/32,::1")
    sent = mail.message()
    check.equal("reply code", mta.submit(sent).code, 250)
    mail.same_message(mta.mail(), sent)
    check.equal("requests", server.count(), 0)
    reply = mta.submit(sent, source=UNNAMED)
    check.equal("reply to another client", reply.code, 554)


def test_skip_local(case: Case) -> None:
    server, mta = start(case, REJECT, "--local", "skip")
    argv = ["sendmail", "-f", "me@example.org", "user@example.org"]
    subprocess.run(mta.setup.chroot(argv), check=True, input=mail.message())
    mta.mail()
    check.equal("requests", server.count(), 0)
    check.equal("reply to a client", mta.submit(mail.message()).code, 554)


def test_skip_authenticated(case: Case) -> None:
    if not case.is_next:
        raise check.Skip("this smtpd 6.8 can't do TLS with OpenSSL 3")
    server, mta = start(case, REJECT, "--authenticated", "skip", tls=True)
    with Client(mta.tls_port) as client:
        client.ehlo()
        client.starttls()
        client.ehlo()
        client.auth(USER, PASSWORD)
        reply = client.send("a@example.net", ["user@example.org"],
                            mail.wire(mail.message()))
        check.equal("reply code", reply.code, 250)
    mta.mail()
    check.equal("requests", server.count(), 0)


def test_report_only(case: Case) -> None:
    server, mta = start(case, REJECT, "--report-only")
    got = delivered(mta)
    check.equal("X-Rspamd-Action",
                mail.values(got.message, "X-Rspamd-Action"), ["reject"])


def test_report_only_when_unreachable(case: Case) -> None:
    mta = case.smtpd_rspamd("--url", stub.refused(), "--report-only")
    got = delivered(mta)
    check.equal("X-Rspamd-Action",
                mail.values(got.message, "X-Rspamd-Action"), ["none"])


def test_score_headers_of_spam(case: Case) -> None:
    _, mta = start(case, SPAM)
    mail.same_message(delivered(mta), mail.message(), bottom=[
        r"X-Spam: Yes", r"X-Spam-Score: 7\.25 / 15",
        r"X-Spam-Status: Yes, score=7\.250 required=15\.000"
        r"\s+tests=\[T_ONE=7\.000, T_TWO=0\.250\]"])


def test_score_headers_never(case: Case) -> None:
    _, mta = start(case, SPAM, "--score-headers", "never")
    mail.same_message(delivered(mta), mail.message(),
                      bottom=[r"X-Spam: Yes"])


def test_score_headers_always(case: Case) -> None:
    _, mta = start(case, stub.answer(), "--score-headers", "always")
    names = [mail.name(f) for f in mail.fields(delivered(mta).message)][-2:]
    check.equal("fields added", sorted(names),
                ["x-spam-score", "x-spam-status"])


def test_reject_text(case: Case) -> None:
    _, mta = start(case, REJECT, "--reject-text", "'No, thank you'")
    check.equal("reply", mta.submit(mail.message()).text,
                "554 5.7.1 No, thank you")


def test_request_options(case: Case) -> None:
    server, mta = start(
        case, stub.answer(), "--settings-id", "strict", "--mta-tag", "mx1",
        "--deliver-to", "--pass-all", "--log-tag", "--header",
        "X-Site=north", "--settings", "'{\"actions\":{\"reject\":3}}'")
    delivered(mta)
    want = {"Settings-ID": ["strict"], "MTA-Tag": ["mx1"],
            "Deliver-To": ["user@example.org"], "Pass": ["all"],
            "X-Site": ["north"], "Settings": ['{"actions":{"reject":3}}']}
    seen = server.seen[0]
    check.equal("headers", {key: seen.values(key) for key in want}, want)
    check.equal("Log-Tag", seen.values("Log-Tag"), seen.values("Queue-Id"))


def test_no_more_scans_than_allowed(case: Case) -> None:
    """Others wait for their turn; all pass."""
    most = 0
    current: list[stub.Conn] = []

    def busy(conn: stub.Conn) -> None:
        nonlocal most
        current.append(conn)
        conn.read()
        most = max(most, len(current))
        conn.stopped.wait(0.02)
        current.remove(conn)
        conn.sock.sendall(stub.http(200, stub.verdict()))

    _, mta = start(case, busy, "--max-scans", "3")
    numbers = set(range(1, 41))
    replies = load.at_once(mta, {n: load.numbered(n) for n in numbers})
    check.equal("refused", load.refused_softly(replies), set())
    check.at_most("scans at the same time", most, 3)
    load.account(mta, numbers)


def test_one_warning_for_an_outage(case: Case) -> None:
    url = stub.refused()
    mta = case.smtpd_rspamd("--url", url)
    for number in range(10):
        check.equal("reply code", load.send_one(mta, number).code, 451)
    case.stub(port=int(url.rsplit(":", 1)[1]))
    wait.until("the filter to use rspamd again",
               lambda: load.send_one(mta, 11).code == 250, 70)
    host = url.removeprefix("http://")
    case.wait_log(mta, f"rspamd {host} works again")
    check.equal("warnings", mta.log().count(f"rspamd {host} fails"), 1)


def test_counters(case: Case) -> None:
    _, mta = start(case, stub.answer())
    for number in range(3):
        check.equal("reply code", load.send_one(mta, number).code, 250)
    os.kill(case.filter_pid(), signal.SIGUSR1)
    case.wait_log(mta, "action=no-action messages=3")
    check.equal("reply code", load.send_one(mta, 4).code, 250)
