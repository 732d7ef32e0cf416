"""TAP lines of the tests here."""

import sys
import traceback
from typing import Callable


class Report:
    def __init__(self) -> None:
        self.number = 0
        self.failed = False

    def case(self, name: str, problem: str = "") -> None:
        self.number += 1
        self.failed = self.failed or bool(problem)
        print(f"{'not ok' if problem else 'ok'} {self.number} - {name}",
              flush=True)
        for line in problem.splitlines():
            print("#", line)

    def end(self) -> int:
        print(f"1..{self.number}")
        return 1 if self.failed else 0


def run(functions: list[Callable[[], None]]) -> int:
    """Runs each function (or those named as arguments) as one test."""
    report = Report()
    for function in functions:
        name = function.__name__.removeprefix("test_")
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        try:
            function()
            report.case(name)
        except Exception:       # pylint: disable=broad-exception-caught
            report.case(name, traceback.format_exc())
    return report.end()
