"""The command line of filter-dkimsign: keys, records, configuration."""

import stat
import subprocess
from pathlib import Path

from lib import check, dkimpy, load, mail
from lib.case import Case
from lib.dns import Dns
from lib.signer import DOMAIN, Keys

NAME = "filter-dkimsign"
MANY = {n: load.numbered(n) for n in range(1, 81)}
Done = subprocess.CompletedProcess[str]


def run(case: Case, *args: str, **kind: object) -> Done:
    return subprocess.run([case.program(NAME), *args], text=True,
                          capture_output=True, timeout=60, cwd=case.work,
                          **kind)


def record(done: Done) -> tuple[str, str]:
    """Name and text of the one zone file entry on stdout."""
    name, _, rest = done.stdout.partition(". IN TXT ")
    strings = rest.split('"')[1::2]
    check.at_most("longest string", max(map(len, strings)), 255)
    return name, "".join(strings)


def publish(case: Case, dns: Dns, *args: str) -> None:
    for line in run(case, *args, "--dns").stdout.splitlines():
        name, _, rest = line.partition(". IN TXT ")
        dns.add(name, "".join(rest.split('"')[1::2]))


def test_genkey(case: Case) -> None:
    for algorithm, bits in (("rsa-sha256", "1024"), ("rsa-sha256", "2048"),
                            ("rsa-sha256", "4096"), ("ed25519-sha256", "0")):
        path = case.work / f"{algorithm}.{bits}"
        size = ["--bits", bits] if bits != "0" else []
        args = ["-d", DOMAIN, "-s", "sel", "-k", str(path)]
        done = run(case, "--genkey", "-a", algorithm, *size, *args)
        check.equal(f"status ({done.stderr})", done.returncode, 0)
        check.equal("mode", stat.S_IMODE(path.stat().st_mode), 0o600)
        name, text = record(done)
        check.equal("name", name, f"sel._domainkey.{DOMAIN}")
        check.equal("same as --dns", run(case, *args, "--dns").stdout,
                    done.stdout)
        signed = run(case, "-q", *args, "--check", "-",
                     input=mail.message().decode())
        check.equal("signed", signed.returncode, 0)
        check.equal("verifies", dkimpy.verify(
            signed.stdout.encode(), {name: text.encode()}.get), [True])
        before = path.read_bytes()
        again = run(case, "--genkey", "-a", algorithm, *args)
        check.equal("status for a file that exists", again.returncode, 1)
        check.matches("error", again.stderr, "File exists")
        check.same_bytes("key file", path.read_bytes(), before)
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([case.program(NAME), *args, "--dns"],
                              stdout=full, stderr=subprocess.PIPE, text=True,
                              check=False)
    check.equal("status with a full disk", done.returncode, 1)
    check.matches("error", done.stderr, "cannot write the record: No space")
    done = run(case, "--genkey", "-d", "b\u00fccher.example", "-s", "x")
    check.equal("name", record(done)[0], "x._domainkey.xn--bcher-kva.example")
    check.equal("default name", (case.work /
                                 "xn--bcher-kva.example.x.key").exists(), True)


def test_check_dns(case: Case) -> None:
    keys = Keys(case)
    selectors = ["same", "different", "revoked", "missing", "ed", "unusable",
                 "several"]
    for selector in selectors:
        keys.make(selector, "ed25519" if selector == "ed" else "rsa")
    keys.write(*(f"{DOMAIN} {s} {s}.{DOMAIN}.key" for s in selectors))
    args = ["-K", str(keys.table), "-r", "127.0.0.1@5353"]
    check.equal("status without a server", run(
        case, *args, "--check-dns").returncode, 75)
    dns = case.keep(Dns(5353))
    publish(case, dns, *args)
    done = run(case, *args, "--check-dns")
    check.equal(f"status ({done.stdout}{done.stderr})", done.returncode, 0)
    at = f"._domainkey.{DOMAIN}"
    dns.add(f"different{at}", keys.records[f"same{at}"])
    dns.add(f"revoked{at}", "v=DKIM1; p=")
    dns.add(f"unusable{at}", "v=DKIM1; k=rsa; p=AAAA")
    del dns.zone[f"missing{at}"]
    dns.add(f"several{at}", keys.records[f"several{at}"], "v=spf1 -all")
    done = run(case, *args, "--check-dns")
    check.equal("status", done.returncode, 1)
    says = {"ed": "same", "several": "unusable (several TXT records)",
            "unusable": "unusable (key syntax error)"}
    want = {f"{s}{at}: {says.get(s, s)}" for s in selectors}
    check.equal("lines", set(done.stdout.splitlines()), want)


