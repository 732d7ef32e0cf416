#!/usr/bin/python3
"""Signs messages of every odd shape and has other programs verify them.

dkimpy, Mail::DKIM and OpenDKIM look at each signature; all ask the same
small DNS server, in a network namespace of its own. Prints TAP. Must be root.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]
sys.path.insert(0, str(REPO / "tests/e2e"))

from lib import dkimpy, space  # noqa: E402
from lib.dns import Dns  # noqa: E402
from shapes import BIG, HEAD, SHAPES  # noqa: E402

DOMAIN = "example.net"
LONGEST_SECONDS = 120          # of one program
SIGNER = REPO / "filter-dkimsign/filter-dkimsign"
CANONS = [f"{h}/{b}" for h in ("relaxed", "simple")
          for b in ("relaxed", "simple")]
ALGORITHMS = {"rsa-sha256": "rsa", "ed25519-sha256": "ed"}


@dataclass
class Signed:
    title: str
    algorithm: str
    path: Path              # the message, with CRLF
    count: int = 1          # signatures


def run(*argv: str, **kind: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(argv, capture_output=True, timeout=LONGEST_SECONDS,
                          **kind)


# --- signing ------------------------------------------------------------

def sign(message: bytes, *args: str) -> bytes:
    done = run(str(SIGNER), "-q", "-d", DOMAIN, *args, "--check", "-",
               input=message)
    if done.returncode != 0:
        raise AssertionError(done.stderr.decode() or "it was not signed")
    return done.stdout


def make_keys(work: Path, dns: Dns) -> None:
    for algorithm, selector in ALGORITHMS.items():
        done = run(str(SIGNER), "--genkey", "-d", DOMAIN, "-s", selector,
                   "-a", algorithm, "-k", str(work / selector), check=True)
        strings = done.stdout.decode().split('"')[1::2]
        dns.add(f"{selector}._domainkey.{DOMAIN}", "".join(strings))


class Maker:
    def __init__(self, work: Path) -> None:
        self.work = work
        self.made: list[Signed] = []
        self.failed: list[str] = []

    def key(self, algorithm: str) -> list[str]:
        selector = ALGORITHMS[algorithm]
        return ["-s", selector, "-k", str(self.work / selector)]

    def keep(self, title: str, algorithm: str, text: bytes,
             count: int = 1) -> None:
        path = self.work / f"{len(self.made)}.eml"
        path.write_bytes(text.replace(b"\n", b"\r\n"))
        self.made.append(Signed(title, algorithm, path, count))

    def one(self, shape: str, message: bytes, algorithm: str,
            canon: str, *args: str) -> None:
        title = f"{shape}, {algorithm} {canon}"
        try:
            self.keep(title, algorithm, sign(
                message, *self.key(algorithm), "-c", canon, *args))
        except AssertionError as err:
            self.failed.append(f"{title}: {err}")

    def all(self) -> None:
        for algorithm in ALGORITHMS:
            for canon in CANONS:
                for shape, message in SHAPES.items():
                    self.one(shape, message, algorithm, canon)
        for over in ("list-friendly", "none"):
            self.one(f"oversign {over}", SHAPES["resent fields"],
                     "rsa-sha256", "relaxed/relaxed", "--oversign", over)
        self.one("copied fields", SHAPES["folded fields"], "rsa-sha256",
                 "relaxed/simple", "-z", "-z", "-x", "864000")
        for canon in ("relaxed/relaxed", "simple/simple"):
            self.one("30 MB", BIG, "rsa-sha256", canon)
        self.several()

    def several(self) -> None:
        """A message that already has a signature, and one of two keys."""
        again = sign(sign(HEAD + b"\nText.\n", *self.key("rsa-sha256")),
                     *self.key("rsa-sha256"))
        self.keep("existing signature, rsa-sha256", "rsa-sha256", again, 2)
        over = sign(again, *self.key("rsa-sha256"), "-h",
                    "from:dkim-signature:received:list-id")
        self.keep("signed signatures, rsa-sha256", "rsa-sha256", over, 3)
        table = self.work / "table"
        table.write_text(f"{DOMAIN} ed ed\n{DOMAIN} rsa rsa "
                         "c=simple/relaxed i=a=b|c@x.example.net\n")
        done = run(str(SIGNER), "-q", "-K", str(table), "--check", "-",
                   input=HEAD + b"\nText.\n", check=True)
        self.keep("both keys", "ed25519-sha256", done.stdout, 2)


# --- verifying ------------------------------------------------------------

Results = list[list[str]]


def by_dkimpy(files: list[Path], dns: Dns) -> Results:
    def texts(name: str) -> bytes | None:
        entry = dns.zone.get(name)
        return entry.texts[0] if entry else None
    return [["pass" if good else "fail" for good in dkimpy.verify(
        path.read_bytes().replace(b"\r\n", b"\n"), texts)] for path in files]


def by_perl(files: list[Path], dns: Dns) -> Results:
    done = run("perl", str(HERE / "verify.pl"), *map(str, files))
    if done.returncode != 0:
        raise AssertionError(done.stderr.decode())
    return [line.split() for line in done.stdout.decode().splitlines()]


def by_opendkim(files: list[Path], dns: Dns) -> Results:
    """Its exit status is for all signatures of a message."""
    results = []
    for path in files:
        with path.open("rb") as file:
            done = run("opendkim-testmsg", stdin=file)
        text = (done.stdout + done.stderr).decode().strip()
        results.append(["pass" if done.returncode == 0 and not text
                        else text or f"status {done.returncode}"])
    return results


@dataclass
class Verifier:
    name: str
    verify: Callable[[list[Path], Dns], Results]
    probe: list[str]        # ends with 0 where it is installed
    without: dict[str, str]  # part of a title, why it can't be verified


NO_COLON_SPACE = {"white space before": "it refuses white space before colons"}
NO_BLANK_LINE = "it misses the last line end of a simple header without body"
VERIFIERS = [
    Verifier("dkimpy", by_dkimpy,
             [sys.executable, "-c", "import dkim, nacl"], NO_COLON_SPACE),
    Verifier("Mail::DKIM", by_perl,
             ["perl", "-MMail::DKIM::Verifier", "-e", "0"],
             {"ed25519": "this version has no Ed25519",
              "both keys": "this version has no Ed25519"}),
    Verifier("opendkim-testmsg", by_opendkim,
             ["sh", "-c", "command -v opendkim-testmsg"],
             {**NO_COLON_SPACE,
              "duplicated fields": "it refuses two Subject or To fields",
              "no blank line, rsa-sha256 simple": NO_BLANK_LINE,
              "no blank line, ed25519-sha256 simple": NO_BLANK_LINE}),
]


def reason_against(verifier: Verifier, one: Signed) -> str:
    for part, why in verifier.without.items():
        if part in one.title:
            return why
    return ""


class Report:
    def __init__(self) -> None:
        self.count = self.failed = 0

    def add(self, title: str, got: str = "", skip: str = "") -> None:
        self.count += 1
        bad = "not " if got else ""
        self.failed += bool(got)
        print(f"{bad}ok {self.count} - interop {title}"
              + (f" # SKIP {skip}" if skip else ""))
        if got:
            print(f"#   {got}")

    def verifier(self, verifier: Verifier, made: list[Signed],
                 dns: Dns) -> None:
        if run(*verifier.probe).returncode != 0:
            self.add(verifier.name, skip="not installed")
            return
        chosen = []
        skipped: Counter[str] = Counter()
        for one in made:
            why = reason_against(verifier, one)
            if why:
                skipped[why] += 1
            else:
                chosen.append(one)
        for why, count in skipped.items():
            self.add(f"{verifier.name}: {count} messages", skip=why)
        results = verifier.verify([one.path for one in chosen], dns)
        for one, got in zip(chosen, results, strict=True):
            good = got and all(word == "pass" for word in got) and (
                len(got) in (1 if verifier.verify is by_opendkim
                             else one.count, one.count))
            self.add(f"{verifier.name}: {one.title}",
                     "" if good else f"{one.path.name}: {got}")


def run_inside(work: Path) -> int:
    space.enter(work)
    dns = Dns(53)
    report = Report()
    make_keys(work, dns)
    maker = Maker(work)
    maker.all()
    for text in maker.failed:
        report.add("signing", text)
    for verifier in VERIFIERS:
        report.verifier(verifier, maker.made, dns)
    print(f"1..{report.count}")
    return 1 if report.failed else 0


def main() -> int:
    if sys.argv[1:2] == ["--inside"]:
        return run_inside(Path(sys.argv[2]))
    reason = space.reason_against()
    if not reason and not SIGNER.exists():
        reason = "filter-dkimsign is not built"
    if reason:
        print(f"1..1\nok 1 - interop # SKIP {reason}")
        return 0
    work = Path(tempfile.mkdtemp(prefix="interop-", dir="/tmp"))
    work.chmod(0o755)
    try:
        return subprocess.run(space.command(
            [sys.executable, str(HERE / "run.py"), "--inside",
             str(work)])).returncode
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    os.environ["PATH"] = "/usr/sbin:/sbin:" + os.environ["PATH"]
    sys.exit(main())
