"""What the tests of command lines have in common: each program in one run."""

import subprocess
from pathlib import Path
from typing import Callable

TESTS = Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
FILTERS = ["filter-rspamd", "filter-dkimsign", "filter-dkimverify"]
BAD, USAGE, AGAIN = 1, 64, 75
TIMEOUT = 30

TESTS_TO_RUN: list[tuple[str, Callable[[], None]]] = []


def test(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def add(func: Callable[[], None]) -> Callable[[], None]:
        TESTS_TO_RUN.append((name, func))
        return func
    return add


def run(name: str, *args: str,
        stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([ROOT / name / name, *args], input=stdin,
                          capture_output=True, timeout=TIMEOUT, check=False)


def status(got: subprocess.CompletedProcess[bytes], want: int) -> None:
    assert got.returncode == want, (
        f"status {got.returncode}, not {want}: {got.stdout!r} {got.stderr!r}")