def test_check_dns_for_verifiers(case: Case) -> None:
    """A record with the key in it is not always one that verifiers take."""
    keys = Keys(case)
    dns = case.keep(Dns(5353))
    at = f"._domainkey.{DOMAIN}"
    published = {
        # options of the line, what is put before p=, what is said
        "plain": ("", b"", "same"),
        "testing": ("", b"t=y; ", "same (in test mode)"),
        "strict": ("", b"t=s; ", "same"),
        "above": (f"i=a@{DOMAIN}", b"t=s; ", "same"),
        "below": (f"i=@a.{DOMAIN}", b"t=s; ",
                  "unusable (key not for subdomains)"),
        "service": ("", b"s=tlsrpt; ", "unusable (key not for email)"),
        "text": ("", None, "unusable (not a key record)"),
    }
    for selector, (_, tags, _) in published.items():
        keys.make(selector)
        record = keys.records[f"{selector}{at}"]
        dns.add(f"{selector}{at}", b"hello" if tags is None else
                record.replace(b"p=", tags + b"p="))
    keys.write(*(f"{DOMAIN} {s} {s}.{DOMAIN}.key {option}"
                 for s, (option, _, _) in published.items()))
    done = run(case, "-K", str(keys.table), "-r", "127.0.0.1@5353",
               "--check-dns")
    want = {f"{s}{at}: {says}" for s, (_, _, says) in published.items()}
    check.equal("lines", set(done.stdout.splitlines()), want)
    check.equal("status", done.returncode, 1)


def test_wrong_configurations(case: Case) -> None:
    """All errors are told, not just the first; the status is 1."""
    keys = Keys(case)
    good = keys.make("sel")
    open_key = keys.make("open")
    open_key.chmod(0o644)
    empty = keys.folder / "empty"
    empty.write_text("# cut off\n")
    bad = keys.folder / "bad"
    bad.write_text("c..d\n")
    old = ["-d", DOMAIN, "-s", "sel", "-k", str(good)]
    check.equal("good one", run(case, *old, "-n").returncode, 0)
    for args, *errors in (
            ([], "no keys"),
            (["-d", DOMAIN, "-k", str(good)], "-k needs -s"),
            (["-s", "sel", "-k", str(good)], "-k needs -d"),
            (["-d", DOMAIN], "need -k"),
            ([*old, "-a", "rsa-sha1"], "RFC 8301"),
            ([*old, "-a", "ed25519-sha256"], "needs another key"),
            ([*old, "-c", "strict"], '"strict"'),
            ([*old, "-h", "to:cc"], "from in it"),
            ([*old, "-x", "0"], "number of seconds"),
            ([*old, "--oversign", "x", "--sign", "y"], "strict", "auth"),
            ([*old, "--workers", "65", "--on-error", "z"], "64", "tempfail"),
            ([*old, "-d", "a..b", "-K", "/none"], "no domain", "/none: No"),
            ([*old[:4], "-k", str(open_key)], "read by others"),
            ([*old, "--user-map", "/none", "-D", "/no"], "/none", "/no"),
            ([*old, "-D", str(empty)], "empty: has no domains"),
            ([*old, "-K", str(empty)], "empty: has no keys"),
            ([*old, "--user-map", str(empty)], "empty: has no users"),
            (["-D", str(empty), "-s", "sel", "-k", "/none"],
             "has no domains", "key /none: No"),
            ([*old, "--check-dns", "-r", "x@y"], "x@y"),
            ([*old, "-r", "x@y"], "x@y"),
            (["-d", "a..b", "-D", str(bad), "-s", "x y", "-k", "/none",
              "--default-domain", "g..h"], '-d: "a..b"', 'bad:1: "c..d"',
             '-s: "x y"', "-k: key /none", '--default-domain: "g..h"'),
            (["-d", "a..b", "-k", "/none"], '-d: "a..b"', "-k: key /none"),
            (["-d", "a..b", "-s", "x y"], '-d: "a..b"', '-s: "x y"'),
            ([*old, "--wrong"], "--wrong")):
        done = run(case, *args, "-n")
        check.equal(f"status of {args}", done.returncode, 1)
        for error in errors:
            check.matches(f"errors of {args}", done.stderr, error)
        lines = done.stderr.splitlines()
        check.equal("lines", len(lines), len(set(lines)))


