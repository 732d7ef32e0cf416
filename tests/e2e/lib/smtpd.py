"""A real smtpd with filters, delivering into mailboxes that can be read."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from . import mail, proc, smtp, wait

# The mailboxes belong to this user: smtpd does not deliver as root.
NOBODY = 65534
PORT = 2525
TLS_PORT = 2587
USER, PASSWORD = "alice", "secret"


@dataclass
class Setup:
    """What the configuration file is made from."""
    work: Path
    root: Path | None = None        # another system's folder, by chroot
    filters: list[str] = field(default_factory=list)
    tls: bool = False               # one more listener, with STARTTLS, AUTH
    options: list[str] = field(default_factory=list)

    def chroot(self, argv: list[str]) -> list[str]:
        return ["chroot", str(self.root), *argv] if self.root else argv


def quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def filter_lines(setup: Setup) -> tuple[list[str], str]:
    """The declarations, and what a listener says to use them in order."""
    # Where smtpd lives in another system's folder, the filters start in
    # this machine's own, which is mounted there.
    where = ' chroot "/host"' if setup.root else ""
    lines = [f'filter "f{i}" proc-exec "{quote(command)}"{where}'
             for i, command in enumerate(setup.filters)]
    names = ", ".join(f'"f{i}"' for i in range(len(lines)))
    return lines, f"filter {{ {names} }}" if names else ""


def tls_lines(setup: Setup, use: str) -> list[str]:
    key, cert = setup.work / "tls.key", setup.work / "tls.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
         "-subj", "/CN=mx.example.org", "-days", "2",
         "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True)
    key.chmod(0o600)
    secret = subprocess.run(["openssl", "passwd", "-6", PASSWORD],
                            check=True, capture_output=True, text=True)
    return [f'pki "mx.example.org" cert "{cert}"',
            f'pki "mx.example.org" key "{key}"',
            f'table creds {{ "{USER}" = "{secret.stdout.strip()}" }}',
            f'listen on 127.0.0.1 port {TLS_PORT} tls '
            f'pki "mx.example.org" auth-optional <creds> {use}']


def configuration(setup: Setup) -> str:
    box = setup.work / "mail"
    declared, use = filter_lines(setup)
    tls = tls_lines(setup, use) if setup.tls else []
    pki = [line for line in tls if not line.startswith("listen")]
    return "\n".join([
        *setup.options, *pki, *declared,
        f'table users {{ box = "{NOBODY}:{NOBODY}:{box}" }}',
        'table virt { "@" = box }',
        f"listen on 127.0.0.1 port {PORT} {use}",
        *(line for line in tls if line.startswith("listen")),
        f"listen on socket {use}",
        f'action "in" maildir "{box}/%{{dest.user:lowercase}}" '
        'virtual <virt> userbase <users>',
        'match from any for any action "in"']) + "\n"


class Smtpd:
    def __init__(self, setup: Setup, text: str | None = None) -> None:
        """Starts smtpd; text is a configuration to take as it is."""
        self.setup = setup
        self.port, self.tls_port = PORT, TLS_PORT
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

    def submit(self, msg: bytes, **kind: object) -> smtp.Reply:
        return smtp.submit(self.port, mail.wire(msg), **kind)

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
