"""Starting, watching and ending processes."""

import os
import signal
import subprocess
from pathlib import Path

from . import wait


class Process:
    """A program in a session of its own, its output in a log file."""

    def __init__(self, argv: list[str], log: Path,
                 env: dict[str, str] | None = None) -> None:
        self.log = log
        with log.open("ab") as out:
            self.popen = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, env={**os.environ, **(env or {})})

    @property
    def pid(self) -> int:
        return self.popen.pid

    def alive(self) -> bool:
        return self.popen.poll() is None

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def signal_all(self, number: int) -> None:
        """Signals the program and all it started."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass

    def stop(self, seconds: float = 10) -> None:
        """Asks the program to end, then makes it."""
        if self.alive():
            self.popen.terminate()
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def kill(self) -> None:
        self.signal_all(signal.SIGKILL)
        self.popen.wait()


def argv(pid: int) -> list[str]:
    """The command line of a process; empty if it is gone."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return raw.decode(errors="replace").split("\0")[:-1]


def find(name: str) -> list[int]:
    """All processes of this namespace whose program is called name."""
    pids = (int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit())
    return [pid for pid in pids
            if os.path.basename((argv(pid) or [""])[0]) == name]


def find_one(name: str) -> int:
    pids = wait.until(f"process {name}", lambda: find(name))
    if len(pids) != 1:
        raise AssertionError(f"expected one process {name}, got {pids}")
    return pids[0]


def status_kib(pid: int, field: str) -> int:
    """A line such as VmHWM (peak resident size) of /proc/PID/status."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == field:
            return int(value.split()[0])
    raise AssertionError(f"process {pid} has no {field}")


def peak_mib(pid: int) -> float:
    return status_kib(pid, "VmHWM") / 1024


def cpu_seconds(pid: int) -> float:
    """User and system time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))
