# SPDX-License-Identifier: ISC
"""Faults of smtpd: its end, and what it says out of order."""

import array
import fcntl
import socket
import termios
import threading
from typing import Callable

from case import Case, DOMAIN, Fault, equal, signed, stub
from dialogue import CONFIG, HANDSHAKE, Filter, Session
from lib.wait import until

LOST = "451 4.3.0 Temporary local problem"
GONE = "status 0"
NONE = "no answer, as smtpd wants none"
TEN_MB = 10_000_000
BLOCKED_S = 2
WAITERS = "rspamd, dkimverify"  # others answer before anything can happen
MANY = 200
ANSWERS = 25000                 # 56 bytes each fill a socket and the queue


def busy(case: Case) -> tuple[Filter, bytes]:
    """A filter, and a message that it will be busy with for long."""
    if case.filter == "rspamd":
        case.stub(stub.hang())
        return case.start(), case.raw()
    if case.filter == "dkimverify":
        case.dns().add(f"silent._domainkey.{DOMAIN}", silent=True)
        return case.start("--dns-timeout", "60"), signed("silent")
    return case.start(), case.raw()


def wait_busy(case: Case) -> None:
    if case.filter == "rspamd":
        until("the request", case.stub_.count, 60)
    elif case.filter == "dkimverify":
        until("the query", lambda: any("silent" in name for name
                                       in case.dns_.asked), 60)


# --- the end of smtpd ---------------------------------------------------------

def eof(steps: Callable[[Case, Filter], object],
        handshake: bytes = HANDSHAKE) -> Callable[[Case], None]:
    """smtpd ends after these steps: so does the filter, at once."""
    def play(case: Case) -> None:
        filter_ = case.start(handshake=handshake, ready=False)
        if handshake == HANDSHAKE:
            filter_.wait("register|ready", lambda: filter_.ready)
        steps(case, filter_)
        equal("status", filter_.hang_up(), 0)
    return play


def eof_at_work(case: Case) -> None:
    filter_, raw = busy(case)
    for _ in range(MANY):
        filter_.session().message(raw)
    wait_busy(case)
    equal("status", filter_.hang_up(), 0)


def eof_unread(case: Case) -> None:
    """It has more to say than the socket takes, and nobody will read it."""
    filter_ = case.start()
    filter_.reading.clear()
    raw = case.raw(3_000_000)
    filter_.session().message(raw)
    filter_.wait_sent()
    until("output that is blocked", lambda: filter_.unread() > 100_000, 60)
    equal("status", filter_.hang_up(), 0)


def unread_input(filter_: Filter) -> int:
    """Bytes that we sent and the filter did not read."""
    size = array.array("i", [0])
    fcntl.ioctl(filter_.ours, termios.TIOCOUTQ, size)
    return size[0]


def block_with_answers(case: Case) -> tuple[Filter, list[Session]]:
    """Its queue is full as well: it can do nothing but wait."""
    filter_ = case.start()
    sessions = [filter_.session() for _ in range(ANSWERS)]
    filter_.reading.clear()
    for session in sessions:
        session.ask(b"noop")
    until("input that is not read",
          lambda: filter_.unread() > 10_000 and unread_input(filter_), 60)
    return filter_, sessions


def eof_unread_answers(case: Case) -> None:
    filter_, _ = block_with_answers(case)
    filter_.ours.shutdown(socket.SHUT_RDWR)
    equal("status", filter_.wait_exit(), 0)


def blocked_answers(case: Case) -> None:
    filter_, sessions = block_with_answers(case)
    affected = filter_.session().message(case.raw())
    filter_.reading.set()
    for session in sessions:
        equal("answer", session.result(), "proceed")
        session.drop()
    case.judge(affected, case.raw())
    case.passes(filter_)
    filter_.end()


def to_the_dot(case: Case, filter_: Filter) -> None:
    """The dot is back, and smtpd ends instead of asking for commit."""
    session = filter_.session()
    session.ask = lambda phase: None
    session.message(case.raw())
    session.wait_dot()


def committed(case: Case, filter_: Filter) -> None:
    session = filter_.session().message(case.raw())
    case.passed(session, case.raw())


def half(case: Case) -> bytes:
    return case.halves()[0]


EOFS = [
    ("before the handshake", "nothing was said yet",
     eof(lambda c, f: None, b"")),
    ("amid the handshake", "amid a line of the configuration",
     eof(lambda c, f: None, CONFIG + b"config|rea")),
    ("when ready", "the filter has registered", eof(lambda c, f: None)),
    ("connected", "a client has connected", eof(lambda c, f: f.session())),
    ("in the envelope", "MAIL and RCPT were accepted",
     eof(lambda c, f: f.session().begin())),
    ("in the header", "after the first field",
     eof(lambda c, f: f.session().begin().data(c.raw()[:38]))),
    ("in the body", "before the dot",
     eof(lambda c, f: f.session().begin().data(half(c)))),
    ("in a line", "amid a line of the body",
     eof(lambda c, f: (f.session().begin().data(half(c)),
                       f.send(b"filter|0.7|1.000000|smtp-in|data-l")))),
    ("in a large message", "it is in a temporary file by now",
     eof(lambda c, f: f.session().begin().data(c.raw(2_000_000)))),
    ("before commit", "the dot is back, commit was not asked",
     eof(to_the_dot)),
    ("after commit", "a message was accepted", eof(committed)),
]


