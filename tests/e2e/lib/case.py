"""What a test function gets: it starts things, and ends them afterwards."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import check, proc, space, wait
from .rspamd import Rspamd
from .smtpd import Setup, Smtpd
from .stub import Step, Stub

REPO = Path(__file__).resolve().parents[3]
# Programs that are not in the folder of their own name.
PLACES = {"filter-sample": REPO / "tests/bin/filter-sample"}
NEXT_ROOT = REPO / "tests/e2e/next/root"


@dataclass
class Options:
    smtpd: str = "own"                          # or "next"
    programs: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path | None:
        return NEXT_ROOT if self.smtpd == "next" else None


class Case:
    def __init__(self, work: Path, options: Options) -> None:
        self.work = work
        self.options = options
        self.is_next = options.root is not None
        self.started: list[Any] = []

    @property
    def longest_line(self) -> int:
        """Bytes that smtpd takes as the content of a filter's data line."""
        return 65485 if self.is_next else 1997

    def small_disk(self, kib: int) -> str:
        """A folder for the filters that holds next to nothing."""
        folder = self.work / "small"
        folder.mkdir()
        seen = [folder]
        if self.options.root:
            seen.append(self.options.root / "host" / folder.relative_to("/"))
        for path in seen:
            space.empty(path, "1777", f"size={kib}k")
        return str(folder)

    def keep(self, thing: Any) -> Any:
        """Remembers what must be stopped at the end."""
        self.started.append(thing)
        return thing

    def close(self) -> None:
        while self.started:
            self.started.pop().stop()

    def program(self, name: str) -> str:
        """A copy of one of our programs that any user may run."""
        place = PLACES.get(name, REPO / name / name)
        source = Path(self.options.programs.get(name, place))
        if not source.exists():
            raise AssertionError(f"{source} is not there, build it first")
        copy = self.work / "bin" / name
        if not copy.exists():
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(source, copy)
            copy.chmod(0o755)
        return str(copy)

    def filter(self, name: str, *args: str) -> str:
        return " ".join([self.program(name), *args])

    def is_sanitized(self, name: str) -> bool:
        """Built with AddressSanitizer: its memory says nothing."""
        return b"__asan_init" in Path(self.program(name)).read_bytes()

    def small_peak(self, name: str, mib: float) -> None:
        """Checks the peak resident size of a running filter."""
        if not self.is_sanitized(name):
            check.at_most(f"peak resident MiB of {name}",
                          proc.peak_mib(self.filter_pid(name)), mib)

    def smtpd(self, *filters: str, **kind: Any) -> Smtpd:
        setup = Setup(self.work, self.options.root, list(filters),
                            **kind)
        return self.keep(Smtpd(setup))

    def smtpd_rspamd(self, *args: str, **kind: Any) -> Smtpd:
        """smtpd with filter-rspamd, which gets these arguments."""
        return self.smtpd(self.filter("filter-rspamd", *args), **kind)

    def rspamd(self, **kind: Any) -> Rspamd:
        return self.keep(Rspamd(self.work, self.options.root, **kind))

    def stub(self, *steps: Step, port: int = 0) -> Stub:
        return self.keep(Stub(*steps, port=port))

    def filter_pid(self, name: str = "filter-rspamd") -> int:
        return proc.find_one(name)

    def wait_log(self, mta: Smtpd, text: str,
                 seconds: float = 20) -> None:
        wait.until(f"'{text}' in smtpd's log",
                   lambda: text in mta.log(), seconds)
