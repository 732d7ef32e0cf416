"""Assertions whose failure says what was expected and what came."""

import re
from typing import Any

LONGEST = 400


class Skip(Exception):
    """Raised by a case that can't run here; the text is the reason."""


def show(value: Any) -> str:
    text = repr(value)
    if len(text) > LONGEST:
        return f"{text[:LONGEST]}... ({len(text)} characters)"
    return text


def equal(what: str, got: Any, want: Any) -> None:
    if got != want:
        raise AssertionError(
            f"{what}:\nexpected {show(want)}\n     got {show(got)}")


def matches(what: str, got: str | bytes, pattern: str | bytes) -> None:
    if not re.search(pattern, got, re.DOTALL):
        raise AssertionError(
            f"{what}:\nexpected a match of {show(pattern)}\n"
            f"     got {show(got)}")


def at_most(what: str, got: float, limit: float) -> None:
    if got > limit:
        raise AssertionError(f"{what}: expected at most {limit}, got {got}")


def at_least(what: str, got: float, limit: float) -> None:
    if got < limit:
        raise AssertionError(f"{what}: expected at least {limit}, got {got}")


def same_bytes(what: str, got: bytes, want: bytes) -> None:
    """Compares long strings; the failure shows where they part."""
    if got == want:
        return
    at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b),
              min(len(got), len(want)))
    start = max(0, at - 60)
    raise AssertionError(
        f"{what}: differs at byte {at}\n"
        f"expected ({len(want)} bytes) ...{show(want[start:at + 120])}\n"
        f"     got ({len(got)} bytes) ...{show(got[start:at + 120])}")
