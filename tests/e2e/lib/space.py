"""Namespaces: each case runs alone, with loopback only, over private folders.

smtpd's spool and socket paths are compiled in, so empty folders are laid
over them; an installed smtpd is never seen or touched.
"""

import os
import signal
import subprocess
from pathlib import Path

HOST_NAME = "mx.example.org"
# Clients from outside, one with a name, one without (RFC 5737 addresses).
NAMED, CLIENT_NAME, UNNAMED = "192.0.2.7", "client.example.net", "192.0.2.8"
HOSTS = (f"127.0.0.1 localhost\n::1 localhost\n127.0.0.1 {HOST_NAME}\n"
         f"{NAMED} {CLIENT_NAME}\n")
# A name server nobody is: smtpd's look-ups are refused at once.
RESOLV = "nameserver 127.0.0.1\n"

UNSHARE = ["unshare", "--mount", "--net", "--uts", "--ipc", "--pid",
           "--fork", "--kill-child", "--mount-proc", "--"]


def reason_against() -> str:
    """Why namespaces can't be made here; empty if they can."""
    if os.geteuid() != 0:
        return "must be root to start smtpd in a namespace"
    try:
        done = subprocess.run([*UNSHARE, "ip", "link", "set", "lo", "up"],
                              capture_output=True, text=True)
    except FileNotFoundError as err:
        return f"no program {err.filename}"
    return "" if done.returncode == 0 else (
        "namespaces can't be made here: " + done.stderr.strip())


def command(argv: list[str]) -> list[str]:
    """The command line that runs argv in namespaces of its own.

    It ends with whoever starts it.
    """
    return ["setpriv", "--pdeathsig", "KILL", "--", *UNSHARE, *argv]


def kill(process: subprocess.Popen[bytes]) -> None:
    """Ends a command(), whose wait() returns when all in there is gone.

    That is so if its first process is killed; without unshare(1), the others
    may go on for a moment.
    """
    me = process.pid
    try:
        inside = Path(f"/proc/{me}/task/{me}/children").read_text().split()
        for pid in inside:
            os.kill(int(pid), signal.SIGKILL)
    except OSError:
        inside = []
    if not inside:
        process.kill()


def mount(*args: str) -> None:
    subprocess.run(["mount", *args], check=True)


def empty(folder: Path, mode: str = "755", *options: str) -> None:
    """Lays an empty folder in memory over the given one."""
    words = ",".join([f"mode={mode}", *options])
    mount("-t", "tmpfs", "-o", words, "tmpfs", str(folder))


def cover(path: Path, text: str, source: Path) -> None:
    """Lays a file with this text over an existing one.

    Where it is a link into /run, which is empty by now, it is made there.
    """
    source.write_text(text)
    target = path.resolve()
    if target.exists():
        mount("--bind", str(source), str(target))
    elif target.is_relative_to("/run"):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def no_lost_connections() -> None:
    """Keeps the system from answering for a listener whose queue is full.

    smtpd's queue holds five; with SYN cookies a connection over that looks
    open to the client for ever, without them it is tried again.
    """
    try:
        Path("/proc/sys/net/ipv4/tcp_syncookies").write_text("0\n")
    except OSError:
        pass            # a container: its cases run, with that small risk


def enter(work: Path) -> None:
    """Sets up the namespaces that this process was started in."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in (NAMED, UNNAMED):
        subprocess.run(["ip", "address", "add", address, "dev", "lo"],
                       check=True)
    no_lost_connections()
    subprocess.run(["hostname", HOST_NAME], check=True)
    empty(work)
    private_folders(Path("/"))
    files = work / "etc"
    files.mkdir()
    cover(Path("/etc/hosts"), HOSTS, files / "hosts")
    cover(Path("/etc/mailname"), HOST_NAME + "\n", files / "mailname")
    cover(Path("/etc/resolv.conf"), RESOLV, files / "resolv.conf")


def private_folders(root: Path) -> None:
    for folder in ("var/spool", "run"):
        empty(root / folder)
    spool = root / "var/spool/smtpd"
    spool.mkdir(mode=0o711)
    spool.chmod(0o711)


def enter_root(root: Path, work: Path) -> None:
    """Prepares another system's folder for chroot.

    The case's own folder is seen in there under the same name, and the
    machine's own root as /host: smtpd starts our filters by chroot to it.
    """
    private_folders(root)
    empty(root / "tmp", "1777")
    inside = root / str(work).lstrip("/")
    inside.mkdir(parents=True)
    mount("--bind", str(work), str(inside))
    mount("-t", "proc", "proc", str(root / "proc"))
    mount("--rbind", "/dev", str(root / "dev"))
    for name in ("hosts", "resolv.conf"):
        (root / "etc" / name).touch()
        mount("--bind", str(work / "etc" / name), str(root / "etc" / name))
    (root / "host").mkdir(exist_ok=True)
    mount("--rbind", "/", str(root / "host"))
