"""The engine under every filter, seen with the sample filter of the tests."""

from lib import check, load, mail, proc, wait
from lib.case import Case
from lib.shapes import SHAPES
from lib.smtp import Client
from lib.smtpd import Smtpd

MB = 1_000_000
PEAK_MIB = 20
SESSIONS = 200


def start(case: Case, filters: int = 1, *args: str) -> Smtpd:
    return case.smtpd(*[case.filter("filter-sample", *args)] * filters)


def pid(case: Case) -> int:
    return case.filter_pid("filter-sample")


def passes(mta: Smtpd, name: str, sent: bytes, filters: int = 1) -> None:
    """As it was sent, but for the field that the sample adds on top."""
    check.equal(f"reply code for {name}", mta.submit(sent).code, 250)
    got = mta.mail()
    lines = mail.split(sent)[1].count(b"\n")
    check.equal(f"fields on top of {name}", got.above,
                b"X-Body-Lines: %d\n" % lines * filters)
    check.same_bytes(name, got.message, sent)


def test_odd_shapes(case: Case) -> None:
    mta = start(case)
    for name, sent in SHAPES.items():
        passes(mta, name, sent)


def test_three_in_a_chain(case: Case) -> None:
    mta = start(case, 3)
    for name, sent in SHAPES.items():
        passes(mta, name, sent, 3)


def test_refused_recipient(case: Case) -> None:
    mta = start(case)
    with Client(mta.port) as client:
        client.ehlo()
        client.cmd("MAIL FROM:<a@example.net>", 250)
        reply = client.cmd("RCPT TO:<NoReply@example.org>")
        check.equal("reply", reply.text, "550 5.1.1 nobody reads that")
        client.cmd("RCPT TO:<user@example.org>", 250)
        check.equal("reply code",
                    client.data(mail.wire(mail.message())).code, 250)
    check.equal("recipient", mta.mail().rcpt, "user@example.org")


def test_30_mb_in_little_memory(case: Case) -> None:
    mta = start(case)
    line = b"one line of a long message, about as long as they are\n"
    sent = mail.message(body=line * (30 * MB // len(line)))
    passes(mta, "30 MB", sent)
    check.at_most("peak resident MiB of the filter",
                  proc.peak_mib(pid(case)), PEAK_MIB)


def test_200_sessions_at_once(case: Case) -> None:
    mta = start(case)
    numbers = range(1, SESSIONS + 1)
    replies = load.at_once(mta, numbers)
    check.equal("refused", load.refused_softly(replies), set())
    load.account(mta, set(numbers))


def walk(client: Client, script: bytes) -> None:
    """Sends it; waits for the reply to each whole command."""
    head, data, body = script.partition(b"DATA\r\n")
    for line in (head + data).splitlines(keepends=True):
        client.write(line)
        if line.endswith(b"\n"):
            client.read()
    client.write(body)


def test_clients_drop_anywhere(case: Case) -> None:
    mta = start(case)
    process = pid(case)
    passes(mta, "first mail", mail.message())
    files = proc.open_files(process)
    script = (b"EHLO a\r\nMAIL FROM:<a@example.net>\r\n"
              b"RCPT TO:<b@example.org>\r\nDATA\r\nA: b\r\n\r\nc\r\n")
    for length in range(0, len(script), 2):
        client = Client(mta.port)
        walk(client, script[:length])
        client.drop()
    passes(mta, "mail after the drops", mail.message())
    wait.until("the filter to close what it opened",
               lambda: proc.open_files(process) <= files)
    check.equal("process of the filter", pid(case), process)


def test_end_of_smtpd_ends_the_filter(case: Case) -> None:
    mta = start(case, 2)
    check.equal("filters", len(proc.find("filter-sample")), 2)
    load.begin(mta, 1)
    mta.stop()
    wait.until("the filters to end", lambda: not proc.find("filter-sample"))
