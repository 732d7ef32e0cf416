"""Messages of any kind, also such as no mail program would make."""

import difflib
import re
from collections import Counter
from itertools import takewhile
from typing import Callable, Iterator

LINE = re.compile(rb"[^\n]*\n")
FOLDED = re.compile(rb"[^\n]*\n(?:[ \t][^\n]*\n)*")
ADDRESS = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")
MOST_WORK = 10**6               # over that difflib takes minutes

Change = tuple[str, bytes]      # "+" or "-", and what


def split(msg: bytes) -> tuple[bytes, bytes]:
    """What stands before the first empty line, and after it."""
    if msg.startswith(b"\n"):
        return b"", msg[1:]
    head, _, body = msg.partition(b"\n\n")
    return head.removesuffix(b"\n") + b"\n" if head else b"", body


def value(msg: bytes, name: str) -> str:
    """The first field of that name, unfolded; empty if there is none."""
    for field in FOLDED.findall(split(msg)[0]):
        found, _, text = field.partition(b":")
        if found.strip().lower() == name.lower().encode():
            return " ".join(text.decode(errors="replace").split())
    return ""


def wire(msg: bytes) -> bytes:
    """The message, with lines that end in LF, as a client sends it."""
    stuffed = re.sub(rb"^\.", b"..", msg, flags=re.MULTILINE)
    return stuffed.replace(b"\n", b"\r\n") + b".\r\n"


def middle(old: list[bytes], new: list[bytes]) -> tuple[int, int]:
    """How many are the same at the start, and of the rest at the end."""
    def same(pairs: Iterator[tuple[bytes, bytes]]) -> int:
        return sum(1 for _ in takewhile(lambda p: p[0] == p[1], pairs))
    start = same(zip(old, new))
    return start, min(same(zip(reversed(old), reversed(new))),
                      len(old) - start, len(new) - start)


def differences(old: list[bytes], new: list[bytes]) -> Iterator[Change]:
    start, end = middle(old, new)
    old, new = old[start:len(old) - end], new[start:len(new) - end]
    if len(old) * len(new) > MOST_WORK:
        yield from (("-", e) for e in (Counter(old) - Counter(new)).elements())
        yield from (("+", e) for e in (Counter(new) - Counter(old)).elements())
        return
    for op, a, b, c, d in difflib.SequenceMatcher(
            None, old, new, autojunk=False).get_opcodes():
        if op != "equal":
            yield from (("-", entry) for entry in old[a:b])
            yield from (("+", entry) for entry in new[c:d])


def changes(sent: bytes, got: bytes) -> list[Change]:
    """Header fields, then lines of the body."""
    def parts(find: Callable[[bytes], list[bytes]], index: int
              ) -> Iterator[Change]:
        return differences(find(split(sent)[index]), find(split(got)[index]))
    return [*parts(FOLDED.findall, 0), *parts(LINE.findall, 1)]
