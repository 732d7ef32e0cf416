"""The sandbox of each filter, tried out from inside: a preloaded library
(probe.c) makes forbidden and needed calls in the real programs; prints TAP."""

import ctypes
import errno
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Callable

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "e2e"))
import memory                                               # noqa: E402
from lib import wait                                        # noqa: E402

ROOT = TESTS.parent
PROBE = TESTS / "bin/sandbox-probe.so"
FILTERS = ["filter-rspamd", "filter-dkimsign", "filter-dkimverify"]
CONFIG = (b"config|smtpd-version|7.4.0\nconfig|smtp-session-timeout|300\n"
          b"config|subsystem|smtp-in\nconfig|ready\n")
DENIED = b"sandbox: denied system call: "
LANDLOCK_CREATE_RULESET, ABI_PORTS = 444, 4

# What no filter may do, and how the kernel has to say so.
FORBIDDEN = {
    "exec": errno.EPERM, "fork": errno.EPERM, "clone": errno.EPERM,
    "spawn": errno.EPERM, "ptrace": errno.EPERM, "kill": errno.EPERM,
    "listen": errno.EPERM, "limit": errno.EPERM, "code map": errno.EPERM,
    "code change": errno.EPERM, "dumpable": errno.EPERM,
    "ioctl": errno.EPERM, "socket 17": errno.EPERM,     # AF_PACKET
    "socket 40": errno.EPERM,                           # AF_VSOCK
    "call 9999": errno.EPERM,
    # Not even from a thread that blocks all signals.
    "blocked fork": errno.EPERM, "blocked clone": errno.EPERM,
    "blocked spawn": errno.EPERM, "blocked call 9999": errno.EPERM,
    "blocked limit": errno.EPERM,
}
if os.uname().machine == "x86_64":
    FORBIDDEN["call 0x40000027"] = errno.EPERM          # of the x32 interface

# What works without a sandbox, so that it is the sandbox that forbids it.
HARMLESS = ["fork", "clone", "spawn", "kill", "limit", "code map", "dumpable",
            "blocked fork", "blocked spawn"]

TESTS_TO_RUN: list[tuple[str, Callable[[Path], None]]] = []


class Skip(Exception):
    """The text is the reason."""


def test(name: str) -> Callable[[Callable[[Path], None]],
                                Callable[[Path], None]]:
    def add(func: Callable[[Path], None]) -> Callable[[Path], None]:
        TESTS_TO_RUN.append((name, func))
        return func
    return add


def landlock_abi() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, libc.syscall(LANDLOCK_CREATE_RULESET, None,
                               ctypes.c_size_t(0), 1))


def need_landlock(abi: int) -> None:
    if landlock_abi() < abi:
        raise Skip(f"this kernel has Landlock {landlock_abi()}, not {abi}")


class Filter:
    """A filter that was told its configuration, and has registered."""

    def __init__(self, work: Path, name: str, *args: str,
                 tries: list[str] | None = None,
                 before: list[str] | None = None) -> None:
        self.sessions = 0
        self.results = work / f"{name}.results"
        self.results.unlink(missing_ok=True)
        self.err = work / f"{name}.err"
        env = dict(os.environ)
        if tries is not None:
            env |= {"LD_PRELOAD": str(PROBE),
                    "SANDBOX_TRY": "".join(t + "\n" for t in tries),
                    "SANDBOX_RESULTS": str(self.results)}
        self.sock, theirs = socket.socketpair()
        self.sock.settimeout(20)
        with self.err.open("wb") as err:
            self.proc = subprocess.Popen(
                [*(before or []), ROOT / name / name, *args], stdin=theirs,
                stdout=theirs, stderr=err, env=env)
        theirs.close()
        self.sock.sendall(CONFIG)
        got = b""
        while b"register|ready\n" not in got:
            more = self.sock.recv(4096)
            assert more, f"{name} ended: {self.said()!r}"
            got += more

    def said(self) -> bytes:
        return self.err.read_bytes()

    def wait_said(self, text: bytes) -> None:
        wait.until(f"{text!r} on stderr", lambda: text in self.said())

    def sign(self) -> bytes:
        """A message goes through; returns its lines."""
        self.sessions += 1
        head, end = b"|0.7|1700000000.000000|smtp-in|", (
            b"|%016x" % self.sessions)
        report, data = b"report" + head, b"filter" + head + b"data-line" + end
        for event in (b"link-connect" + end + b"|localhost|pass|127.0.0.1:9|"
                      b"127.0.0.1:25", b"tx-begin" + end + b"|000000b1"):
            self.sock.sendall(report + event + b"\n")
        for line in (b"From: a@example.org", b"", b"Text.", b"."):
            self.sock.sendall(data + b"|00000000000000c1|" + line + b"\n")
        got = b""
        while not got.endswith(b"|.\n"):
            more = self.sock.recv(4096)
            assert more, f"it ended: {self.said()!r}"
            got += more
        return got

    def signal(self, number: int, text: bytes) -> None:
        """Sends a signal and waits for what the filter says to it."""
        self.proc.send_signal(number)
        self.wait_said(text)

    def end(self) -> dict[str, int]:
        """Is it alive, and does it end as it should?  What came of it."""
        self.signal(signal.SIGUSR1, b"=0")
        self.sock.shutdown(socket.SHUT_WR)
        status = self.proc.wait(20)
        self.sock.close()
        assert status == 0, f"status {status}: {self.said()!r}"
        if not self.results.exists():
            return {}
        return {what: int(err) for what, _, err in (
            line.partition("\t")
            for line in self.results.read_text().splitlines())}

    def stop(self) -> None:
        self.sock.close()
        self.proc.kill()
        self.proc.wait()


