"""The command lines of the filters, without smtpd: options and their errors,
exit statuses, --help against the manual page, --check; prints TAP."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Callable

import transcripts                                         # noqa: F401
import wrong as wrong_files                                # noqa: F401
from cases import BAD, AGAIN, FILTERS, ROOT, TESTS, TESTS_TO_RUN, TIMEOUT, \
    USAGE, run, status, test

sys.path.insert(0, str(TESTS / "e2e"))
sys.path.insert(0, str(TESTS / "replies"))
from lib import stub, wait                                  # noqa: E402
from lib.smtpd import make_certificate                      # noqa: E402
from pipe import Filter                                     # noqa: E402

MAIL = b"From: a@example.net\nSubject: hello\n\nText.\n.dot\n"

# arguments of filter-rspamd, and what is said about each that is wrong
WRONG = [
    ("--url ftp://x", ['--url "ftp://x": must begin with http://']),
    ("--url http://:80", ['--url "http://:80": no host']),
    ("--url http://a:0", ['--url "http://a:0": bad port']),
    ("--url http://u@a", ['--url "http://u@a": user name']),
    ("--timeout 0", ['--timeout "0": not a number of seconds']),
    ("--reject-text Gr\u00fc\u00dfe",
     ['--reject-text "Gr\u00fc\u00dfe": not printable ASCII']),
    ("--max-size 2G", ['--max-size "2G": not a size']),
    ("--max-scans x", ['--max-scans "x": not a number']),
    ("--on-error maybe", ['--on-error "maybe": not tempfail']),
    ("--discard drop", ['--discard "drop": not reject']),
    ("--score-headers x", ['--score-headers "x": not spam']),
    ("--skip-networks 10.0.0.0/33", ['"10.0.0.0/33": not ADDRESS']),
    ("--settings {", ['--settings "{": not a JSON object']),
    ("--header User=x", ['--header "User=x": a field that the filter sets']),
    ("--tls-ca /nonexistent", ['--tls-ca "/nonexistent": No such file']),
    ("--tls-ca /", ['--tls-ca "/": Is a directory']),
    ("--tls-ca /etc/passwd", ['--tls-ca "/etc/passwd": no certificate']),
    ("--tls-cert /etc/passwd --tls-key /etc/passwd",
     ['--tls-cert "/etc/passwd": no certificate',
      '--tls-key "/etc/passwd": no private key']),
    ("--deadline 0", ['--deadline "0": not a number of seconds']),
    ("--memory 1", ['--memory "1": not a size']),
    ("--spool-dir /nonexistent", ['--spool-dir "/nonexistent": No such file']),
    ("--spool-dir /etc/passwd", ['--spool-dir "/etc/passwd": Not a dir']),
    ("--long-lines x", ['--long-lines "x": neither split nor reject']),
    ("-i nowhere", ['--ip "nowhere": not an address']),
    ("--bogus", ['option "--bogus" is not known']),
    ("-x", ["-x"]),
    ("--url", ['option "--url" needs an argument']),
    ("extra", ['"extra": no operand']),
    ("--timeout x --bogus extra --on-timeout y",
     ['--timeout "x"', '"--bogus"', '--on-timeout "y"', '"extra"']),
]

# command lines of the filter-rspamd written in Go, and all forms of a URL
RIGHT = [
    "", "-url http://127.0.0.1:11333", "-url=http://127.0.0.1:11333",
    "-url http://127.0.0.1:11333 -settings-id outgoing",
    "--url http://[::1]:11333/checkv2 --url https://a.example",
    "-url unix:/run/rspamd.sock --url /run/rspamd.sock",
    "--timeout 500ms --max-size 10k --skip-networks 10.0.0.0/8,::1",
]

@test("-n says all that is wrong, one line each")
def wrong() -> None:
    for args, says in WRONG:
        got = run("filter-rspamd", "-n", *args.split())
        status(got, BAD)
        lines = got.stderr.decode().splitlines()
        assert len(lines) == len(says), f"{args}: {lines}"
        for line, text in zip(lines, says):
            assert line.startswith("filter-rspamd: ") and text in line, (
                f"{args}: {line}")


def openssl(*args: str) -> None:
    subprocess.run(["openssl", *args], check=True, capture_output=True)


@test("an encrypted key is refused, not asked a pass phrase for")
def encrypted() -> None:
    with tempfile.TemporaryDirectory() as work:
        key, crt = make_certificate(Path(work))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(crt, key)
        server = stub.Stub(tls=context)
        args = ["--url", server.url, "--tls-ca", str(crt), "--tls-cert",
                str(crt), "--tls-key", str(key)]
        with tempfile.TemporaryFile() as log:
            smtpd = Filter(ROOT / "filter-rspamd" / "filter-rspamd", *args,
                           log=log)
            for form in ([], ["-traditional"]):
                openssl("rsa", *form, "-aes128", "-passout", "pass:secret",
                        "-in", str(key), "-out", f"{key}.new")
                Path(f"{key}.new").replace(key)
                got = run("filter-rspamd", "-n", *args)
                status(got, BAD)
                assert b"the private key is encrypted" in got.stderr, got
                for _ in range(2):
                    answer, _ = smtpd.message([b"A: b", b"", b"x"])
                    assert b"reject|451 4.7.1 " in answer, answer
                openssl("rsa", "-passin", "pass:secret", "-in", str(key),
                        "-out", f"{key}.new")
                Path(f"{key}.new").replace(key)
            assert smtpd.end() == 0
            log.seek(0)
            said = log.read()
            assert b"phrase:" not in said, said


@test("SIGUSR1 logs counters with -q too, and only those")
def counters() -> None:
    with tempfile.TemporaryFile() as log:
        smtpd = Filter(ROOT / "filter-rspamd" / "filter-rspamd", "-q",
                       "--url", answering().url, log=log)
        for _ in range(2):
            smtpd.message([b"A: b", b"", b"x"])
            smtpd.process.send_signal(signal.SIGUSR1)
            smtpd.message([b"A: b", b"", b"x"])
        assert smtpd.end() == 0
        log.seek(0)
        lines = log.read().splitlines()
        assert lines and all(x.startswith(b"counters ") for x in lines), lines


@test("SIGHUP is answered with -q too")
def quiet_reload() -> None:
    with (tempfile.TemporaryDirectory() as work,
          tempfile.TemporaryFile() as log):
        args = ["-d", "example.net", "-s", "sel", "-k", f"{work}/key"]
        status(run("filter-dkimsign", "--genkey", *args), 0)
        smtpd = Filter(ROOT / "filter-dkimsign" / "filter-dkimsign", "-q",
                       *args, log=log)
        smtpd.message([b"From: a@example.net", b"", b"x"])
        smtpd.process.send_signal(signal.SIGHUP)
        wait.until("the log", lambda: b"reload: keys of 1 domains\n" in
                   os.pread(log.fileno(), 9999, 0))
        assert smtpd.end() == 0


@test("a limit of file sizes costs the message, not the process")
def file_size() -> None:
    with tempfile.TemporaryFile() as log:
        smtpd = Filter(Path("/bin/sh"), "-c", 'ulimit -f 64; exec "$0" "$@"',
                       str(ROOT / "filter-rspamd" / "filter-rspamd"),
                       "--url", answering().url, "--spool-size", "4K",
                       log=log)
        answer, _ = smtpd.message([b"A: b", b""] + [b"x" * 70] * 4000)
        assert answer.startswith(b"reject|451 4.3.0 "), answer
        assert smtpd.message([b"A: b", b"", b"x"])[0] == b"proceed"
        assert smtpd.end() == 0


@test("a wrong option ends it before it speaks to smtpd")
def wrong_at_start() -> None:
    for name in FILTERS:
        got = run(name, "--deadline", "never", stdin=b"config|ready\n")
        status(got, BAD)
        assert got.stdout == b"", got.stdout


@test("-n takes what is right, old command lines too")
def right() -> None:
    for args in RIGHT:
        got = run("filter-rspamd", "-n", *args.split())
        status(got, 0)


@test("-V and --version print one line")
def version() -> None:
    for name in FILTERS:
        for option in ("-V", "--version"):
            got = run(name, option)
            status(got, 0)
            assert re.fullmatch(rb"%s [0-9.]+\n" % name.encode(),
                                got.stdout), got.stdout


def help_of(name: str) -> dict[str, str]:
    """Long options and their lines of --help."""
    got = run(name, "--help")
    status(got, 0)
    text = re.sub(r"\n {8,}", " ", got.stdout.decode())
    return {m[1]: m[0] for m in re.finditer(r"--([a-z][a-z-]+) .*", text)}


def manual_of(name: str) -> dict[str, str]:
    """Long options and what the manual page says under them."""
    items: dict[str, str] = {}
    page = (ROOT / name / f"{name}.8").read_text().split(".Sh DESCRIPTION")[1]
    for part in re.split(r"^\.It ", page, flags=re.M)[1:]:
        first, *rest = part.splitlines()
        lines = [first] if first.startswith("Fl ") else []
        lines += [line for line in rest if line.startswith(".Fl ")]
        for option in re.findall(r" -([a-z][a-z-]+)", "\n".join(lines)):
            items[option] = items.get(option, "") + part
    return items


@test("--help and the manual page have the same options")
def options() -> None:
    for name in FILTERS:
        helped, manual = set(help_of(name)), set(manual_of(name))
        assert helped == manual, (
            f"{name}: only in --help {sorted(helped - manual)}, only in the "
            f"manual {sorted(manual - helped)}")


@test("the manual page prints each reply whole")
def replies() -> None:
    for name in FILTERS:
        page = ROOT / name / f"{name}.8"
        shown = subprocess.run(
            ["mandoc", "-Tascii", "-Owidth=200", page], capture_output=True,
            text=True, check=True).stdout
        shown = re.sub(".\x08", "", shown)
        for text in re.findall(r"^\.It Ql ([245]\d\d .*)", page.read_text(),
                               re.MULTILINE):
            text = text.replace("\\&", "")
            assert text in shown, f"{name}: {text}"


@test("--help and the manual page have the same defaults")
def defaults() -> None:
    for name in FILTERS:
        manual = manual_of(name)
        for option, line in help_of(name).items():
            if value := re.search(r"\((\d+[KMG]?)\)$", line):
                said = re.search(rf"\b{value[1]}\b", manual[option])
                assert said, f"{name} --{option}: {value[1]}"


def check(server: stub.Stub | None, raw: bytes, *args: str,
          name: str = "") -> subprocess.CompletedProcess[bytes]:
    """--check with raw in a file, or on stdin if name is "-"."""
    url = server.url if server else stub.refused()
    with tempfile.NamedTemporaryFile() as file:
        file.write(raw)
        file.flush()
        return run("filter-rspamd", "--url", url, "--check",
                   name or file.name, *args, stdin=raw)


def answering(**members: object) -> stub.Stub:
    return stub.Stub(stub.answer(200, stub.verdict(**members)))


@test("--check sends the same message for LF, CRLF, both and stdin")
def forms() -> None:
    server = answering()
    crlf = MAIL.replace(b"\n", b"\r\n")
    args = ["-i", "192.0.2.7", "--from", "a@example.net", "--rcpt",
            "b@example.org", "--rcpt", "c@example.org", "--helo", "me",
            "--user", "dom\\admin"]
    mixed = crlf.replace(b"\r\n", b"\n", 1)
    for raw, name in ((MAIL, ""), (crlf, ""), (MAIL, "-"), (crlf, "-"),
                      (mixed, ""), (MAIL, "/dev/stdin")):
        status(check(server, raw, *args, name=name), 0)
        seen = server.seen[-1]
        assert seen.body == crlf, seen.body
        want = {"IP": ["192.0.2.7"], "From": ["<a@example.net>"],
                "Helo": ["me"], "User": ["dom\\admin"],
                "Rcpt": ["<b@example.org>", "<c@example.org>"]}
        got = {key: seen.values(key) for key in want}
        assert got == want, got


@test("--check shows action, score, symbols and header changes")
def shown() -> None:
    symbols = {"ONE": {"name": "ONE", "score": 7.5}}
    got = check(answering(action="add header", score=7.5, symbols=symbols,
                          milter={"remove_headers": {"Subject": 0},
                                  "change_from": "b@example.net"}), MAIL)
    status(got, 0)
    for text in (b"action: add header", b"score: 7.50/15.00", b"7.50 ONE",
                 b"- Subject: hello", b"+ X-Spam: Yes"):
        assert text in got.stdout, got.stdout
    line = got.stderr.split()
    assert line[-1] == b"notes=change_from:-not-possible-here", line


@test("--check exits with 0, 1, 64 and 75")
def statuses() -> None:
    status(check(answering(), MAIL), 0)
    status(check(answering(), b""), 0)
    got = check(answering(action="reject"), MAIL)
    status(got, BAD)
    assert b"refused: 554 5.7.1 " in got.stdout, got.stdout
    status(check(answering(action="soft reject"), MAIL), AGAIN)
    status(check(None, MAIL), AGAIN)
    status(check(None, MAIL, "--on-unreachable", "accept"), 0)
    for name in ("/nonexistent", "/"):
        got = check(None, b"", name=name)
        status(got, USAGE)
        assert f'--check "{name}": '.encode() in got.stderr, got.stderr
    status(check(None, MAIL, "--bogus"), USAGE)
    with open("/dev/full", "wb") as full:
        got = subprocess.run(
            [ROOT / "filter-rspamd/filter-rspamd", "--url",
             answering().url, "--check", "-"], input=MAIL, stdout=full,
            stderr=subprocess.PIPE, timeout=TIMEOUT, check=False)
    status(got, BAD)
    assert b"stdout: No space left on device" in got.stderr, got.stderr


@test("a new body for a header over the limit is left out, and logged")
def new_body() -> None:
    json = stub.verdict()
    server = stub.Stub(stub.answer(200, json + b"new\n",
                                   f"Message-Offset: {len(json)}"))
    lines = b"".join(b"X-%d: %s\n" % (n, b"x" * 900) for n in range(1300))
    got = check(server, b"From: a@example.org\n" + lines + b"\nold\n")
    status(got, 0)
    assert b"new body left out: the header is over 1 MiB" in got.stderr, (
        got.stderr)


@test("a long line in a new body is cut or refused, as --long-lines says")
def long_body() -> None:
    json = stub.verdict()
    server = stub.Stub(stub.answer(200, json + b"x" * 70000 + b"\n",
                                   f"Message-Offset: {len(json)}"))
    got = check(server, MAIL)
    status(got, 0)
    assert b"line of 70000 bytes cut: " in got.stderr, got.stderr
    got = check(server, MAIL, "--long-lines", "reject")
    status(got, BAD)
    assert b"550 5.6.0 " in got.stderr, got.stderr


@test("a header that rspamd makes too large is logged as what it gets")
def large_header() -> None:
    many = {f"X-{n}": "y" * 200000 for n in range(20)}
    got = check(answering(milter={"add_headers": many}), MAIL)
    status(got, AGAIN)
    assert b"result=tempfail" in got.stderr, got.stderr
    assert b"is over 2097152; it gets 451" in got.stderr, got.stderr


@test("--check prints what is known when its deadline is over")
def deadline() -> None:
    raw = (b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=x; h=from;\n"
           b"\tbh=s14J+iztnrytnRYzb7lhFG/jS/vrxWJnnahfijFMnco=; b=AAAA\n"
           b"From: a@example.org\n\nx\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        got = run("filter-dkimverify", "-r",
                  f"127.0.0.1@{silent.getsockname()[1]}", "--deadline", "1",
                  "mx.example.org", "--check", "-", stdin=raw)
    status(got, AGAIN)
    assert b"dkim=temperror" in got.stdout, got


@test("make names each library that is missing, and its package")
def missing() -> None:
    # What make -j hands down would be complained about first.
    env = {k: v for k, v in os.environ.items() if k != "MAKEFLAGS"}
    got = subprocess.run(
        ["make", "-s", "libs", "PKG_CONFIG=false", "CC=false"], cwd=ROOT,
        env=env, capture_output=True, text=True, check=False)
    line = got.stderr.splitlines()[0]
    assert got.returncode != 0 and line.startswith("missing: "), got
    for text in ("libcurl (Debian: libcurl4-openssl-dev)",
                 "libunbound (Debian: libunbound-dev and nettle-dev)",
                 "uthash.h (Debian: uthash-dev)"):
        assert text in line, line


# what readelf says of a program that is hardened in full
HARDENED = {
    "position-independent": r"Type: +DYN ",
    "read-only relocations": r"GNU_RELRO ",
    "no lazy binding": r"\(FLAGS_1\).* NOW",
    "no code on the stack": r"GNU_STACK .* RW +0x",
    "stack protector": r"UND __stack_chk_fail@",
    "checked copies": r"UND __v?snprintf_chk@",
}

# compiler, flags of the user, what harden.sh may not add to them
YIELDS = [
    ("cc", "-O2 -D_FORTIFY_SOURCE=2", "FORTIFY"),
    ("cc", "-O0", "FORTIFY"),
    ("cc", "-O2 -fno-pie", "-fPIE"),
    ("cc", "-O1 -fsanitize=address", "-"),
    ("false", "-O2", "-"),
]


@test("the programs are hardened")
def hardened() -> None:
    for name in FILTERS:
        got = subprocess.run(
            ["readelf", "-W", "-h", "-l", "-d", "--dyn-syms",
             ROOT / name / name], capture_output=True, text=True, check=True)
        for what, pattern in HARDENED.items():
            assert re.search(pattern, got.stdout), f"{name}: no {what}"


@test("hardening yields to the flags of the user")
def yields() -> None:
    def added(what: str, compiler: str, flags: str) -> str:
        return subprocess.run(
            ["sh", "tests/harden.sh", what, compiler, flags], cwd=ROOT,
            capture_output=True, text=True, check=True).stdout

    assert "-D_FORTIFY_SOURCE=" in added("compile", "cc", "-O2")
    assert "-pie " in added("link", "cc", "-O2")
    for compiler, flags, text in YIELDS:
        got = added("compile", compiler, flags)
        assert text not in got, f"{compiler} {flags}: {got}"
    for flags in ("-static", "-no-pie"):
        got = added("link", "cc", flags)
        assert "-pie " not in got and "relro" in got, got


def main() -> int:
    bad = 0
    for name, func in TESTS_TO_RUN:
        try:
            func()
        except Exception as err:        # a broken test is a failed one
            bad += 1
            print(f"not ok - cli: {name}")
            where = traceback.extract_tb(err.__traceback__)[-1].lineno
            for line in f"line {where}: {err!r}".splitlines():
                print(f"# {line}")
        else:
            print(f"ok - cli: {name}", flush=True)
    return bad > 0


sys.exit(main())
