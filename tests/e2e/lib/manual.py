"""The complete smtpd.conf example of a manual page, made to run here.

The example is the display (.Bd to .Ed) that follows a comment line
.\\" complete smtpd.conf
in the page. It runs with its own ports; what names a file or an interface
of the reader's machine is replaced.
"""

import re
from pathlib import Path

from . import check, smtpd, space
from .case import Case, REPO

MARK = r'.\" complete smtpd.conf'
USER, UID = "alice", 40000
TEXTS = {r"\e": "\\", r"\(dq": '"', r"\-": "-", r"\&": ""}


def example(page: Path) -> str:
    """The text of the display after the mark."""
    if not page.exists():
        raise check.Skip(f"{page.name} is not written")
    lines = page.read_text().splitlines()
    if MARK not in lines:
        raise AssertionError(f"{page.name}: no line {MARK}")
    rest = lines[lines.index(MARK) + 1:]
    check.matches(f"{page.name}: line after {MARK}", rest[0], r"^\.Bd ")
    text = "\n".join(rest[1:rest.index(".Ed")]) + "\n"
    for escape, plain in TEXTS.items():
        text = text.replace(escape, plain)
    return text


def add_user(case: Case, root: Path) -> None:
    """A user with a mailbox, in this case's view of the system only."""
    home = case.work / "home"
    home.mkdir(exist_ok=True)
    home.chmod(0o777)
    passwd = root / "etc/passwd"
    text = (passwd.read_text() +
            f"{USER}:x:{UID}:{smtpd.NOBODY}::{home}:/bin/sh\n")
    space.cover(passwd, text, case.work / f"passwd-{len(str(root))}")


def program_line(case: Case, match: re.Match[str]) -> str:
    where = ' chroot "/host"' if case.is_next else ""
    return f'proc-exec "{case.program(match[1])}{match[2]}"{where}'


def adapted(case: Case, page: Path, files: dict[str, Path]) -> str:
    """The example with this case's programs, files and interface."""
    text = example(page)
    for name, path in files.items():
        text = text.replace(name, str(path))
    aliases = case.work / "aliases"
    aliases.write_text("postmaster: root\n")
    smtpd.make_certificate(case.work)
    for pattern, new in [
            (r"file:/\S+/aliases", f"file:{aliases}"),
            (r'(pki \S+ cert) \S+', rf'\1 "{case.work}/tls.crt"'),
            (r'(pki \S+ key) \S+', rf'\1 "{case.work}/tls.key"'),
            (r"listen on (?!socket)\S+", "listen on 127.0.0.1")]:
        text = re.sub(pattern, new, text)
    return re.sub(r'proc-exec "(?:/\S*/)?(filter-[a-z]+)([^"]*)"',
                  lambda match: program_line(case, match), text)


def page(name: str) -> Path:
    return REPO / name / f"{name}.8"


def domain(text: str) -> str:
    """The domain whose mail the example takes."""
    found = re.search(r'for domain "?([a-z0-9.-]+)"?', text)
    if not found:
        raise AssertionError('expected "for domain NAME" in the example')
    return found[1]


def start(case: Case, name: str,
          files: dict[str, Path] | None = None) -> tuple[smtpd.Smtpd, str]:
    """smtpd with that page's example; returns the user's address too."""
    text = adapted(case, page(name), files or {})
    for root in [Path("/"), *([case.options.root] if case.is_next else [])]:
        add_user(case, root)
    setup = smtpd.Setup(case.work, case.options.root)
    mta = case.keep(smtpd.Smtpd(setup, text, port=25))
    mta.box = case.work / "home"
    return mta, f"{USER}@{domain(text)}"