def test_more_ways_to_name_domains(case: Case) -> None:
    keys = Keys(case)
    path = keys.make("sel")
    domains = keys.folder / "domains"
    domains.write_text("# ours\n\nexample.com\nexample.net\n")
    args = ["-D", str(domains), "-d", DOMAIN, "-s", "sel", "-k", str(path)]
    text = mail.message().decode()
    signed = run(case, *args, "--check", "-", input=text)
    check.matches("log", signed.stderr, f"result=signed d={DOMAIN} s=sel ")
    other = text.replace("example.net", "unknown.example")
    done = run(case, *args, "--check", "-", input=other)
    check.equal("status", done.returncode, 1)
    check.equal("message", done.stdout, other)
    done = run(case, *args, "--default-domain", "example.com", "--check", "-",
               input=other)
    check.matches("log", done.stderr, "result=signed d=example.com s=sel "
                  "from=unknown.example")


def test_old_command_lines(case: Case) -> None:
    """What filter-dkimsign 0.6 takes, and what it makes of it."""
    keys = Keys(case)
    path = str(keys.make("sel"))
    text = mail.message().decode()
    old = [f"-d{DOMAIN}", "-ssel", f"-k{path}"]
    for args, tag in (
            ([], "s=sel;"), (["-tz"], "z=From:"), (["-zzt"], "z="),
            (["-s", "b_c"], "s=b_c;"), (["-k", path], "s=sel;"),
            (["-x", "1", "-x", "1000000000"], "x="), (["-tt"], "t="),
            (["-c", "simple", "-c", "relaxed"], "c=relaxed/simple;"),
            (["-arsa-sha256", "-hFrom:to:X-None"], "h=From:From:to:to:X-None;"),
            (["-d", "example.net", "-d", "localhost"], f"d={DOMAIN};")):
        done = run(case, *old, *args, "--check", "-", input=text)
        check.equal(f"status of {args}: {done.stderr}", done.returncode, 0)
        check.matches(f"signature of {args}", done.stdout, f"[\t ]{tag}")


def slow_table(keys: Keys) -> None:
    """Eight signatures of a slow key."""
    path: Path = keys.folder / "slow.key"
    subprocess.run(["openssl", "genrsa", "-out", str(path), "4096"],
                   check=True, capture_output=True)
    keys.own(path, 0o600)
    keys.write(*(f"{DOMAIN} s{i} slow.key" for i in range(8)))


def test_too_slow_to_sign(case: Case) -> None:
    """What no thread got to in time is asked to come again."""
    keys = Keys(case)
    slow_table(keys)
    mta = keys.smtpd("--workers", "1", "--deadline", "1")
    replies = load.at_once(mta, MANY)
    refused = load.refused_softly(replies)
    check.at_least("refused", len(refused), 1)
    check.matches("log", mta.log(), "cannot sign: no thread .* it gets 451")
    # On a busy machine there may be none.
    accepted = load.accepted(replies)
    for got in mta.mails(len(accepted), seconds=60) if accepted else ():
        check.equal("signatures", got.above.count(b"DKIM-Signature:"), 8)


def test_too_slow_but_pass(case: Case) -> None:
    keys = Keys(case)
    slow_table(keys)
    mta = keys.smtpd("--workers", "1", "--deadline", "1", "--on-error",
                     "pass")
    replies = load.at_once(mta, MANY)
    check.equal("accepted", len(load.accepted(replies)), len(MANY))
    got = [one.above.count(b"DKIM-Signature:")
           for one in mta.mails(len(MANY), seconds=60)]
    # All or none each; on a busy machine none at all.
    check.equal("signatures", {*got, 8}, {0, 8})
