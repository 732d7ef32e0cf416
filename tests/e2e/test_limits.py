"""Filters short of descriptors or of memory: they go on, nothing is lost."""

from lib import check, load, mail, stub, wait
from lib.case import Case
from lib.smtpd import Smtpd

MIB = 1 << 20
NEW_BODY = b"Another body.\n" * 150_000


def limited(case: Case, limit: str, url: str, *args: str) -> Smtpd:
    """filter-rspamd under a limit of prlimit(1)."""
    if case.is_sanitized("filter-rspamd"):
        raise check.Skip("a sanitizer needs more than the limits give")
    command = case.filter("filter-rspamd", "--url", url, *args)
    return case.smtpd(f"/usr/bin/prlimit {limit} -- {command}")


def accounted(mta: Smtpd, messages: dict[int, bytes]) -> list[mail.Delivered]:
    """All at once; each is delivered or, some of them, refused for now."""
    replies = load.at_once(mta, messages)
    refused = load.refused_softly(replies)
    check.at_least("messages over the limit", len(refused), 1)
    accepted = set(messages) - refused
    got = mta.mails(len(accepted), seconds=60) if accepted else []
    check.equal("delivered", {m.number for m in got}, accepted)
    return got


def goes_on(case: Case, mta: Smtpd, pid: int) -> None:
    check.equal("reply code", load.send_one(mta, 999).code, 250)
    check.equal("process", case.filter_pid(), pid)


def test_few_descriptors(case: Case) -> None:
    """Each message wants a file and a connection."""
    mta = limited(case, "--nofile=24", case.stub().url, "--spool-size", "4K")
    pid = case.filter_pid()
    messages = {n: mail.message(body=(b"x" * 70 + b"\n") * 500, number=n)
                for n in range(1, 61)}
    for got in accounted(mta, messages):
        check.same_bytes("message", got.message, messages[got.number])
    goes_on(case, mta, pid)


def test_large_headers_in_little_memory(case: Case) -> None:
    mta = limited(case, f"--as={40 * MIB}", case.stub().url)
    pid = case.filter_pid()
    fields = [f"X-{i}: " + "v" * 900 for i in range(1000)]
    messages = {n: mail.message("Big", *fields, number=n)
                for n in range(1, 61)}
    for got in accounted(mta, messages):
        check.same_bytes("message", got.message, messages[got.number])
    goes_on(case, mta, pid)


def test_large_replies_in_little_memory(case: Case) -> None:
    """All replies are on their way before one of them ends."""
    verdict = stub.verdict()
    data = stub.http(200, verdict + NEW_BODY,
                     f"Message-Offset: {len(verdict)}")
    messages = {n: mail.message(number=n) for n in range(1, 31)}
    held: list[int] = []

    def together(conn: stub.Conn) -> None:
        conn.read()
        wait.until("all requests", lambda: server.count() == len(messages))
        try:
            conn.sock.sendall(data[:-1])
        finally:
            held.append(1)
        wait.until("all replies", lambda: len(held) == len(messages))
        conn.sock.sendall(data[-1:])

    server = case.stub(together)
    mta = limited(case, f"--as={40 * MIB}", server.url)
    pid = case.filter_pid()
    for got in accounted(mta, messages):
        check.same_bytes("new body", mail.split(got.message)[1], NEW_BODY)
    server.steps = [stub.answer()]
    goes_on(case, mta, pid)