# --- out of order ---------------------------------------------------------------

def odd(steps: Callable[[Case, Filter, Session, bytes], object],
        ) -> Callable[[Case], None]:
    """A dialogue that smtpd would not have; it has to send the message."""
    def play(case: Case) -> None:
        filter_ = case.start()
        usual = case.raw()
        other = case.begun(filter_)
        affected = filter_.session()
        steps(case, filter_, affected, usual)
        case.judge(affected, usual)
        case.finished(other)
        case.passed(affected.message(usual), usual)
        case.passes(filter_)
        filter_.end()
    return play


def twice(event: bytes, *fields: bytes) -> Callable[[Case], None]:
    def steps(case: Case, _: Filter, session: Session, raw: bytes) -> None:
        head = half(case)
        session.begin().data(head)
        session.report(event, *(fields or [session.msgid]))
        session.data(raw[len(head):]).dot()
    return odd(steps)


def no_begin(_: Case, filter_: Filter, session: Session, raw: bytes) -> None:
    session.data(raw).dot()


def late_data_event(_: Case, filter_: Filter, session: Session,
                    raw: bytes) -> None:
    session.begin().data(raw)
    session.report(b"tx-data", session.msgid, b"ok")
    session.dot()


def unannounced(case: Case) -> None:
    """The filter was not told of the session."""
    filter_ = case.start()
    with filter_.changed:
        session = filter_.sessions[b"%016x" % 0xabc] = Session(
            filter_, 0xabc, "192.0.2.7:1")
    other = case.begun(filter_)
    session.message(case.raw())
    case.judge(session, case.raw())
    case.finished(other)
    case.passes(filter_)
    filter_.end()


def other_transaction(case: Case, filter_: Filter, session: Session,
                      raw: bytes) -> None:
    head = half(case)
    session.begin().data(head)
    session.report(b"tx-begin", b"fedcba98")
    session.data(raw[len(head):]).dot()


def other_client(case: Case, filter_: Filter, session: Session,
                 raw: bytes) -> None:
    head = half(case)
    session.begin().data(head)
    session.report(b"link-connect", b"other.example", b"fail",
                   b"192.0.2.99:99", b"192.0.2.1:25")
    session.data(raw[len(head):]).dot()


def commit_alone(_: Case, filter_: Filter, session: Session,
                 raw: bytes) -> None:
    session.begin().ask(b"commit")


def commit_early(_: Case, filter_: Filter, session: Session,
                 raw: bytes) -> None:
    session.begin().data(raw).ask(b"commit")


def two_dots(_: Case, filter_: Filter, session: Session, raw: bytes) -> None:
    session.message(raw)
    filter_.send(b"filter|0.7|1.000000|smtp-in|data-line|" + session.sid
                 + b"|00000000000000aa|.\n")


def unknown_token(case: Case, filter_: Filter, session: Session,
                  raw: bytes) -> None:
    head = half(case)
    session.begin().data(head)
    filter_.send(b"filter|0.7|1.000000|smtp-in|data-line|" + session.sid
                 + b"|00000000000000ff|not of this message\n")
    session.data(raw[len(head):]).dot()


def unknown_phase(_: Case, filter_: Filter, session: Session,
                  raw: bytes) -> None:
    session.ask(b"frobnicate")
    equal("answer to an unknown phase", session.result(), "proceed")
    session.report(b"link-frobnicate", b"1", b"2")
    session.message(raw)


JUNK = [b"", b"\0", b"|", b"||||||||||", b"report", b"report|", b"filter|",
        b"filter|0.7|1.0|smtp-in|data-line", b"register|ready",
        b"filter|0.7|1.0|smtp-in|data-line|zz|zz|.", b"config|",
        b"report|0.7|1.0|smtp-out|tx-begin|0000000000000001|00000001",
        b"filter|9999999999.7|1|smtp-in|commit|1", b"\xff\xfe" * 99,
        b"config|protocol|0.1", b"report|0.7|x|smtp-in|tx-mail|1|1|1|1|1|1"]


def junk(_: Case, filter_: Filter, session: Session, raw: bytes) -> None:
    session.begin()
    for line in raw.split(b"\n")[:-1]:
        session.data(line + b"\n")
        filter_.send(b"\n".join(JUNK) + b"\n")
    session.dot()


def endless_line(case: Case, filter_: Filter, session: Session,
                 raw: bytes) -> None:
    session.begin().data(raw)
    session.line(b"x" * TEN_MB)
    session.dot()


