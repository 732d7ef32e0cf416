"""What is said about a wrong command line or file, beyond one option."""

import tempfile
from pathlib import Path

from cases import BAD, FILTERS, run, status, test

KEY = "filter-dkimsign"


def generate(folder: Path, algorithm: str) -> Path:
    name = folder / f"{algorithm}.key"
    status(run(KEY, "--genkey", "-d", "example.org", "-s", "a", "-a",
               algorithm, "-k", str(name)), 0)
    return name


@test("a key in the place of a list is not shown")
def key_as_list() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rsa = generate(folder, "rsa-sha256")
        pem = generate(folder, "ed25519-sha256")
        seed = folder / "seed"
        seed.write_text("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=\n")
        seed.chmod(0o600)
        cut = folder / "cut"
        cut.write_text(pem.read_text()[:60])
        cut.chmod(0o600)
        for key in (rsa, pem, seed, cut):
            for option in ("-D", "-K", "--user-map"):
                got = run(KEY, "-n", option, str(key), "-s", "a", "-k",
                          str(rsa), "-d", "example.net")
                status(got, BAD)
                assert f"{key}: is a key".encode() in got.stderr, got.stderr
                for line in key.read_text().splitlines():
                    assert line.encode() not in got.stderr, got.stderr


@test("no control character comes back in an error")
def controls() -> None:
    for name in FILTERS:
        got = run(name, "-n", "--deadline", "\x1b[31m\x7f\n")
        status(got, BAD)
        assert b'--deadline "\\x1b[31m\\x7f\\x0a": ' in got.stderr, got.stderr


@test("--check of a refused message of an authenticated user exits with 1")
def refused() -> None:
    got = run("filter-dkimverify", "mx.example.org", "--user", "joe",
              "--long-lines", "reject", "--check", "-",
              stdin=b"From: a@b.example\n\n" + b"x" * 70000 + b"\n")
    status(got, BAD)
    assert b"550 5.6.0 " in got.stderr, got.stderr


@test("--check says that it cuts lines at a NUL, as smtpd does")
def nul() -> None:
    got = run("filter-dkimverify", "mx.example.org", "--check", "-",
              stdin=b"From: a@b.example\n\na\0b\n")
    assert b"with a NUL" in got.stderr, got.stderr


# program, its arguments (TABLE is a key table), what is said
USELESS = [
    ("filter-rspamd", "--tls-ca /etc/ssl/certs/ca-certificates.crt",
     "--tls-ca and --tls-cert do nothing"),
    ("filter-rspamd", "--spread", "--spread does nothing"),
    ("filter-rspamd", "--connect-timeout 9 --timeout 5",
     "--connect-timeout does nothing"),
    ("filter-rspamd", "--from a@b.example", "do nothing without --check"),
    ("filter-dkimverify", "--on-unsigned junk", "without --must-sign"),
    ("filter-dkimverify", "--forged keep --own-id a.example",
     "with --forged keep"),
    ("filter-dkimverify", "--forged keep --rename-forged",
     "with --forged keep"),
    ("filter-dkimverify", "--dns-timeout 30", "--dns-deadline comes first"),
    ("filter-dkimverify", "-r 127.0.0.1 --resolv-conf /etc/resolv.conf",
     "--resolv-conf does nothing"),
    ("filter-dkimsign", "-K TABLE -a rsa-sha256", "-a does nothing"),
    ("filter-dkimsign", "-K TABLE --bits 1024", "--bits does nothing"),
    ("filter-dkimsign", "-K TABLE -r 127.0.0.1", "-r does nothing"),
]


@test("an option that does nothing is told, and is no error")
def useless() -> None:
    with tempfile.TemporaryDirectory() as name:
        key = generate(Path(name), "ed25519-sha256")
        table = Path(name) / "table"
        table.write_text(f"example.org a {key}\n")
        for program, line, said in USELESS:
            args = line.replace("TABLE", str(table)).split()
            got = run(program, "-n", *args)
            status(got, 0)
            first, *rest = got.stderr.decode().splitlines()
            assert said in first and rest == ["configuration OK"], got.stderr


@test("--own-id takes one name at a time")
def one_name() -> None:
    for text in ("a,b", "*.example", "a..b", "192.0.2.0/24", "@a.example",
                 "."):
        got = run("filter-dkimverify", "-n", "--own-id", text)
        status(got, BAD)
        assert f'"{text}": not one name'.encode() in got.stderr, got.stderr
    for text in ("example.org", ".example.org", "b\u00fccher.example"):
        status(run("filter-dkimverify", "-n", "--own-id", text), 0)