def args_of(name: str, work: Path) -> list[str]:
    if name == "filter-rspamd":
        return ["--url", "http://127.0.0.1:11333"]
    if name == "filter-dkimverify":
        return ["-r", "127.0.0.1@5353", "mx.example.org"]
    return ["-d", "example.org", "-s", "one", "-k",
            str(make_key(work / "keys/one.pem"))]


def make_key(path: Path, bits: int = 2048) -> Path:
    path.parent.mkdir(exist_ok=True)
    if not path.exists():
        new = path.with_suffix(".new")
        subprocess.run(["openssl", "genrsa", "-out", new, str(bits)],
                       check=True, capture_output=True)
        new.chmod(0o600)
        new.rename(path)
    return path


def outcome(work: Path, name: str, tries: list[str],
            *more: str, bare: bool = False) -> tuple[dict[str, int], bytes]:
    """What came of each try in a filter, and all that it said.

    bare: with these arguments only."""
    args = [] if bare else args_of(name, work)
    filt = Filter(work, name, *args, *more, tries=tries)
    try:
        got = filt.end()
    finally:
        filt.stop()
    missing = [t for t in tries if t not in got]
    assert not missing, f"{name} did not try {missing}: {got}"
    return got, filt.said()


def named(err: int) -> str:
    return errno.errorcode.get(err, str(err)) if err else "it works"


def compare(name: str, got: dict[str, int], want: dict[str, int]) -> None:
    bad = [f"{what}: {named(got[what])}, not {named(err)}"
           for what, err in want.items() if got[what] != err]
    assert not bad, f"{name}: " + "; ".join(bad)


@test("forbidden calls fail, and one line tells of the first")
def forbidden(work: Path) -> None:
    for name in FILTERS:
        got, said = outcome(work, name, list(FORBIDDEN))
        compare(name, got, FORBIDDEN)
        lines = [x for x in said.splitlines() if x.startswith(DENIED)]
        assert lines == [DENIED + b"execve"], f"{name}: {said!r}"


@test("the line names the call, in a worker thread too")
def told(work: Path) -> None:
    for name in FILTERS:
        for what, call in (("fork", b"fork"), ("worker exec", b"execve"),
                           ("ptrace", b"ptrace"), ("worker kill", b"kill")):
            _, said = outcome(work, name, [what])
            assert said.count(DENIED + call + b"\n") == 1, f"{name}: {said!r}"
        for what in ("open /etc/hostname", "call 9999"):
            _, said = outcome(work, name, [what])
            assert DENIED not in said, f"{name}: {said!r}"


@test("--no-sandbox forbids nothing")
def without(work: Path) -> None:
    for name in FILTERS:
        got, said = outcome(work, name, HARMLESS, "--no-sandbox")
        compare(name, got, dict.fromkeys(HARMLESS, 0))
        assert DENIED not in said, f"{name}: {said!r}"


@test("sockets: as few kinds as each filter needs")
def sockets(work: Path) -> None:
    local, inet, inet6, netlink = (f"socket {int(family)}" for family in (
        socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK))
    net, rspamd = {inet, inet6, netlink}, "filter-rspamd"
    for name, url, works in (
            ("filter-dkimsign", "", set[str]()), ("filter-dkimverify", "", net),
            (rspamd, "http://[::1]:11333", net),
            (rspamd, "unix:/run/rspamd.sock", net | {local}),
            (rspamd, "http://rspamd.example.org", net | {local})):
        got, said = outcome(work, name, sorted(net | {local}),
                            *(["--url", url] if url else []), bare=bool(url))
        compare(f"{name} {url}", got, {
            what: 0 if what in works else errno.EPERM for what in got})
        assert (DENIED in said) == (not works), f"{name}: {said!r}"


