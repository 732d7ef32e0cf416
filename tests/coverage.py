"""Prints from an lcov file which part of common/ was run, room by room, and
writes the lines that were not.  usage: coverage.py TREE LCOV MISSING"""

import sys
from pathlib import Path

LEAST = 90      # percent of the lines of common/

# of other systems, so never built into the programs here
ELSEWHERE = {"common/base/sandbox-none.c", "common/base/sandbox-openbsd.c"}


def read(tree: Path, lcov: Path) -> dict[str, dict[int, int]]:
    """File -> line -> how often it was run."""
    files: dict[str, dict[int, int]] = {}
    lines: dict[int, int] = {}
    for row in lcov.read_text().splitlines():
        if row.startswith("SF:"):
            lines = {}
            path = Path(row[3:])
            name = str(path.relative_to(tree) if path.is_absolute() else path)
            if (name.startswith("common/") and name.endswith(".c")
                    and name not in ELSEWHERE):
                lines = files.setdefault(name, {})
        elif row.startswith("DA:"):
            number, count = row[3:].split(",")[:2]
            lines[int(number)] = lines.get(int(number), 0) + int(count)
    return files


def ranges(numbers: list[int]) -> str:
    parts: list[list[int]] = []
    for n in numbers:
        if parts and parts[-1][1] == n - 1:
            parts[-1][1] = n
        else:
            parts.append([n, n])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def row(name: str, lines: int, run: int) -> str:
    return f"| {name} | {lines} | {run} | {100 * run / lines:.1f} % |"


def main() -> int:
    tree, lcov, missing = map(Path, sys.argv[1:4])
    files = read(tree, lcov)
    rooms: dict[str, list[int]] = {}
    low = []
    with missing.open("w") as out:
        for name, lines in sorted(files.items()):
            not_run = sorted(n for n, count in lines.items() if count == 0)
            room = rooms.setdefault(str(Path(name).parent), [0, 0])
            room[0] += len(lines)
            room[1] += len(lines) - len(not_run)
            if not_run:
                print(f"{name}: {ranges(not_run)}", file=out)
            if len(not_run) * 100 > len(lines) * (100 - LEAST):
                low.append(row(name, len(lines), len(lines) - len(not_run)))
    total = [sum(room[i] for room in rooms.values()) for i in (0, 1)]
    print("| room | lines | run | |\n| --- | --- | --- | --- |")
    for name, (count, run) in sorted(rooms.items()):
        print(row(name, count, run))
    print(row("all", *total))
    if low:
        print(f"\nfiles under {LEAST} %:\n" + "\n".join(low))
    missed = {p.as_posix() for p in Path("common").glob("*/*.c")}
    missed -= ELSEWHERE | files.keys()
    for name in sorted(missed):
        print(f"{name}: no line of it was seen")
    return total[1] * 100 < total[0] * LEAST or bool(missed)


sys.exit(main())
