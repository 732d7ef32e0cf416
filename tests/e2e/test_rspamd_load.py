"""Many sessions, clients that vanish, rspamds that come and go."""

from lib import check, load, mail, proc, stub, wait
from lib.case import Case
from lib.load import account
from lib.smtp import Client

SESSIONS = 200
QUICK = ["--timeout", "3", "--connect-timeout", "1"]


def test_200_sessions_at_once(case: Case) -> None:
    mta = case.smtpd_rspamd("-url", case.rspamd().url, "--timeout", "60")
    numbers = set(range(1, SESSIONS + 1))
    replies = load.at_once(mta, {n: load.numbered(n) for n in numbers})
    check.equal("refused", load.refused_softly(replies), set())
    account(mta, numbers)


def test_many_mails_in_one_session(case: Case) -> None:
    mta = case.smtpd_rspamd("-url", case.stub().url)
    numbers = range(1, 51)
    with Client(mta.port) as client:
        client.ehlo()
        for number in numbers:
            wire = mail.wire(load.numbered(number))
            reply = client.send("s@example.net", ["u@example.org"], wire)
            check.equal("reply code", reply.code, 250)
            if number % 10 == 0:
                client.cmd("RSET", 250)
    account(mta, set(numbers))


def test_verdicts_stay_with_their_mail(case: Case) -> None:
    """A refusal does not leak into the next mail of the session."""
    mta = case.smtpd_rspamd("-url", case.rspamd().url)
    bad = mail.wire(mail.message("Hello", "X-Test-Action: reject"))
    good = mail.message("Hello", number=7)
    with Client(mta.port) as client:
        client.ehlo()
        envelope = "sender@example.net", ["user@example.org"]
        check.equal("bad mail", client.send(*envelope, bad).code, 554)
        reply = client.send(*envelope, mail.wire(good))
        check.equal("good mail", reply.code, 250)
    check.equal("number delivered", mta.mail().number, 7)


def test_client_drops_in_data(case: Case) -> None:
    server = case.stub()
    mta = case.smtpd_rspamd("-url", server.url)
    pid = case.filter_pid()
    check.equal("reply code", load.send_one(mta, 1).code, 250)
    account(mta, {1})
    files = proc.open_files(pid)
    for number in range(50):
        load.begin(mta, mail.wire(load.numbered(number))).drop()
    check.equal("reply code", load.send_one(mta, 2).code, 250)
    account(mta, {2})
    check.equal("requests made", server.count(), 2)
    wait.until("the filter to close what it opened",
               lambda: proc.open_files(pid) <= files)
    check.equal("process of the filter", case.filter_pid(), pid)


def test_dot_and_more_in_one_packet(case: Case) -> None:
    """smtpd ends such a session; the filter may have seen the dot."""
    mta = case.smtpd_rspamd("-url", case.stub().url)
    for number in range(20):
        with Client(mta.port) as client:
            client.ehlo()
            client.envelope("sender@example.net", ["user@example.org"])
            client.cmd("DATA", 354)
            client.write(mail.wire(load.numbered(number)) + b"QUIT\r\n")
            check.equal("reply code", client.read().code, 500)
    mta.nothing_delivered()


def test_rspamd_stops_and_starts_under_load(case: Case) -> None:
    rspamd = case.rspamd()
    mta = case.smtpd_rspamd("-url", rspamd.url, *QUICK)
    first, second = set(range(1, 151)), set(range(151, 301))
    refused = load.refused_softly(load.send(mta, first, midway=rspamd.stop))
    check.at_least("refused while rspamd was away", len(refused), 1)
    rspamd.start()
    # The filter may leave a host alone for some time after failures.
    wait.until("the filter to use rspamd again",
               lambda: load.send_one(mta, 999).code == 250, 70)
    replies = load.send(mta, refused | second)
    check.equal("refused afterwards", load.refused_softly(replies), set())
    account(mta, first | second | {999})


def test_rspamd_hangs(case: Case) -> None:
    rspamd = case.rspamd()
    mta = case.smtpd_rspamd("-url", rspamd.url, *QUICK)
    check.equal("reply code", load.send_one(mta, 1).code, 250)
    rspamd.freeze()
    replies = load.send(mta, range(2, 32), jobs=30)
    check.equal("refused", load.refused_softly(replies), set(range(2, 32)))
    # Waiting is no work: three seconds and more went by.
    check.at_most("CPU seconds of the filter",
                  proc.cpu_seconds(case.filter_pid()), 0.5)
    rspamd.thaw()
    wait.until("the filter to use rspamd again",
               lambda: load.send_one(mta, 40).code == 250, 70)
    account(mta, {1, 40})


def test_worker_dies_on_a_message(case: Case) -> None:
    mta = case.smtpd_rspamd("-url", case.rspamd().url, *QUICK)
    killer = mail.message("Hello", "X-Test-Exit: 1")
    check.equal("reply code", mta.submit(killer).code, 451)
    wait.until("the filter to use rspamd again",
               lambda: load.send_one(mta, 1).code == 250, 70)
    account(mta, {1})


def test_second_rspamd_takes_over(case: Case) -> None:
    """Under load, one of two dies: no message is refused."""
    one, two = case.rspamd(port=21333), case.rspamd(port=22333)
    mta = case.smtpd_rspamd("-url", one.url, "-url", two.url)
    numbers = set(range(1, 201))
    replies = load.send(mta, numbers, midway=one.stop)
    check.equal("refused", load.refused_softly(replies), set())
    account(mta, numbers)
    check.matches("log of the second rspamd", two.log(), "Message-ID|<200@")


def test_first_host_is_preferred(case: Case) -> None:
    one, two = case.stub(), case.stub()
    mta = case.smtpd_rspamd("-url", one.url, "-url", two.url)
    load.send(mta, range(10), jobs=2)
    check.equal("requests at each host", (one.count(), two.count()), (10, 0))


def test_next_host_after_a_503(case: Case) -> None:
    one, two = case.stub(stub.answer(503, b"")), case.stub()
    mta = case.smtpd_rspamd("-url", one.url, "-url", two.url)
    check.equal("reply code", load.send_one(mta, 1).code, 250)
    check.equal("requests at each host", (one.count(), two.count()), (1, 1))


def test_end_of_smtpd_ends_the_filter(case: Case) -> None:
    server = case.stub(stub.hang())
    mta = case.smtpd_rspamd("-url", server.url)
    case.filter_pid()
    wire = mail.wire(load.numbered(1))
    client = load.begin(mta, wire)
    client.write(wire[len(wire) // 2:])
    wait.until("the request", lambda: server.count() > 0)
    mta.stop()
    wait.until("the filter to end", lambda: not proc.find("filter-rspamd"))
