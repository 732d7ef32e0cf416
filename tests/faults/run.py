#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Plays each fault of the table to a real filter; prints TAP.

Arguments: words that names of the faults to play have in them.
--table prints the table as tests/README.md has it.
"""

import os
import signal
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

import case
import table
from case import Case, Fault, Skip

AT_ONCE = 8                     # most of them only wait
README = case.TESTS / "README.md"


def row(fault: Fault) -> str:
    return (f"| {fault.name} | {fault.filter} | {fault.what} "
            f"| {fault.policy} |")


def play(fault: Fault, filter_: str) -> str:
    """The TAP lines of one test."""
    name = f"{filter_}: {fault.name}"
    it = Case(fault, filter_)
    try:
        fault.play(it)
        return f"ok - faults {name}"
    except Skip as why:
        return f"ok - faults {name} # SKIP {why}"
    except Exception:           # pylint: disable=broad-exception-caught
        text = traceback.format_exc().rstrip().replace("\n", "\n# ")
        return f"not ok - faults {name}\n# {text}"
    finally:
        it.undo.close()


def check_readme() -> str:
    """The table in README.md is the one that is played."""
    shown = [line for line in README.read_text().splitlines()
             if line.startswith("| ") and line.count(" | ") == 3]
    missing = [row(f) for f in table.FAULTS if row(f) not in shown]
    names = [f.name for f in table.FAULTS]
    if not missing and len(set(names)) == len(names):
        return "ok - faults: README.md shows this table"
    return "not ok - faults: README.md shows this table\n# " + "\n# ".join(
        missing)


def own_mounts() -> None:
    """Starts this program again where its mounts are its own."""
    again = ["unshare", "--mount", "--", sys.executable, *sys.argv]
    if case.PRIVATE in os.environ or os.geteuid() != 0 or subprocess.run(
            ["unshare", "--mount", "--", "true"], capture_output=True,
            check=False).returncode != 0:
        return
    os.execvpe(again[0], again, {**os.environ, case.PRIVATE: "1"})


def pick(words: list[str]) -> list[tuple[Fault, str]]:
    """Faults and filters with any of the words in their names, or all."""
    tests = {f"{name}: {fault.name}": (fault, name)
             for fault in table.FAULTS for name in fault.filters}
    for word in words:
        if not any(word in title for title in tests):
            sys.exit(f"no such fault: {word}")
    return [test for title, test in tests.items()
            if not words or any(word in title for word in words)]


def main() -> int:
    if sys.argv[1:] == ["--table"]:
        print("\n".join(map(row, table.FAULTS)))
        return 0
    tests = pick(sys.argv[1:])
    # smtpd lets no filter inherit what a shell's background job ignores.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    own_mounts()
    bad = False
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for lines in pool.map(lambda test: play(*test), tests):
                bad = bad or lines.startswith("not ok")
                print(lines, flush=True)
        if not sys.argv[1:]:
            lines = check_readme()
            bad = bad or lines.startswith("not ok")
            print(lines)
    finally:
        case.clean_up()
    return bad


if __name__ == "__main__":
    sys.exit(main())