@test("sockets: TCP and UDP, no connection by another way than connect()")
def kinds(work: Path) -> None:
    stream, dgram, raw = (int(kind) for kind in (
        socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW))
    later = int(socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    want = {f"kind {stream} 0": 0, f"kind {stream | later} 6": 0,
            f"kind {dgram} 17": 0, f"kind {dgram | later} 0": 0,
            f"kind {stream} 262": errno.EPERM,          # MPTCP
            f"kind {stream} 132": errno.EPERM,          # SCTP
            f"kind {dgram} 1": errno.EPERM,             # ICMP
            f"kind {raw} 6": errno.EPERM} | {
                # libunbound takes that, and only that, for "not here".
                f"fastopen {call} 11333": errno.EOPNOTSUPP
                for call in range(3)}
    for name in ("filter-rspamd", "filter-dkimverify"):
        got, _ = outcome(work, name, list(want))
        compare(name, got, want)


@test("files: temporary ones, and what the options name")
def files(work: Path) -> None:
    need_landlock(1)
    spool, secret = work / "spool", make_key(work / "keys/one.pem")
    other = work / "other"
    spool.mkdir()
    other.write_text("x")
    denied = [f"open {other}", "open /etc/passwd", "list /etc", "list /",
              f"write {other}", f"write {work}/new", f"remove {other}",
              f"write {secret}", f"remove {secret}", "spool /var/tmp"]
    for name in FILTERS:
        key = [f"open {secret}", f"list {secret.parent}"]
        mine = name == "filter-dkimsign"
        got, _ = outcome(work, name, denied + key + [f"spool {spool}"],
                         "--spool-dir", str(spool))
        compare(name, got, dict.fromkeys(denied, errno.EACCES) |
                dict.fromkeys(key, 0 if mine else errno.EACCES) |
                {f"spool {spool}": 0})
    assert other.exists() and secret.exists()


@test("host names: the files to look them up, nothing else of /etc")
def names(work: Path) -> None:
    need_landlock(1)
    tries = ["open /etc/hosts", "open /etc/passwd", "list /etc"]
    for url, err in (("http://rspamd.example.org", 0),
                     ("http://127.0.0.1", errno.EACCES)):
        got, _ = outcome(work, "filter-rspamd", tries, "--url", url,
                         bare=True)
        compare(url, got, {"open /etc/hosts": err,
                           "open /etc/passwd": errno.EACCES,
                           "list /etc": errno.EACCES})


@test("TLS files can be replaced")
def tls_files(work: Path) -> None:
    need_landlock(1)
    folder, spool = work / "tls", work / "spool"
    folder.mkdir()
    spool.mkdir()
    file, other = folder / "cert.pem", work / "other"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048",
                    "-nodes", "-subj", "/CN=x", "-keyout", other, "-out",
                    file], check=True, capture_output=True)
    (folder / "new").write_text("x")
    args = ["--url", "https://127.0.0.1:1", "--spool-dir", str(spool),
            "--tls-ca", str(file), "--tls-cert", str(file), "--tls-key",
            str(shutil.copy(other, folder / "key.pem"))]
    tries = [f"open {file}", f"open {folder}/new", f"open {other}"]
    got, _ = outcome(work, "filter-rspamd", tries, *args, bare=True)
    compare("filter-rspamd", got,
            dict(zip(tries, (0, 0, errno.EACCES), strict=True)))


@test("TCP: the configured ports only")
def ports(work: Path) -> None:
    need_landlock(ABI_PORTS)
    for name, port in (("filter-rspamd", 11333), ("filter-dkimverify", 5353)):
        got, _ = outcome(work, name, [f"connect {port}", "connect 25"])
        compare(name, got, {f"connect {port}": 0, "connect 25": errno.EACCES})


def proc_text(pid: int, what: str) -> str:
    return Path(f"/proc/{pid}/{what}").read_text()


@test("every thread is bound; no core files, all descriptors")
def status(work: Path) -> None:
    for name in FILTERS:
        filt = Filter(work, name, *args_of(name, work))
        try:
            pid = filt.proc.pid
            for task in Path(f"/proc/{pid}/task").iterdir():
                text = (task / "status").read_text()
                for line in ("NoNewPrivs:\t1\n", "Seccomp:\t2\n"):
                    assert line in text, f"{name}: no {line!r} in {text}"
            limits = proc_text(pid, "limits")
            assert re.search(r"core file size +0 +0 ", limits), limits
            soft, hard = re.findall(r"open files +(\d+) +(\d+)", limits)[0]
            assert soft == hard, limits
            filt.end()
        finally:
            filt.stop()


