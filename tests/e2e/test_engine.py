"""The engine under every filter, seen with the sample filter of the tests."""

from lib import check, load, mail, proc, wait
from lib.case import Case
from lib.shapes import SHAPES
from lib.smtp import Client
from lib.smtpd import Smtpd

MB = 1_000_000
PEAK_MIB = 20
SESSIONS = 200
TEXT = b"One line of a long message, about as long as they are.\n"


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
    sent = mail.message(body=TEXT * (30 * MB // len(TEXT)))
    passes(mta, "30 MB", sent)
    case.small_peak("filter-sample", PEAK_MIB)


def test_long_line_that_passes_whole(case: Case) -> None:
    mta = start(case)
    longest = case.longest_line
    passes(mta, "longest line", mail.message(
        body=b"x" * longest + b"\n." + b"y" * (longest - 2) + b"\nend\n"))


def test_65_kb_line_is_split(case: Case) -> None:
    """The dots make pieces that need stuffing wherever the cut falls."""
    mta = start(case)
    line = b"." * 65_000 + b"z" * 532
    sent = mail.message(body=b"before\n" + line + b"\nafter\n")
    check.equal("reply code", mta.submit(sent).code, 250)
    lines = mail.split(mta.mail().message)[1].split(b"\n")
    check.equal("first line", lines[0], b"before")
    check.equal("last lines", lines[-2:], [b"after", b""])
    check.same_bytes("pieces of the line", b"".join(lines[1:-2]), line)
    check.at_most("longest piece", max(map(len, lines)), case.longest_line)
    case.wait_log(mta, "filter-sample: ")


def test_long_header_line_is_folded(case: Case) -> None:
    mta = start(case)
    words = " ".join(f"word{i}" for i in range(7000))
    sent = mail.message("Hello", f"X-Long: {words}")
    check.equal("reply code", mta.submit(sent).code, 250)
    got = mta.mail().message
    check.equal("unfolded value", mail.values(got, "X-Long"), [words])
    check.at_most("longest line", max(map(len, got.split(b"\n"))),
                  case.longest_line)


def test_long_lines_can_be_refused(case: Case) -> None:
    mta = start(case, 1, "--long-lines", "reject")
    reply = mta.submit(mail.message(body=b"x" * 65_533 + b"\n"))
    check.matches("reply", reply.text, r"^550 5\.6\.0 ")
    passes(mta, "mail after it", mail.message())


def test_1000_recipients(case: Case) -> None:
    mta = start(case)
    rcpts = tuple(f"u{i}@example.org" for i in range(1000))
    check.equal("reply code",
                mta.submit(mail.message(), rcpts=rcpts).code, 250)
    got = mta.mails(1000, seconds=60)
    check.equal("recipients delivered to", {m.rcpt for m in got}, set(rcpts))


def test_disk_full(case: Case) -> None:
    """What needs the disk gets 451, the rest goes on."""
    mta = start(case, 1, "--spool-dir", case.small_disk(100))
    big = mail.message(body=TEXT * 20_000)
    for _ in range(2):
        reply = mta.submit(big)
        check.matches("reply to a big message", reply.text, r"^451 4\.3\.0 ")
        passes(mta, "small message", mail.message())


def test_little_memory_many_messages(case: Case) -> None:
    """Over the budget messages wait in files; none is refused."""
    mta = start(case, 1, "--memory", "1M")
    messages = {n: mail.message(body=TEXT * 2000, number=n)
                for n in range(1, 61)}
    replies = load.at_once(mta, messages)
    check.equal("refused", load.refused_softly(replies), set())
    for got in mta.mails(60):
        check.same_bytes("message", got.message, messages[got.number])
    case.small_peak("filter-sample", PEAK_MIB)


def test_200_sessions_at_once(case: Case) -> None:
    mta = start(case)
    numbers = set(range(1, SESSIONS + 1))
    replies = load.at_once(mta, {n: load.numbered(n) for n in numbers})
    check.equal("refused", load.refused_softly(replies), set())
    load.account(mta, numbers)


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
    load.begin(mta, mail.wire(mail.message()))
    mta.stop()
    wait.until("the filters to end", lambda: not proc.find("filter-sample"))
