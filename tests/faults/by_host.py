# SPDX-License-Identifier: ISC
"""Faults of the host: disk, memory, descriptors, clock, threads, signals."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import Callable

from by_rspamd import MEMORY, UNREACHABLE
from case import (UNSCANNED, Case, DOMAIN, Fault, GOOD, Skip, equal,
                  have_private_mounts, is_sanitized, pipe, shared, signed, stub)
from control import Control
from dialogue import Filter, Session
from lib import space
from lib.wait import until

LOST = "451 4.3.0 Temporary local problem"
EITHER = "451 4.3.0, or passes"
LARGE = 3_000_000               # goes to a temporary file
DAY_S = 24 * 60 * 60
NOBODY = 65534
START_KEYS = 400      # a second's work
STORM = 2000
STOPPED_S = 2
KIB = 1024


def need_root() -> None:
    if os.geteuid() != 0:
        raise Skip("must be root")


def affected_beside(case: Case, filter_: Filter, size: int = LARGE,
                    src: str = UNSCANNED) -> None:
    """A large message meets the fault, a small one beside it does not."""
    raw = case.raw(size)
    other = filter_.session(src).begin()
    affected = filter_.session(src).message(raw)
    other.data(case.raw()).dot()
    case.passed(other, case.raw())
    case.judge(affected, raw)


def recovered(case: Case, filter_: Filter, size: int = LARGE) -> None:
    raw = case.raw(size)
    case.passed(filter_.session().message(raw), raw)
    case.passes(filter_)
    filter_.end()


# --- disk -----------------------------------------------------------------------

def small_disk(case: Case) -> Path:
    have_private_mounts()
    spool = case.folder / "spool"
    spool.mkdir()
    space.empty(spool, "755", "size=1m")
    case.undo.callback(subprocess.run, ["umount", "-l", str(spool)],
                       check=False)
    return spool


def disk_full(case: Case) -> None:
    spool = small_disk(case)
    filter_ = case.start("--spool-dir", str(spool))
    affected_beside(case, filter_)
    # What it had there is free again: a smaller one fits.
    recovered(case, filter_, 600_000)


def disk_full_of_kept(case: Case) -> None:
    """What is kept of messages before must not stand in the way."""
    spool = small_disk(case)
    filter_ = case.start("--spool-dir", str(spool))
    raw = case.raw(400_000)
    for session in [filter_.session().begin().data(raw) for _ in range(2)]:
        case.passed(session.dot(), raw)
        session.drop()
    raw = case.raw(900_000)
    case.judge(filter_.session().message(raw), raw)
    recovered(case, filter_, 600_000)


def disk_filled_by_others(case: Case) -> None:
    spool = small_disk(case)
    filter_ = case.start("--spool-dir", str(spool))
    recovered_once = case.raw(600_000)
    case.passed(filter_.session().message(recovered_once), recovered_once)
    with open(spool / "other", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    affected_beside(case, filter_, 900_000)
    (spool / "other").unlink()
    recovered(case, filter_, 600_000)


def disk_read_only(case: Case) -> None:
    spool = small_disk(case)
    filter_ = case.start("--spool-dir", str(spool))
    for how in ("ro", "rw"):
        subprocess.run(["mount", "-o", f"remount,{how}", str(spool)],
                       check=True)
        if how == "ro":
            affected_beside(case, filter_)
    recovered(case, filter_, 600_000)


def spool_moved(case: Case) -> None:
    spool = case.folder / "spool"
    spool.mkdir()
    filter_ = case.start("--spool-dir", str(spool))
    spool.rename(case.folder / "elsewhere")
    affected_beside(case, filter_)
    (case.folder / "elsewhere").rename(spool)
    recovered(case, filter_)


def spool_removed(case: Case) -> None:
    """What is made anew is not the folder that the sandbox knows."""
    spool = case.folder / "spool"
    spool.mkdir()
    filter_ = case.start("--spool-dir", str(spool))
    spool.rmdir()
    affected_beside(case, filter_)
    case.passes(filter_)
    filter_.end()


def file_size_limit(case: Case) -> None:
    """The system sends SIGXFSZ to who writes more, which ends a process."""
    filter_ = case.start()
    undo = limit(filter_, resource.RLIMIT_FSIZE, 1_000_000)
    affected_beside(case, filter_)
    undo()
    recovered(case, filter_)


def unreadable(case: Case) -> None:
    """The temporary file loses what is in it."""
    filter_ = case.start()
    raw = case.raw(LARGE)
    affected = filter_.session(UNSCANNED).begin().data(raw)
    affected.sync()
    folder = Path(f"/proc/{filter_.pid}/fd")
    files = [fd for fd in folder.iterdir() if "filter." in os.readlink(fd)]
    equal("number of temporary files", len(files), 1)
    os.truncate(files[0], 0)
    other = filter_.session(UNSCANNED).message(case.raw())
    case.passed(other, case.raw())
    case.judge(affected.dot(), raw)
    recovered(case, filter_)


# --- memory ---------------------------------------------------------------------

def limit(filter_: Filter, what: int, soft: int) -> Callable[[], None]:
    """Lowers a limit of the running filter; returns what undoes it."""
    old = resource.prlimit(filter_.pid, what)
    resource.prlimit(filter_.pid, what, (soft, old[1]))
    return lambda: resource.prlimit(filter_.pid, what, old)


def less_address_space(filter_: Filter, more: int) -> Callable[[], None]:
    if is_sanitized():
        raise Skip("a sanitizer takes all address space")
    pages = int(Path(f"/proc/{filter_.pid}/statm").read_text().split()[0])
    return limit(filter_, resource.RLIMIT_AS,
                 pages * resource.getpagesize() + more)


def no_address_space(case: Case) -> None:
    """What finds no room in memory goes to a file."""
    filter_ = case.start("--spool-size", "32M")
    case.passes(filter_)
    undo = less_address_space(filter_, 1024 * KIB)
    affected_beside(case, filter_)
    undo()
    recovered(case, filter_)


def no_space_for_a_header(case: Case) -> None:
    filter_ = case.start()
    case.passes(filter_)
    undo = less_address_space(filter_, 512 * KIB)
    raw = b"X-Long: " + (b"x" * 70 + b"\n ") * 12_500 + b"\n" + case.raw()
    affected = filter_.session().message(raw)
    other = filter_.session(UNSCANNED).message(case.raw())
    case.passed(other, case.raw())
    case.judge(affected, raw)
    undo()
    recovered(case, filter_)


def is_verified(case: Case, filter_: Filter) -> bool:
    session = filter_.session().message(case.raw())
    equal("answer", session.result(), "proceed")
    return b"dkim=pass" in b"".join(case.whole(session, case.raw()))


def no_space_for_dns(case: Case) -> None:
    """libunbound has no memory either; nothing is cached."""
    case.dns().zone[f"{GOOD}._domainkey.{DOMAIN}"].ttl = 0
    filter_ = case.start()
    case.passes(filter_)
    undo = less_address_space(filter_, 256 * KIB)
    sessions = [filter_.session().message(case.raw(n % 4 * 10_000))
                for n in range(60)]
    refused = 0
    for n, session in enumerate(sessions):
        if session.result() == "proceed":
            case.whole(session, case.raw(n % 4 * 10_000))
        else:
            equal("answer", session.verdict[:9], "451 4.3.0")
            refused += 1
    assert refused > 0, "there was enough memory"
    undo()
    # libunbound remembers for some seconds that a name had no answer.
    until("DNS again", lambda: is_verified(case, filter_), 30)
    recovered(case, filter_)


def failing_reload(case: Case) -> None:
    """Each allocation of a reload in turn; libcrypto has memory of its own."""
    control = Control(case)
    filter_ = case.start(env=control.env)
    other = case.begun(filter_)
    left, failed = 1, -1
    while control.failed != failed:
        failed, said = control.failed, len(filter_.said())
        control.fail(left, 1)
        os.kill(filter_.pid, signal.SIGHUP)
        until("the reload", lambda: "reload" in filter_.said()[said:], 60)
        control.fail(0, 0)
        session = filter_.session().message(case.raw())
        case.judge(session, case.raw())
        session.drop()
        left += 1
    assert left > 10, f"only {left} allocations"
    case.finished(other)
    case.passes(filter_)
    filter_.end()


def failing_allocations(case: Case, in_a_row: int) -> None:
    """Each allocation of a message in turn, also those of libraries."""
    control = Control(case)
    filter_ = case.start(env=control.env)
    # From here on libunbound is not asked: it does not always survive this.
    case.passes(filter_)
    other = filter_.session().begin().data(case.raw())
    other.sync()
    left, failed = 0, -1
    while control.failed != failed or left < 50:
        failed = control.failed
        left += 1
        control.fail(left, in_a_row)
        session = filter_.session(UNSCANNED if left % 2 else "192.0.2.7:1")
        raw = case.raw(left % 3 * 200_000)
        answer = session.message(raw).result()
        if answer == "proceed":
            case.whole(session, raw)
        else:
            equal("answer", answer[:9], "451 4.3.0")
        control.fail(0, 0)
        session.drop()
    case.passed(other.dot(), case.raw())
    case.passes(filter_)
    filter_.end()


# --- descriptors ------------------------------------------------------------------

def no_descriptors(filter_: Filter) -> Callable[[], None]:
    """Not one more can be opened from now on."""
    used = {int(name) for name in os.listdir(f"/proc/{filter_.pid}/fd")}
    free = min(set(range(len(used) + 1)) - used)
    return limit(filter_, resource.RLIMIT_NOFILE, free)


def no_descriptor_for_a_file(case: Case) -> None:
    filter_ = case.start()
    case.passes(filter_)
    undo = no_descriptors(filter_)
    affected_beside(case, filter_)
    undo()
    recovered(case, filter_)


def no_descriptor_for_rspamd(case: Case) -> None:
    # That says nothing about rspamd, so its policy must not let mail pass.
    filter_ = case.start("--on-unreachable", "accept")
    undo = no_descriptors(filter_)
    case.around(filter_, case.raw(), src=UNSCANNED, heal=undo)


def no_descriptor_for_dns(case: Case) -> None:
    server = case.dns()
    for selector in ("one", "two"):
        server.add(f"{selector}._domainkey.{DOMAIN}", *shared()[1])
    filter_ = case.start()
    case.passes(filter_)        # that key is cached
    undo = no_descriptors(filter_)
    affected = filter_.session().message(signed("one"))
    case.passes(filter_)
    case.judge(affected, signed("one"))
    undo()
    case.passed(affected.message(signed("two")), signed("two"))
    # libunbound keeps the failure of a name for some seconds.
    until("the first name", lambda: "pass" in pipe.results(b"".join(
        line + b"\n" for line in result_of(affected, signed("one")))), 60)
    case.passes(filter_)
    filter_.end()


def result_of(session: Session, raw: bytes) -> list[bytes]:
    session.message(raw).result()
    return session.lines


def no_descriptor_for_a_reload(case: Case) -> None:
    filter_ = case.start()
    other = case.begun(filter_)
    undo = no_descriptors(filter_)
    os.kill(filter_.pid, signal.SIGHUP)
    until("the reload", lambda: "the old keys stay" in filter_.said(), 60)
    raw = case.raw()
    case.judge(filter_.session().message(raw), raw)
    case.finished(other)
    undo()
    os.kill(filter_.pid, signal.SIGHUP)
    until("the reload", lambda: "reload: keys of 1" in filter_.said(), 60)
    case.passes(filter_)
    filter_.end()


def few_from_the_start(case: Case) -> None:
    """Each number of descriptors: too few is said before the handshake."""
    started = 0
    for count in range(3, 30):
        filter_ = case.start(before=("prlimit", f"--nofile={count}:{count}"),
                             ready=False)
        with filter_.changed:
            filter_.changed.wait_for(
                lambda: filter_.ready or filter_.ended, 60)
        if not filter_.ready:
            # 127 is the loader's, which finds no library then.
            status = filter_.wait_exit()
            assert status in (1, 127), f"status {status}"
            assert filter_.said().count("\n") > 0, "it says nothing"
            filter_.close()
            continue
        started += 1
        session = filter_.session(UNSCANNED).message(case.raw())
        session.result()
        filter_.end()
        filter_.close()
    assert started > 5, f"started {started} times"


# --- clock ------------------------------------------------------------------------

def clock_jumps(seconds: int) -> Callable[[Case], None]:
    """The wall clock jumps while a message waits for its answer."""
    def play(case: Case) -> None:
        control = Control(case)
        jumped = threading.Event()
        raw = case.raw()
        if case.filter == "rspamd":
            server = case.stub(held(jumped))
        elif case.filter == "dkimverify":
            server = case.dns()
            entry = server.zone.pop(f"{GOOD}._domainkey.{DOMAIN}")
            ask = server.answers

            def answers(name: str, kind: int) -> tuple[int, list[bytes]]:
                jumped.wait()
                server.zone[f"{GOOD}._domainkey.{DOMAIN}"] = entry
                return ask(name, kind)
            server.answers = answers
        filter_ = case.start(env=control.env)
        other = case.begun(filter_)
        affected = filter_.session().message(raw)
        if case.filter == "rspamd":
            until("the request", server.count, 60)
        elif case.filter == "dkimverify":
            until("the query", lambda: server.asked, 60)
        control.jump(seconds)
        jumped.set()
        case.finished(other)
        case.judge(affected, raw)
        case.passes(filter_, 3)
        control.jump(0)
        case.passes(filter_, 3)
        filter_.end()
    return play


def held(go: threading.Event) -> stub.Step:
    """A right answer, but not before go."""
    def step(conn: stub.Conn) -> None:
        conn.read()
        go.wait()
        conn.sock.sendall(stub.http(200, stub.verdict()))
    return step


# --- threads ------------------------------------------------------------------------

def no_threads(case: Case) -> None:
    """The system gives none: the loop does the work."""
    need_root()
    key = case.folder / "key.pem"
    shutil.copy(shared()[0], key)
    for path in (key, case.folder):
        os.chown(path, NOBODY, NOBODY)
    # A sanitizer would look for leaks in a thread of its own.
    filter_ = case.start("-k", str(key), before=("prlimit", "--nproc=1:1"),
                         user=NOBODY, group=NOBODY, extra_groups=[],
                         env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    case.passes(filter_, 3)
    assert "0 of 2 threads" in filter_.said(), filter_.said()
    case.around(filter_, case.raw())


def no_thread_for_a_name(case: Case) -> None:
    """libcurl looks up names in a thread of its own."""
    have_private_mounts()
    hosts = Path("/etc/hosts").read_text() + "127.0.0.1 rspamd.example\n"
    space.cover(Path("/etc/hosts"), hosts, shared()[0].with_name("hosts"))
    control = Control(case)
    server = case.stub()
    control.threads(False)
    filter_ = case.start_rspamd(f"http://rspamd.example:{server.port}",
                                env=control.env)
    case.around(filter_, case.raw(), src=UNSCANNED,
                heal=lambda: control.threads(True))


# --- signals --------------------------------------------------------------------------

def storm(number: int) -> Callable[[Case], None]:
    def play(case: Case) -> None:
        filter_ = case.start()
        raw = case.raw()
        sessions = [filter_.session() for _ in range(20)]
        for session in sessions:
            session.begin().data(raw)
        for n in range(STORM):
            os.kill(filter_.pid, number)
            if n % (STORM // 20) == 0:
                sessions[n * 20 // STORM].dot()
        for session in sessions:
            case.judge(session, raw)
        case.passes(filter_)
        filter_.end()
    return play


def signals_at_start(case: Case) -> None:
    """Some keys are read when they come, others are not."""
    table = case.folder / "table"
    lines = []
    for n in range(START_KEYS):
        shutil.copy(shared()[0], case.folder / f"{n}.pem")
        lines.append(f"d{n}.example.com {GOOD} {n}.pem\n")
    table.write_text("".join(lines))
    filter_ = case.start("-K", str(table), ready=False)
    before = Path(f"/proc/{filter_.pid}/io")
    half = START_KEYS * shared()[0].stat().st_size // 2
    until("some keys", lambda: int(before.read_text().split()[1]) > half)
    for number in (signal.SIGHUP, signal.SIGUSR1):
        os.kill(filter_.pid, number)
    for word in ("reload: ", "counters"):
        until(word, lambda: word in filter_.said(), 60)
    raw = case.raw()
    case.judge(filter_.session().message(raw), raw)
    filter_.end()


def reload_broken(case: Case) -> None:
    """SIGHUP with a key that is none: the old one stays in use."""
    key = case.folder / "key.pem"
    shutil.copy(shared()[0], key)
    filter_ = case.start("-k", str(key))
    other = case.begun(filter_)
    key.write_text("this is no key\n")
    os.kill(filter_.pid, signal.SIGHUP)
    until("the reload", lambda: "the old keys stay" in filter_.said(), 60)
    raw = case.raw()
    case.judge(filter_.session().message(raw), raw)
    case.finished(other)
    shutil.copy(shared()[0], key)
    os.kill(filter_.pid, signal.SIGHUP)
    until("the reload", lambda: "reload: keys of 1" in filter_.said(), 60)
    case.passes(filter_)
    filter_.end()


def ignored_signal(case: Case) -> None:
    filter_ = case.start()
    os.kill(filter_.pid, signal.SIGPIPE)
    case.around(filter_, case.raw())


def ending_signal(case: Case) -> None:
    """Whoever may send one wants the filter to end."""
    for number in (signal.SIGTERM, signal.SIGINT):
        filter_ = case.start()
        filter_.session().begin().data(case.raw())
        filter_.wait_sent()
        os.kill(filter_.pid, number)
        equal("status", filter_.wait_exit(), -number)


def stopped(case: Case) -> None:
    filter_ = case.start()
    other = case.begun(filter_)
    raw = case.raw(LARGE)
    half = raw.index(b"\n", LARGE // 2) + 1
    affected = filter_.session().begin().data(raw[:half])
    os.kill(filter_.pid, signal.SIGSTOP)
    affected.data(raw[half:]).dot()
    threading.Event().wait(STOPPED_S)       # this is the fault
    os.kill(filter_.pid, signal.SIGCONT)
    case.finished(other)
    case.judge(affected, raw)
    case.passes(filter_)
    filter_.end()


# --- stderr ---------------------------------------------------------------------------

def fill(descriptor: int) -> None:
    os.set_blocking(descriptor, False)
    try:
        while True:
            os.write(descriptor, b"x" * 100)
    except BlockingIOError:
        os.set_blocking(descriptor, True)


def stderr_blocked(case: Case) -> None:
    """Nobody reads the log: a pipe, and a socket as smtpd has it."""
    for make in (os.pipe, lambda: [s.detach() for s in socket.socketpair()]):
        ours, theirs = make()
        fill(theirs)
        filter_ = case.start("-v", "-v", stderr=theirs)
        os.close(theirs)
        os.kill(filter_.pid, signal.SIGUSR1)
        case.around(filter_, case.raw())
        os.close(ours)


def stderr_gone(case: Case) -> None:
    """The reader of the log is no more."""
    ours, theirs = os.pipe()
    os.close(ours)
    filter_ = case.start("-v", "-v", stderr=theirs)
    os.close(theirs)
    case.around(filter_, case.raw())


FAULTS = [
    Fault("disk full", "all", "a large message fills the spool folder's disk",
          LOST, disk_full),
    Fault("disk full of kept files", "all",
          "a large message, and files of messages before fill the disk",
          "passes", disk_full_of_kept),
    Fault("disk filled by others", "all",
          "that disk is full before the message comes", LOST,
          disk_filled_by_others),
    Fault("disk read-only", "all", "that disk is mounted read-only", LOST,
          disk_read_only),
    Fault("spool folder moved", "all", "it has another name for a while",
          LOST, spool_moved),
    Fault("spool folder removed", "all", "there is no spool folder any more",
          LOST, spool_removed),
    Fault("file size limit", "all",
          "RLIMIT_FSIZE is below the size of a large message", LOST,
          file_size_limit),
    Fault("file cut", "all", "the temporary file is empty when it is read",
          LOST, unreadable),
    Fault("no address space", "all",
          "RLIMIT_AS is lowered, a large message was to stay in memory",
          "passes", no_address_space),
    Fault("no address space for a header", "all",
          "RLIMIT_AS is lowered, the header has 900 KB", LOST,
          no_space_for_a_header),
    Fault("no address space for DNS", "dkimverify",
          "RLIMIT_AS is lowered, 60 messages at once need keys", EITHER,
          no_space_for_dns),
    Fault("no memory for a reload", "dkimsign",
          "each allocation of a reload fails in turn, but libcrypto's",
          "passes", failing_reload),
    Fault("no memory at the n-th allocation", "all",
          "each allocation of a message fails, libraries' too (not libunbound)",
          EITHER, lambda case: failing_allocations(case, 1)),
    Fault("no memory from the n-th allocation on", "all",
          "the same, and the five that follow", EITHER,
          lambda case: failing_allocations(case, 6)),
    Fault("no descriptor for a file", "all",
          "RLIMIT_NOFILE is lowered, a large message needs a file", LOST,
          no_descriptor_for_a_file),
    Fault("no descriptor for rspamd", "rspamd",
          "RLIMIT_NOFILE is lowered, no connection is possible",
          MEMORY, no_descriptor_for_rspamd),
    Fault("no descriptor for DNS", "dkimverify",
          "RLIMIT_NOFILE is lowered, no query is possible",
          "passes, dkim=temperror", no_descriptor_for_dns),
    Fault("no descriptor for a reload", "dkimsign",
          "RLIMIT_NOFILE is lowered at SIGHUP", "passes",
          no_descriptor_for_a_reload),
    Fault("few descriptors", "all",
          "RLIMIT_NOFILE is 3, 4 ... 29 from the start",
          "status 1 before the handshake, or all is well",
          few_from_the_start),
    Fault("clock forward", "all",
          "the wall clock jumps a day forward while the message waits",
          "passes", clock_jumps(DAY_S)),
    Fault("clock back", "all",
          "the wall clock jumps a day back while the message waits",
          "passes", clock_jumps(-DAY_S)),
    Fault("no threads", "dkimsign", "RLIMIT_NPROC allows no thread",
          "passes", no_threads),
    Fault("no thread for a name", "rspamd",
          "no thread can be started to look up rspamd's name",
          UNREACHABLE, no_thread_for_a_name),
    Fault("signals at start", "dkimsign",
          f"SIGHUP and SIGUSR1 while the keys of {START_KEYS} domains are read",
          "passes", signals_at_start),
    Fault("SIGHUP storm", "all", f"{STORM} SIGHUP among 20 messages",
          "passes", storm(signal.SIGHUP)),
    Fault("SIGUSR1 storm", "all", f"{STORM} SIGUSR1 among 20 messages",
          "passes", storm(signal.SIGUSR1)),
    Fault("broken reload", "dkimsign", "SIGHUP while the key file is broken",
          "passes", reload_broken),
    Fault("SIGPIPE", "all", "somebody sends SIGPIPE", "passes",
          ignored_signal),
    Fault("SIGTERM, SIGINT", "all", "somebody wants the filter to end",
          "ended by the signal", ending_signal),
    Fault("stopped", "all", f"SIGSTOP, and SIGCONT {STOPPED_S} s later",
          "passes", stopped),
    Fault("stderr blocked", "all", "nobody reads the log", "passes",
          stderr_blocked),
    Fault("stderr gone", "all", "the reader of the log has ended", "passes",
          stderr_gone),
]
