"""A small real rspamd; tests/fixtures/rspamd-minimal says what it does."""

import http.client
import re
import shutil
import signal
from pathlib import Path

from . import proc, wait

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures/rspamd-minimal"


def fake_records(texts: dict[str, str]) -> str:
    """Part of its configuration: what it shall take for DNS."""
    lines = [f'{{ name = "{name}"; type = txt; replies = ["{text}"]; }},'
             for name, text in texts.items()]
    return "\n".join(["fake_records = [", *lines, "]", ""])


class Rspamd:
    def __init__(self, work: Path, root: Path | None = None,
                 port: int = 21333, keys: bool = False,
                 worker: str = "", options: str = "", extra: str = "",
                 milter_port: int = 0,
                 texts: dict[str, str] | None = None) -> None:
        """Starts it and waits until it answers.

        keys: it has some, and can sign. texts: TXT records it believes in.
        worker, options and extra go into its configuration. With a
        milter_port its own milter listens there.
        """
        self.env = {"MPORT": str(milter_port)} if milter_port else {}
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.dir = work / f"rspamd-{port}"
        self.socket = self.dir / "run/rspamd.sock"
        fixture = work / "rspamd-minimal"
        if not fixture.exists():
            shutil.copytree(FIXTURE, fixture)
        run = self.dir / "run"
        run.mkdir(parents=True)
        (run / "worker.inc").write_text(worker)
        (run / "options.inc").write_text(options)
        (run / "extra.inc").write_text(extra)
        if not keys:
            (run / "dns.inc").write_text(fake_records(texts or {}))
        self.argv = [str(fixture / "run.sh"), str(self.dir), str(port),
                     str(port + 1)]
        if root:
            self.argv = ["chroot", str(root), *self.argv]
        self.process: proc.Process | None = None
        self.start()

    def start(self) -> None:
        log = self.dir / "start.log"
        self.process = proc.Process(self.argv, log, self.env)
        wait.until("rspamd's answer to a ping", self._answers, 30)

    def _answers(self) -> bool:
        if self.process and not self.process.alive():
            raise AssertionError("rspamd stopped: " + self.process.text())
        try:
            conn = http.client.HTTPConnection("127.0.0.1", self.port, 5)
            conn.request("GET", "/ping")
            return conn.getresponse().status == 200
        except OSError:
            return False

    def key_record(self, name: str) -> bytes | None:
        """The public half of a signing key, as DNS would give it."""
        text = (self.dir / "run/dns.inc").read_text()
        found = re.search(rf'name = "{re.escape(name)}";.*\["(.*?)"\]', text)
        return found[1].encode() if found else None

    def log(self) -> str:
        return (self.dir / "log/rspamd.log").read_text(errors="replace")

    def stop(self) -> None:
        """At once, as in a crash: its clients see broken connections."""
        if self.process:
            self.process.kill()
            self.process = None

    def freeze(self) -> None:
        if self.process:
            self.process.signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        if self.process:
            self.process.signal_all(signal.SIGCONT)