def endless_junk(_: Case, filter_: Filter, session: Session,
                 raw: bytes) -> None:
    session.begin().data(raw)
    filter_.send(b"x" * TEN_MB + b"\n")
    session.dot()


def byte_by_byte(case: Case) -> None:
    filter_ = case.start(chunk=1)
    other = case.begun(filter_)
    session = filter_.session().message(case.raw())
    case.judge(session, case.raw())
    case.finished(other)
    case.passes(filter_)
    filter_.end()


def in_mid_scan(end: Callable[[Session], object]) -> Callable[[Case], None]:
    """The transaction ends while the filter waits for somebody."""
    def play(case: Case) -> None:
        filter_, raw = busy(case)
        other = case.begun(filter_)
        session = filter_.session().message(raw)
        wait_busy(case)
        end(session)
        case.finished(other)
        case.passes(filter_)
        if not session.gone:
            case.passed(session.message(case.raw()), case.raw())
        equal("answer", (session.dot_back and session.gone, session.asked),
              (False, b""))
        filter_.end()
    return play


def begin_again(session: Session) -> None:
    session.begin()


def blocked_output(case: Case) -> None:
    """Nobody reads what the filter writes; smtpd still sends."""
    filter_ = case.start()
    filter_.reading.clear()
    raw = case.raw(3_000_000)
    session = filter_.session().message(raw)
    other = filter_.session().message(case.raw())
    until("output that is blocked", lambda: filter_.unread() > 100_000, 60)
    threading.Event().wait(BLOCKED_S)       # this is the fault
    filter_.reading.set()
    case.judge(session, raw)
    case.passed(other, case.raw())
    case.passes(filter_)
    filter_.end()


FAULTS = [Fault(f"EOF {name}", "all", f"smtpd ends: {what}", GONE, play)
          for name, what, play in EOFS]
FAULTS += [
    Fault("EOF at work", "all", f"smtpd ends: {MANY} messages wait for "
          "rspamd, a key or a thread", GONE, eof_at_work),
    Fault("EOF unread", "all", "smtpd ends: it has not read what is written",
          GONE, eof_unread),
    Fault("EOF unread answers", "all",
          f"smtpd ends: {ANSWERS} answers do not fit into the socket", GONE,
          eof_unread_answers),
    Fault("no tx-begin", "all", "data lines without a transaction", "passes",
          odd(no_begin)),
    Fault("late tx-data", "all", "tx-data comes after the lines", "passes",
          odd(late_data_event)),
    Fault("unknown session", "all", "a session that was never announced",
          "passes", unannounced),
    Fault("session twice", "all", "link-connect comes again amid the message",
          "passes", twice(b"link-connect", b"client.example", b"pass",
                          b"192.0.2.7:4321", b"192.0.2.1:25")),
    Fault("session of another", "all",
          "link-connect of another client comes amid the message", LOST,
          odd(other_client)),
    Fault("tx-begin twice", "all", "tx-begin comes again amid the message",
          "passes", twice(b"tx-begin")),
    Fault("tx-begin of another", "all",
          "tx-begin of another message comes amid the message", LOST,
          odd(other_transaction)),
    Fault("tx-reset of another", "all",
          "tx-reset of another message comes amid the message", "passes",
          twice(b"tx-reset", b"00000bad")),
    Fault("unknown token", "all", "a line for somebody else amid the message",
          "passes", odd(unknown_token)),
    Fault("unknown words", "all", "a phase and an event nobody knows",
          "passes", odd(unknown_phase)),
    Fault("junk lines", "all", "after each line some that are nonsense",
          "passes", odd(junk)),
    Fault("two dots", "all", "a second dot after the first", "passes",
          odd(two_dots)),
    Fault("commit alone", "all", "commit without a message", LOST,
          odd(commit_alone)),
    Fault("commit early", "all", "commit without a dot", LOST,
          odd(commit_early)),
    Fault("byte by byte", "all", "each byte comes alone", "passes",
          byte_by_byte),
    Fault("endless line", "all", "a data line of 10 MB", LOST,
          odd(endless_line)),
    Fault("endless junk", "all", "10 MB without a newline amid the message",
          "passes", odd(endless_junk)),
    Fault("tx-reset in mid-scan", WAITERS,
          "the transaction ends while the filter waits", NONE,
          in_mid_scan(lambda s: s.end(b"tx-rollback"))),
    Fault("tx-begin in mid-scan", WAITERS,
          "the next transaction begins while the filter waits", NONE,
          in_mid_scan(begin_again)),
    Fault("disconnect in mid-scan", "all",
          "the client goes while the filter waits or signs", NONE,
          in_mid_scan(lambda s: s.drop())),
    Fault("output blocked", "all",
          f"smtpd does not read for {BLOCKED_S} s, amid a large message",
          "passes", blocked_output),
    Fault("answers blocked", "all",
          f"smtpd does not read until {ANSWERS} requests were sent",
          "passes", blocked_answers),
]
