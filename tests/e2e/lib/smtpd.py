"""A real smtpd with filters, delivering into mailboxes that can be read."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from . import mail, proc, smtp, wait

# The mailboxes belong to this user: smtpd does not deliver as root.
NOBODY = 65534
PORT = 2525
OUT_PORT = 2526
TLS_PORT = 2587
USER, PASSWORD = "alice", "secret"
TLS_LISTENER = (f'listen on 127.0.0.1 port {TLS_PORT} tls '
                'pki "mx.example.org" auth-optional <creds>')


@dataclass
class Setup:
    """What the configuration file is made from."""
    work: Path
    root: Path | None = None        # another system's folder, by chroot
    filters: list[str] = field(default_factory=list)
    # Where there are any: those of OUT_PORT and of local mail.
    out_filters: list[str] = field(default_factory=list)
    tls: bool = False               # one more listener, with STARTTLS, AUTH
    options: list[str] = field(default_factory=list)

    def chroot(self, argv: list[str]) -> list[str]:
        return ["chroot", str(self.root), *argv] if self.root else argv


def quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def filter_name(command: str, declared: list[str]) -> str:
    """The program's name, which smtpd puts before what it logs."""
    name = command.split()[0].rsplit("/", 1)[-1]
    before = sum(1 for line in declared if line.startswith(f'filter "{name}'))
    return f"{name}-{before + 1}" if before else name


def filter_lines(setup: Setup, commands: list[str],
                 declared: list[str]) -> str:
    """Adds the declarations; returns a listener's words to use them."""
    # Where smtpd lives in another system's folder, the filters start in
    # this machine's own, which is mounted there.
    where = ' chroot "/host"' if setup.root else ""
    names = []
    for command in commands:
        name = filter_name(command, declared)
        declared.append(
            f'filter "{name}" proc-exec "{quote(command)}"{where}')
        names.append(f'"{name}"')
    return f" filter {{ {', '.join(names)} }}" if names else ""


def make_certificate(work: Path) -> tuple[Path, Path]:
    """Key and certificate, as the files tls.key and tls.crt."""
    key, cert = work / "tls.key", work / "tls.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
         "-subj", "/CN=mx.example.org", "-days", "2", "-addext",
         "subjectAltName=DNS:mx.example.org,IP:127.0.0.1",
         "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True)
    key.chmod(0o600)
    return key, cert


def tls_lines(setup: Setup) -> list[str]:
    key, cert = make_certificate(setup.work)
    secret = subprocess.run(["openssl", "passwd", "-6", PASSWORD],
                            check=True, capture_output=True, text=True)
    return [f'pki "mx.example.org" cert "{cert}"',
            f'pki "mx.example.org" key "{key}"',
            f'table creds {{ "{USER}" = "{secret.stdout.strip()}" }}']


def configuration(setup: Setup) -> str:
    box = setup.work / "mail"
    declared: list[str] = []
    use = filter_lines(setup, setup.filters, declared)
    use_out = use
    if setup.out_filters:
        use_out = filter_lines(setup, setup.out_filters, declared)
    tls = tls_lines(setup) if setup.tls else []
    return "\n".join([
        *setup.options, *tls, *declared,
        f'table users {{ box = "{NOBODY}:{NOBODY}:{box}" }}',
        'table virt { "@" = box }',
        f"listen on 127.0.0.1 port {PORT}{use}",
        f"listen on 127.0.0.1 port {OUT_PORT}{use_out}",
        *([f"{TLS_LISTENER}{use}"] if tls else []),
        f"listen on socket{use_out}",
        f'action "in" maildir "{box}/%{{dest.user:lowercase}}" '
        'virtual <virt> userbase <users>',
        'match from any for any action "in"']) + "\n"


class Smtpd:
    def __init__(self, setup: Setup, text: str | None = None,
                 port: int = PORT) -> None:
        """Starts smtpd; text is a configuration to take as it is."""
        self.setup = setup
        self.port, self.out_port, self.tls_port = port, OUT_PORT, TLS_PORT
        self.box = setup.work / "mail"
        self.box.mkdir(exist_ok=True)
        self.box.chmod(0o777)
        self.conf = setup.work / "smtpd.conf"
        self.conf.write_text(text or configuration(setup))
        argv = setup.chroot(["smtpd", "-d", "-v", "-f", str(self.conf)])
        self.process = proc.Process(argv, setup.work / "smtpd.log")
        # The banner comes when every filter is ready.
        wait.until("smtpd's banner", self._greets)

    def _greets(self) -> bool:
        self.must_live()
        try:
            with smtp.Client(self.port, timeout=10):
                return True
        except (OSError, smtp.Gone):
            return False

    def log(self) -> str:
        return self.process.text()

    def must_live(self) -> None:
        if not self.process.alive():
            raise AssertionError(
                "smtpd stopped:\n" + "\n".join(self.log().splitlines()[-5:]))

    def stop(self) -> None:
        self.process.stop()

    def submit(self, msg: bytes, port: int = 0,
               **kind: object) -> smtp.Reply:
        """Sends one message; returns the reply to it."""
        return smtp.submit(port or self.port, mail.wire(msg), **kind)

    def paths(self, user: str = "*") -> list[Path]:
        return sorted(self.box.glob(f"{user}/new/*"))

    def mails(self, count: int = 1, user: str = "*",
              seconds: float = 30) -> list[mail.Delivered]:
        """Waits for that many delivered messages, and takes them."""
        found = wait.until(f"{count} messages in the mailbox",
                           lambda: len(self.paths(user)) >= count
                           and self.paths(user), seconds)
        if len(found) != count:
            raise AssertionError(
                f"expected {count} delivered messages, got {len(found)}")
        got = [mail.read(path) for path in found]
        for path in found:
            path.unlink()
        return got

    def mail(self) -> mail.Delivered:
        return self.mails(1)[0]

    def nothing_delivered(self) -> None:
        """A probe goes through; nothing else may have been delivered."""
        probe = mail.message("probe", number=999999)
        reply = self.submit(probe, rcpts=("probe@example.org",))
        if reply.code != 250:
            raise AssertionError(f"probe message was refused: {reply}")
        self.mails(1, "probe")
        left = self.paths()
        if left:
            raise AssertionError(f"expected no delivery, got {left}")
