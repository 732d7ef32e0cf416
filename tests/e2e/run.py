#!/usr/bin/python3
"""Runs the end-to-end tests and prints TAP, one line a case.

Each case is a function test_* of a file test_*.py here and runs in
namespaces of its own (mounts, network, processes), so cases run side by
side and whatever they start ends with them. Must be root.
"""

import argparse
import concurrent.futures
import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

from lib import check, space
from lib.case import Case, Options

HERE = Path(__file__).resolve().parent
LOGS = HERE.parent / "log"
JOBS = 2
CASE_SECONDS = 120
# What a failed case shows of smtpd's log; the whole is kept in LOGS.
LOG_LINES = 12
DULL = re.compile("debug:|setup_|smtp: 0x|mda: ")
# How the process of one case ends.
PASSED, FAILED, SKIPPED = 0, 1, 77


def all_cases(pattern: str) -> list[str]:
    """MODULE.FUNCTION of each case whose name contains the pattern."""
    found: list[str] = []
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        found += [f"{path.stem}.{name}" for name in vars(module)
                  if name.startswith("test_")]
    return [name for name in found if pattern in name]


def title(name: str) -> str:
    return name.replace("test_", "").replace("_", " ").replace(".", ": ", 1)


# --- inside: the process of one case ---------------------------------------

def keep_logs(work: Path, folder: Path) -> None:
    for path in [*work.rglob("*.log"), work / "smtpd.conf"]:
        if path.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            flat = str(path.relative_to(work)).replace("/", "-")
            shutil.copy(path, folder / flat)


def explain(err: BaseException, work: Path) -> str:
    """Where it failed, why, and the end of smtpd's log."""
    places = [f"{Path(f.filename).name}:{f.lineno}: {f.line}"
              for f in traceback.extract_tb(err.__traceback__)
              if Path(f.filename).is_relative_to(HERE)]
    kind = "" if isinstance(err, AssertionError) else f"{type(err).__name__}: "
    lines = [*places[1:], f"{kind}{err}"]
    log = work / "smtpd.log"
    if log.exists():
        text = log.read_text(errors="replace").splitlines()
        lines += ["last lines of smtpd's log:",
                  *[line[:200] for line in text
                    if not DULL.match(line)][-LOG_LINES:]]
    return "\n".join(lines)


def run_inside(name: str, work: Path, options: Options) -> int:
    """Runs one case; this process was started in fresh namespaces."""
    space.enter(work)
    if options.root:
        space.enter_root(options.root, work)
    module, function = name.split(".")
    case = Case(work, options)
    try:
        getattr(importlib.import_module(module), function)(case)
    except check.Skip as err:
        print(err)
        return SKIPPED
    except BaseException as err:
        print(explain(err, work))
        keep_logs(work, LOGS / f"{options.smtpd}-{name}")
        return FAILED
    finally:
        case.close()
    return PASSED


# --- outside: the runner ----------------------------------------------------

class Runner:
    def __init__(self, names: list[str], options: Options,
                 work: Path) -> None:
        self.names = names
        self.options = options
        self.work = work
        self.lock = threading.Lock()
        self.running: set[subprocess.Popen[str]] = set()
        self.count = 0
        self.failed = 0
        self.ended = False

    def argv(self, name: str) -> list[str]:
        work = self.work / name
        work.mkdir()
        programs = [f"--program={k}={v}"
                    for k, v in self.options.programs.items()]
        return space.command(
            [sys.executable, str(HERE / "run.py"), "--inside", name, "--work",
             str(work), "--smtpd", self.options.smtpd, *programs])

    def run(self, name: str) -> None:
        begin = time.monotonic()
        child = subprocess.Popen(
            self.argv(name), stdout=subprocess.PIPE, text=True,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            start_new_session=True)
        with self.lock:
            self.running.add(child)
        try:
            text, _ = child.communicate(timeout=CASE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            text, _ = child.communicate()
            text += f"not done after {CASE_SECONDS} s, ended\n"
        with self.lock:
            self.running.discard(child)
            if not self.ended:
                self.report(name, child.returncode, text,
                            time.monotonic() - begin)

    def report(self, name: str, code: int, text: str, took: float) -> None:
        self.count += 1
        label = f"{self.count} - e2e {self.options.smtpd} {title(name)}"
        if code == PASSED:
            print(f"ok {label}")
        elif code == SKIPPED:
            print(f"ok {label} # SKIP {text.strip()}")
        else:
            self.failed += 1
            print(f"not ok {label}")
            for line in text.splitlines():
                print(f"#   {line}")
            print(f"#   logs: tests/log/{self.options.smtpd}-{name}")
        print(f"# {took:.1f} s", flush=True)

    def run_all(self) -> int:
        print(f"1..{len(self.names)}", flush=True)
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            tasks = [pool.submit(self.run, name) for name in self.names]
            try:
                for task in concurrent.futures.as_completed(tasks):
                    task.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.end()
                raise
        return 1 if self.failed else 0

    def end(self) -> None:
        """Ends what runs; unshare --kill-child takes all of it along."""
        with self.lock:
            self.ended = True
            for child in self.running:
                child.kill()


def interrupted(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def skip_all(reason: str) -> int:
    print("1..1")
    print(f"ok 1 - e2e # SKIP {reason}")
    return 0


def reason_against(options: Options) -> str:
    reason = space.reason_against()
    if not reason and not shutil.which("smtpd", path="/usr/sbin:/usr/local/"
                                       "sbin:/usr/bin"):
        reason = "no smtpd installed"
    if not reason and options.root:
        done = subprocess.run([str(HERE / "next.sh")], text=True,
                              stderr=subprocess.PIPE)
        reason = done.stderr.strip() if done.returncode else ""
    return reason


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-k", default="", metavar="TEXT",
                        help="only cases whose name contains TEXT")
    parser.add_argument("--smtpd", choices=["own", "next"], default="own",
                        help="this machine's, or the one that next.sh made")
    parser.add_argument("--program", action="append", default=[],
                        metavar="NAME=PATH",
                        help="run PATH where a case wants our program NAME")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    options = Options(args.smtpd,
                      dict(p.split("=", 1) for p in args.program))
    if args.inside:
        return run_inside(args.inside, args.work, options)
    names = all_cases(args.k)
    if args.list:
        print("\n".join(names))
        return 0
    reason = reason_against(options)
    if reason:
        return skip_all(reason)
    signal.signal(signal.SIGTERM, interrupted)
    work = Path(tempfile.mkdtemp(prefix="e2e-", dir="/tmp"))
    work.chmod(0o755)
    try:
        return Runner(names, options, work).run_all()
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    os.chdir(HERE)
    os.environ["PATH"] = "/usr/sbin:/sbin:" + os.environ["PATH"]
    sys.exit(main())