@test("SIGHUP reads keys that were put in place of others")
def reload(work: Path) -> None:
    one, two = make_key(work / "keys/one.pem"), work / "keys/two.pem"
    table, new = work / "keys/table", work / "keys/table.new"
    outside = make_key(work / "outside/key.pem")

    def replace(*lines: str) -> None:
        new.write_text("".join(line + "\n" for line in lines))
        new.rename(table)

    first = f"example.org one {one}"
    replace(first)
    # Files below the folder of temporary ones could be read.
    spool = work / "spool"
    spool.mkdir()
    filt = Filter(work, "filter-dkimsign", "-K", str(table), "--spool-dir",
                  str(spool))
    try:
        make_key(two).rename(one)
        make_key(two)
        replace(first, f"example.net two {two}", f"example.com two {two}")
        filt.signal(signal.SIGHUP, b"reload: keys of 3 domains\n")
        if landlock_abi() > 0:
            replace(first, f"example.net out {outside}")
            filt.signal(signal.SIGHUP, b"the old keys stay in use")
            assert b"Permission denied" in filt.said(), filt.said()
            filt.signal(signal.SIGUSR1, b"domains=3 ")
        assert DENIED not in filt.said(), filt.said()
        filt.end()
    finally:
        filt.stop()


@test("SIGHUP reads keys and tables behind symbolic links")
def links(work: Path) -> None:
    names = work / "names"
    names.mkdir()
    for name, real in (("key", make_key(work / "keys/real.pem")),
                       ("table", work / "tables/real")):
        (names / name).symlink_to(real)
    (work / "tables").mkdir()
    (work / "spool").mkdir()
    (names / "table").write_text("example.org one key\n")
    filt = Filter(work, "filter-dkimsign", "-K", str(names / "table"),
                  "--spool-dir", str(work / "spool"))
    try:
        filt.signal(signal.SIGHUP, b"reload: keys of 1 domains\n")
        filt.end()
    finally:
        filt.stop()


def two_keys(work: Path) -> list[Path]:
    ed25519 = make_key(work / "keys/rsa.pem").with_name("ed25519.pem")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out",
                    ed25519], check=True)
    ed25519.chmod(0o600)
    return [ed25519.with_name("rsa.pem"), ed25519]


def signer(work: Path, keys: list[Path], *args: str,
           before: list[str] | None = None) -> Filter:
    table = work / "keys/table"
    table.write_text("".join(
        f"example.org {key.stem} {key}\n" for key in keys))
    return Filter(work, "filter-dkimsign", "-K", str(table), *args,
                  before=before)


@test("private keys lie in locked memory only, in no core file")
def key_memory(work: Path) -> None:
    linked = subprocess.run(["ldd", ROOT / "filter-dkimsign/filter-dkimsign"],
                            capture_output=True, text=True, check=True).stdout
    if "libcrypto.so.3" not in linked:
        raise Skip("not linked with OpenSSL 3")
    keys = two_keys(work)
    patterns = memory.secrets(keys[0]) | memory.secrets(keys[1])
    filt = signer(work, keys)
    try:
        for turn in ("started", "reloaded"):
            signed = filt.sign()
            assert signed.count(b"DKIM-Signature:") == 2, signed
            places = memory.find(filt.proc.pid, patterns)
            bad = [p for p in places if p.dumped or not p.locked]
            assert not bad, f"{turn}: {bad}"
            for key in keys:        # else the search itself is at fault
                assert any(key.name in p.what for p in places), places
            filt.signal(signal.SIGHUP, b"reload: keys of 1 domains\n")
        filt.end()
    finally:
        filt.stop()


@test("keys that cannot be locked in memory sign as well; -v tells")
def unlocked(work: Path) -> None:
    before = ["setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock",
              "prlimit", "--memlock=0"]
    filt = signer(work, two_keys(work), "-v", before=before)
    try:
        assert filt.sign().count(b"DKIM-Signature:") == 2
        filt.wait_said(b"memory of keys: 0 of ")
        filt.end()
    finally:
        filt.stop()


def main() -> int:
    bad = 0
    sanitized = [name for name in FILTERS
                 if b"__asan_init" in (ROOT / name / name).read_bytes()]
    for name, func in TESTS_TO_RUN:
        if sanitized:
            print(f"ok - sandbox: {name} # SKIP built with a sanitizer")
            continue
        with tempfile.TemporaryDirectory(prefix="sandbox-") as folder:
            try:
                func(Path(folder))
            except Skip as why:
                print(f"ok - sandbox: {name} # SKIP {why}", flush=True)
            except Exception as err:    # a broken test is a failed one
                bad += 1
                print(f"not ok - sandbox: {name}")
                where = traceback.extract_tb(err.__traceback__)[-1].lineno
                for line in f"line {where}: {err!r}".splitlines():
                    print(f"# {line}", flush=True)
            else:
                print(f"ok - sandbox: {name}", flush=True)
    return bad > 0


sys.exit(main())
